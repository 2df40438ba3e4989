//! [`Minimum`]: the elementwise minimum of two values.

use super::{pair, to_winner};
use crate::kernels::simd::map2;
use crate::kernels::{flat, flat_mut};
use crate::layer::{Inputs, Join, JoinBackward, JoinPass, Parts, Restore, Steps};
use crate::spec::onnx::Operators;
use crate::spec::rust::{Code, Function};
use crate::spec::{Formula, Spec};
use crate::{Matrix, Result, Scalar, Shape};

/// The elementwise minimum of two values of the same shape: y = min(a, b). dy goes to the smaller element; equal
/// elements get half each. NaN propagates.
///
/// ```
/// use neuropil::joins::Minimum;
/// use neuropil::prelude::*;
///
/// let mut g = Network::<f64>::new();
/// let (a, b) = (g.input("a", 2), g.input("b", 2));
/// let y = g.join(Minimum, [a, b])?;
/// g.output("y", y)?;
/// assert_eq!(g.predict(&ndarray::array![[1.0, 6.0, 4.0, 3.0]])?, ndarray::array![[1.0, 3.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Minimum;

const MINIMUM: Function = Function::new(
    "minimum_with",
    "\
pub fn minimum_with(y: &mut [Number], x: &[Number]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = minimum(*y, *x);
    }
}
",
);

impl<A: Scalar> Join<A> for Minimum {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape> {
        pair("Minimum", inputs)
    }

    fn steps(&self) -> Steps {
        Steps::Each
    }

    fn forward(&self, inputs: Inputs<'_, A>, y: &mut Matrix<A>, _: &mut JoinPass<'_>) -> Result<()> {
        map2(flat(inputs.get(0)), flat(inputs.get(1)), flat_mut(y), A::minimum);
        Ok(())
    }

    fn backward(&self, at: JoinBackward<'_, A>, _: &mut JoinPass<'_>) -> Result<()> {
        to_winner(at, |own, other| own < other);
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("minimum"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let second = operators.inputs()[1].0.clone();
        operators.then("Min", &[&second], []);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let second = code.inputs()[1].0;
        code.change(&MINIMUM, &[second], &[]);
        Ok(())
    }

    fn formula(&self, _: usize) -> Option<Formula> {
        Some(Formula::new("min(□1, □2)", "\\min(□1, □2)"))
    }
}

impl<A: Scalar> Restore<A> for Minimum {
    const KIND: &'static str = "minimum";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Self)
    }
}
