//! [`Divide`]: the quotient of two values.

use super::pair;
use crate::kernels::simd::{each, map2};
use crate::kernels::{flat, flat_mut};
use crate::layer::{Inputs, Join, JoinBackward, JoinPass, Parts, Restore, Steps};
use crate::spec::onnx::Operators;
use crate::spec::rust::{Code, Function};
use crate::spec::{Formula, Spec};
use crate::{Matrix, Result, Scalar, Shape};

/// The elementwise quotient of two values of the same shape: y = a/b, da = dy/b, db = -dy·a/b².
///
/// ```
/// use neuropil::joins::Divide;
/// use neuropil::prelude::*;
///
/// let mut g = Network::<f64>::new();
/// let (a, b) = (g.input("a", 2), g.input("b", 2));
/// let y = g.join(Divide, [a, b])?;
/// g.output("y", y)?;
/// assert_eq!(g.predict(&ndarray::array![[1.0, 6.0, 4.0, 3.0]])?, ndarray::array![[0.25, 2.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Divide;

const DIVIDE: Function = Function::new(
    "divide",
    "\
pub fn divide(y: &mut [Number], x: &[Number]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y /= x;
    }
}
",
);

impl<A: Scalar> Join<A> for Divide {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape> {
        pair("Divide", inputs)
    }

    fn steps(&self) -> Steps {
        Steps::Each
    }

    fn forward(&self, inputs: Inputs<'_, A>, y: &mut Matrix<A>, _: &mut JoinPass<'_>) -> Result<()> {
        map2(flat(inputs.get(0)), flat(inputs.get(1)), flat_mut(y), |a, b| a / b);
        Ok(())
    }

    fn backward(&self, at: JoinBackward<'_, A>, _: &mut JoinPass<'_>) -> Result<()> {
        let (a, b, dy) = (flat(at.inputs.get(0)), flat(at.inputs.get(1)), flat(at.dy));
        map2(dy, b, flat_mut(&mut at.dx[0]), |dy, b| dy / b);
        each((flat_mut(&mut at.dx[1]), (dy, (a, b))), |(dx, (&dy, (&a, &b)))| *dx = -dy * a / (b * b));
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("divide"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let second = operators.inputs()[1].0.clone();
        operators.then("Div", &[&second], []);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let second = code.inputs()[1].0;
        code.change(&DIVIDE, &[second], &[]);
        Ok(())
    }

    fn formula(&self, _: usize) -> Option<Formula> {
        Some(Formula::new("□1 / □2", "\\frac{□1}{□2}"))
    }
}

impl<A: Scalar> Restore<A> for Divide {
    const KIND: &'static str = "divide";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Self)
    }
}
