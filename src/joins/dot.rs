//! [`Dot`]: the dot product of two values.

use ndarray::Zip;

use super::pair;
use crate::layer::{Inputs, Join, JoinBackward, JoinPass, Parts, Restore};
use crate::spec::onnx::{Attribute, Operators};
use crate::spec::rust::{Code, functions};
use crate::spec::{Formula, Spec};
use crate::{Matrix, Result, Scalar, Shape};

/// The dot product of two values of the same shape, over the whole sample: y = Σ aᵢ·bᵢ, a scalar; da = dy·b, db = dy·a.
///
/// ```
/// use neuropil::joins::Dot;
/// use neuropil::prelude::*;
///
/// let mut g = Network::<f64>::new();
/// let (a, b) = (g.input("a", 2), g.input("b", 2));
/// let dot = g.join(Dot, [a, b])?;
/// g.output("dot", dot)?;
/// assert_eq!(g.predict(&ndarray::array![[1.0, 2.0, 10.0, 20.0]])?, ndarray::array![[50.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dot;

impl<A: Scalar> Join<A> for Dot {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape> {
        pair("Dot", inputs).map(|_| Shape::Flat(1))
    }

    fn forward(&self, inputs: Inputs<'_, A>, y: &mut Matrix<A>, _: &mut JoinPass<'_>) -> Result<()> {
        Zip::from(y.rows_mut()).and(inputs.get(0).rows()).and(inputs.get(1).rows()).for_each(|mut y, a, b| {
            y[0] = A::of(a.iter().zip(b).map(|(a, b)| (*a * *b).to_f64()).sum());
        });
        Ok(())
    }

    fn backward(&self, at: JoinBackward<'_, A>, _: &mut JoinPass<'_>) -> Result<()> {
        for (i, dx) in at.dx.iter_mut().enumerate() {
            let other = at.inputs.get(1 - i);
            Zip::from(dx.rows_mut()).and(other.rows()).and(at.dy.rows()).for_each(|mut dx, other, dy| {
                dx.zip_mut_with(&other, |dx, &other| *dx = dy[0] * other);
            });
        }
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("dot"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let second = operators.inputs()[1].0.clone();
        operators.then("Mul", &[&second], []);
        sum_of_sample(operators);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let inputs: Vec<_> = code.inputs().iter().map(|(numbers, _)| *numbers).collect();
        let y = code.call(&functions::DOT, &inputs, 1, &[]);
        code.set_current(y);
        Ok(())
    }

    fn formula(&self, _: usize) -> Option<Formula> {
        Some(Formula::new("Σ □1 ∘ □2", "\\sum □1 \\circ □2"))
    }
}

/// Sums the current value over each sample, to (batch, 1).
pub(super) fn sum_of_sample(operators: &mut Operators) {
    operators.then("Flatten", &[], [("axis", Attribute::Int(1))]);
    let axes = operators.integers(&[1]);
    operators.then("ReduceSum", &[&axes], [("keepdims", Attribute::Int(1))]);
}

impl<A: Scalar> Restore<A> for Dot {
    const KIND: &'static str = "dot";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Self)
    }
}
