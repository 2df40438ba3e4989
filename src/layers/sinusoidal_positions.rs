//! [`SinusoidalPositions`]: sinusoidal positional encoding.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};

use ndarray::Array2;

use super::shared::affine::constant;
use super::shared::masked;
use crate::kernels::{flat, resize, steps_before_padding};
use crate::layer::{Backward, Layer, Parts, Pass, Restore, Steps};
use crate::spec::Spec;
use crate::spec::onnx::Operators;
use crate::spec::rust::{Code, functions};
use crate::{Error, Matrix, Result, Scalar, Shape};

/// Adds an encoding of its position, by sines and cosines, to each step of a sequence (Vaswani et al., 2017), for
/// layers such as [`MultiHeadAttention`](super::MultiHeadAttention) that ignore the order of the steps.
///
/// For step t, counted from 0, and F features (dx = dy):
///
/// ```text
/// y[t, 2i]     = x[t, 2i]     + sin(t / 10000^(2i/F))
/// y[t, 2i + 1] = x[t, 2i + 1] + cos(t / 10000^(2i/F))
/// ```
///
/// ```
/// use neuropil::prelude::*;
///
/// let network = Sequential::<f64>::new([3, 2]).with(SinusoidalPositions::new())?;
/// let y = network.predict_one(&[0.0; 6])?;
/// for t in 0..3 {
///     assert!((y[2 * t] - (t as f64).sin()).abs() < 1e-15);
///     assert!((y[2 * t + 1] - (t as f64).cos()).abs() < 1e-15);
/// }
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SinusoidalPositions {
    masked: bool,
}

impl SinusoidalPositions {
    /// Creates a layer for sequences of any size.
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves trailing all-zero steps unchanged, so that later layers recognize them as padding.
    pub fn masked(mut self) -> Self {
        self.masked = true;
        self
    }

    /// The steps and features of an input.
    fn sizes(self, input: Shape) -> Result<[usize; 2]> {
        match input {
            Shape::Sequence { steps, features: features @ 1.. } => Ok([steps, features]),
            _ => Err(Error::Input {
                layer: format!("{self:?}"),
                wants: "sequences [steps, features]".into(),
                got: input,
            }),
        }
    }
}

/// The encodings of the steps from `first`, (steps, features).
fn write_codes<A: Scalar>(codes: &mut Array2<A>, first: usize) {
    let features = codes.ncols();
    for i in 0..features {
        // ω = 10000^(-2i/F); this crate's functions are bitwise reproducible on every machine.
        let frequency = Scalar::exp(-((i / 2 * 2) as f64 / features as f64) * Scalar::ln(10_000_f64));
        for (t, code) in codes.column_mut(i).iter_mut().enumerate() {
            let quarter = if i % 2 == 0 { 0.0 } else { 1.0 };
            *code = A::of(sine((first + t) as f64 * frequency, quarter));
        }
    }
}

/// The sine of `angle` plus `quarters` quarter turns, for angles >= 0.
pub(super) fn sine(angle: f64, quarters: f64) -> f64 {
    /// π/2 minus its nearest `f64`.
    const FRAC_PI_2_LOW: f64 = 6.123_233_995_736_766e-17;
    // The remainder from the nearest multiple of a quarter turn, |r| <= π/4.
    let nearest = (angle * FRAC_2_PI).round();
    let r = (-nearest).mul_add(FRAC_PI_2_LOW, (-nearest).mul_add(FRAC_PI_2, angle));
    let quarter = (nearest + quarters) % 4.0;
    // The series of sin r, or of cos r for an odd number of quarters.
    let odd = quarter % 2.0;
    let (mut term, mut n) = if odd == 1.0 { (1.0, 0.0) } else { (r, 1.0) };
    let mut sum = 0.0;
    for _ in 0..10 {
        sum += term;
        term *= -r * r / ((n + 1.0) * (n + 2.0));
        n += 2.0;
    }
    if quarter >= 2.0 { -sum } else { sum }
}

impl<A: Scalar> Layer<A> for SinusoidalPositions {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        self.sizes(input).map(|_| input)
    }

    fn steps(&self, _: Shape) -> Steps {
        if self.masked { Steps::All } else { Steps::Causal }
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let [steps, features] = self.sizes(pass.input)?;
        let Codes { codes, next } = pass.cache.get::<Codes<A>>();
        if codes.dim() != (steps, features) || pass.stream {
            resize(codes, steps, features)?;
            write_codes(codes, *next);
        }
        if pass.stream {
            *next += steps;
        }
        add_codes(x, flat(codes), features, self.masked && pass.lengths.is_none(), y);
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, _: &mut Pass<'_>) -> Result<()> {
        if let Some(dx) = at.dx {
            dx.assign(at.dy);
        }
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("sinusoidal_positions").set("masked", self.masked))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let [steps, features] = self.sizes(operators.input())?;
        let mut codes = Array2::<A>::default((steps, features));
        write_codes(&mut codes, 0);
        write_onnx(operators, flat(&codes), self.masked);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let [steps, features] = self.sizes(code.input())?;
        let mut codes = Array2::<A>::default((steps, features));
        write_codes(&mut codes, 0);
        write_rust(code, codes.iter().map(|code| code.to_f64()).collect(), self.masked);
        Ok(())
    }
}

impl<A: Scalar> Restore<A> for SinusoidalPositions {
    const KIND: &'static str = "sinusoidal_positions";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Self { masked: parts.spec().flag("masked")? })
    }
}

/// The encodings for the last size of sequences.
struct Codes<A> {
    codes: Array2<A>,
    /// The position of the next step of a stream.
    next: usize,
}

impl<A: Scalar> Default for Codes<A> {
    fn default() -> Self {
        Self { codes: Array2::default((0, 0)), next: 0 }
    }
}

/// y = x + codes for each sample; if `masked`, padding is unchanged. `codes` has `features` per step.
pub(super) fn add_codes<A: Scalar>(x: &Matrix<A>, codes: &[A], features: usize, masked: bool, y: &mut Matrix<A>) {
    for (x, mut y) in x.rows().into_iter().zip(y.rows_mut()) {
        let steps = if masked { steps_before_padding(&x, features) } else { x.len() / features };
        y.assign(&x);
        y.iter_mut().zip(&codes[..steps * features]).for_each(|(y, &code)| *y += code);
    }
}

/// Adds the encodings of the steps of the current value, in ONNX; if `masked`, padding is unchanged.
pub(super) fn write_onnx<A: Scalar>(operators: &mut Operators, codes: &[A], masked: bool) {
    let Shape::Sequence { steps, features } = operators.input() else { return };
    let x = operators.value();
    let codes = constant(operators, "weight", &[steps, features], &codes[..steps * features]);
    let seen = masked.then(|| masked::seen(operators, &x, false));
    operators.then("Add", &[&codes], []);
    if let Some(seen) = seen {
        masked::only(operators, &seen, &x);
    }
}

/// Adds `codes`, truncated to the steps of the current numbers, by a call to a Rust function.
pub(super) fn write_rust(code: &mut Code, mut codes: Vec<f64>, masked: bool) {
    let len = code.current().len();
    let features = len / code.input().positions().max(1);
    codes.truncate(len);
    let codes = code.constant("weight", codes);
    code.change(&functions::ADD_CODES, &[], &[&codes, &features, &masked]);
}
