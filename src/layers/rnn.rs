//! [`Rnn`]: the plain recurrent layer.

use rand::Rng;

use super::recurrent::{Cell, Recurrent};
use crate::kernels::simd::rows::each;
use crate::spec::Spec;
use crate::spec::onnx::{Attribute, Operators};
use crate::spec::rust::Function;
use crate::{Result, Scalar};

/// The plain recurrent layer (Elman, 1990): h = f(x·Wₓ + bₓ + h·Wₕ + bₕ) for each step, with f = tanh or
/// max(0, ·).
///
/// Wₓ (`weight_ih`) is (inputs, units), Wₕ (`weight_hh`) is (units, units), and there are two biases, as in `PyTorch`.
/// See [`Recurrent`] for stacked and bidirectional layers, padding, and state carried between sequences.
///
/// ```
/// use neuropil::prelude::*;
///
/// let network = Sequential::<f32>::new([20, 3]).with(Rnn::new(3, 8, &mut rng(1)).last_state())?;
/// assert_eq!(network.output(), Shape::Flat(8));
/// # Ok::<(), Error>(())
/// ```
pub type Rnn<A> = Recurrent<A, RnnCell>;

/// One step of an [`Rnn`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RnnCell {
    /// f = tanh.
    #[default]
    Tanh,
    /// f = max(0, ·).
    Relu,
}

impl<A: Scalar> Rnn<A> {
    /// Creates a layer with f = tanh, with weights and biases uniform in ±1/√units, `PyTorch`'s default.
    pub fn new(inputs: usize, units: usize, rng: &mut impl Rng) -> Self {
        Self::with_cell(RnnCell::Tanh, inputs, units, rng)
    }

    /// Creates a layer with f = max(0, ·), with the same initialization.
    pub fn relu(inputs: usize, units: usize, rng: &mut impl Rng) -> Self {
        Self::with_cell(RnnCell::Relu, inputs, units, rng)
    }
}

impl Cell for RnnCell {
    const NAME: &'static str = "Rnn";
    const KIND: &'static str = "rnn";
    const GATES: usize = 1;
    const FROM_X: &'static [(usize, usize, usize)] = &[(0, 1, 0)];
    const ONNX_GATES: &'static [usize] = &[0];

    #[inline(always)]
    fn forward<A: Scalar>(&self, gates: &mut [A], _: [&[A]; 2], [h, _]: [&mut [A]; 2]) {
        match self {
            Self::Tanh => each((h, &*gates), |(h, &s)| *h = s.tanh()),
            Self::Relu => each((h, &*gates), |(h, &s)| *h = s.maximum(A::ZERO)),
        }
    }

    #[inline(always)]
    fn backward<A: Scalar>(&self, _: &[A], _: [&[A]; 2], [h, _]: [&[A]; 2], dgates: &mut [A], [dh, _]: [&mut [A]; 2]) {
        match self {
            Self::Tanh => each((dgates, &*dh, h), |(ds, &dh, &h)| *ds = dh * (A::ONE - h * h)),
            Self::Relu => each((dgates, &*dh, h), |(ds, &dh, &h)| *ds = if h > A::ZERO { dh } else { A::ZERO }),
        }
        dh.fill(A::ZERO);
    }

    fn describe(&self, spec: Spec) -> Spec {
        spec.set("nonlinearity", if *self == Self::Tanh { "tanh" } else { "relu" })
    }

    fn restore(spec: &Spec) -> Result<Self> {
        match spec.text("nonlinearity")? {
            "tanh" => Ok(Self::Tanh),
            "relu" => Ok(Self::Relu),
            other => Err(spec.problem(format!("the nonlinearity is {other}; give `tanh` or `relu`"))),
        }
    }

    fn onnx(&self, operators: &mut Operators, rest: [&str; 4], shared: [(&str, Attribute<'static>); 2]) -> Result<()> {
        let name = if *self == Self::Relu { "Relu" } else { "Tanh" };
        let [size, direction] = shared;
        // One function per direction.
        let both = matches!(&direction.1, Attribute::Text(direction) if direction == "bidirectional");
        let functions = vec![name.to_owned(); if both { 2 } else { 1 }];
        operators.then("RNN", &rest, [size, direction, ("activations", Attribute::Texts(functions))]);
        Ok(())
    }

    fn rust(&self) -> Option<Function> {
        Some(if *self == Self::Relu { RELU } else { TANH })
    }

    fn note(&self) -> &'static str {
        if *self == Self::Relu { ", relu" } else { "" }
    }
}

const TANH: Function = Function::new(
    "rnn_tanh",
    "\
pub fn rnn_tanh(x: &mut [Number], from_h: &[Number], h: &mut [Number], _: &mut [Number]) {
    for (h, (x, from_h)) in h.iter_mut().zip(x.iter().zip(from_h)) {
        *h = math::tanh(x + from_h);
    }
}
",
);

const RELU: Function = Function::new(
    "rnn_relu",
    "\
pub fn rnn_relu(x: &mut [Number], from_h: &[Number], h: &mut [Number], _: &mut [Number]) {
    for (h, (x, from_h)) in h.iter_mut().zip(x.iter().zip(from_h)) {
        *h = maximum(x + from_h, 0.0);
    }
}
",
);
