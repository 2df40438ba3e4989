//! Checks derivatives against finite differences: for the layers and losses here, and for yours.
//!
//! A derivative is right when it agrees with what the function does: for each number w that a value depends on,
//! (f(w + h) - f(w - h)) / 2h, in `f64`, with h = 6·10⁻⁶·max(1, |w|), the step at which rounding and curvature together
//! cost least. A layer's outputs are made one number by a random upstream gradient, so that every entry of the Jacobian
//! takes part.
//!
//! ```
//! use neuropil::gradcheck;
//! use neuropil::prelude::*;
//!
//! let mut rng = rng(1);
//! let network = Sequential::mlp(&[3, 5, 2], Tanh, &mut rng)?;
//! let x = Init::STANDARD_NORMAL.matrix(4, 3, &mut rng);
//! let report = gradcheck::layer(&network, 3, &x, 1)?;
//! assert!(report.passes(1e-7), "{report}");
//! assert_eq!(report.compared, 4 * 3 + network.parameter_count());
//! # Ok::<(), Error>(())
//! ```

use std::fmt;

use ndarray::Array2;

use crate::layers::Layer;
use crate::losses::Loss;
use crate::{Init, Matrix, Result, Shape, Tape, rng};

/// What a check found: the worst disagreement, and how much was compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The largest error, |analytic - numeric| / max(1, |analytic|, |numeric|); NaN if anything was NaN.
    pub error: f64,
    /// Where it is, such as `0.weight[3, 1]` or `input[0, 2]`.
    pub at: String,
    /// The derivative by `backward` there.
    pub analytic: f64,
    /// The derivative by finite differences there.
    pub numeric: f64,
    /// How many derivatives were compared.
    pub compared: usize,
}

impl Report {
    /// Whether anything was compared, and nothing was off by more than `tolerance`: 10⁻⁷ for smooth functions.
    pub fn passes(&self, tolerance: f64) -> bool {
        self.compared > 0 && self.error <= tolerance
    }

    fn empty() -> Self {
        Self { error: 0.0, at: "nothing".into(), analytic: 0.0, numeric: 0.0, compared: 0 }
    }

    fn compare(&mut self, analytic: f64, numeric: f64, at: impl FnOnce() -> String) {
        let error = (analytic - numeric).abs() / analytic.abs().max(numeric.abs()).max(1.0);
        // NaN is worst of all, and stays.
        if self.compared == 0 || error > self.error || (error.is_nan() && !self.error.is_nan()) {
            *self = Self { error, at: at(), analytic, numeric, compared: self.compared };
        }
        self.compared += 1;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { error, at, analytic, numeric, compared } = self;
        write!(
            f,
            "worst of {compared} derivatives: {at} is {analytic:e} by backward, {numeric:e} by finite differences"
        )?;
        write!(f, ", error {error:.1e}")
    }
}

/// Checks a layer, or a whole network, at the batch `x`: the gradient by the input and by every trainable parameter.
///
/// Layers that draw random numbers draw the same ones, from `seed`, in each evaluation.
///
/// # Errors
/// Those of the layer's forward pass.
pub fn layer(layer: &dyn Layer<f64>, input: impl Into<Shape>, x: &Matrix<f64>, seed: u64) -> Result<Report> {
    let input = input.into();
    let mut tape = Tape::for_layer(layer, input, seed);
    let outputs = tape.forward(layer, x)?.dim();
    let upstream: Array2<f64> = Init::STANDARD_NORMAL.matrix(outputs.0, outputs.1, &mut rng(seed ^ 0x5eed));
    let gradients = tape.backward_from(layer, &upstream)?;
    let (by_input, by_weight) = (gradients.input.clone(), gradients.weights.to_vec());

    // The value Σ upstream ∘ y.
    let value = |layer: &dyn Layer<f64>, x: &Matrix<f64>| -> Result<f64> {
        let mut tape = Tape::for_layer(layer, input, seed);
        Ok((tape.forward(layer, x)? * &upstream).sum())
    };
    let mut report = Report::empty();
    let mut x = x.to_owned();
    for (index, &analytic) in by_input.indexed_iter() {
        let numeric = difference(x[index], |moved| {
            x[index] = moved;
            value(layer, &x)
        })?;
        report.compare(analytic, numeric, || format!("input[{}, {}]", index.0, index.1));
    }
    let mut moved_layer = layer.clone_layer();
    for (slot, by_weight) in by_weight.iter().enumerate() {
        for (index, &analytic) in by_weight.indexed_iter() {
            let mut name = String::new();
            let mut set = |layer: &mut dyn Layer<f64>, to: Option<f64>| {
                let (mut at, mut old) = (0, 0.0);
                layer.visit_mut(&mut |info, w| {
                    if info.role.is_trainable() {
                        if at == slot {
                            old = w[index];
                            w[index] = to.unwrap_or(old);
                            name = format!("{}[{}, {}]", info.name, index.0, index.1);
                        }
                        at += 1;
                    }
                });
                old
            };
            let w = set(&mut *moved_layer, None);
            let numeric = difference(w, |moved| {
                set(&mut *moved_layer, Some(moved));
                value(&*moved_layer, &x)
            })?;
            report.compare(analytic, numeric, || name);
        }
    }
    Ok(report)
}

/// Checks a loss at the outputs `y` and `target`: the gradient by each output.
///
/// ```
/// use neuropil::prelude::*;
/// use neuropil::gradcheck;
/// use ndarray::array;
///
/// let report = gradcheck::loss(&Mse, &array![[0.5, 2.0]], &array![[1.0, -1.0]])?;
/// assert!(report.passes(1e-7) && report.compared == 2, "{report}");
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// When the target does not fit.
pub fn loss(loss: &dyn Loss<f64>, y: &Matrix<f64>, target: &Matrix<f64>) -> Result<Report> {
    let gradient = loss.gradient(y, target)?;
    let mut report = Report::empty();
    let mut y = y.to_owned();
    for (index, &analytic) in gradient.indexed_iter() {
        let numeric = difference(y[index], |moved| {
            y[index] = moved;
            loss.evaluate(&y, target)
        })?;
        report.compare(analytic, numeric, || format!("y[{}, {}]", index.0, index.1));
    }
    Ok(report)
}

/// The central difference of `f` at `w`; `f` is called last with `w` itself, to put everything back.
fn difference(w: f64, mut f: impl FnMut(f64) -> Result<f64>) -> Result<f64> {
    let h = 6e-6 * w.abs().max(1.0);
    // What was really added, after rounding.
    let (up, down) = (w + h, w - h);
    let slope = (f(up)? - f(down)?) / (up - down);
    f(w)?;
    Ok(slope)
}
