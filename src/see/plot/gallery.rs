//! [`activation_gallery`]: the activations and their derivatives.

use super::Chart;
#[allow(clippy::wildcard_imports)] // Most activations are drawn.
use crate::activations::*;

/// The activations of the crate on [-8, 8], each with its derivative dashed; the plain functions `Abs`, `Erf`, `Exp`,
/// `Log` and `Power` are left out.
pub fn activation_gallery() -> String {
    let mut charts = Vec::new();
    macro_rules! add {
        ($($activation:expr),* $(,)?) => {$(charts.push(chart(&$activation));)*};
    }
    add!(
        Identity,
        Relu,
        LeakyRelu::default(),
        Elu::default(),
        Celu::default(),
        Selu,
        Gelu,
        GeluTanh,
        Silu,
        Mish,
        Softplus::default(),
        Sigmoid,
        LogSigmoid,
        Tanh,
        Softsign,
        TanhShrink,
        HardSigmoid,
        HardSwish,
        HardTanh::default(),
        Relu6,
        HardShrink::default(),
        SoftShrink::default(),
        Threshold::new(0.0, 0.0),
        Step::default(),
        Sign,
    );
    Chart::grid(&charts, 5)
}

fn chart(activation: &impl Activation) -> Chart {
    let xs: Vec<f64> = (-128..=128).map(|i| f64::from(i) / 16.0).collect();
    let f = xs.iter().map(|&x| (x, activation.apply(x)));
    let slope = xs.iter().map(|&x| (x, activation.slope(x, activation.apply(x))));
    let name = format!("{activation:?}");
    let name = name.split([' ', '{', '(']).next().unwrap_or_default();
    Chart::new(name, "x", "").size(250.0, 200.0).line("f(x)", f).dashed("f′(x)", slope)
}
