//! [`Maximum`]: the elementwise maximum of two values.

use super::{pair, to_winner};
use crate::kernels::simd::map2;
use crate::kernels::{flat, flat_mut};
use crate::layer::{Inputs, Join, JoinBackward, JoinPass, Parts, Restore, Steps};
use crate::spec::onnx::Operators;
use crate::spec::rust::{Code, Function};
use crate::spec::{Formula, Spec};
use crate::{Matrix, Result, Scalar, Shape};

/// The elementwise maximum of two values of the same shape: y = max(a, b). dy goes to the larger element; equal
/// elements get half each. NaN propagates.
///
/// ```
/// use neuropil::joins::Maximum;
/// use neuropil::prelude::*;
///
/// let mut g = Network::<f64>::new();
/// let (a, b) = (g.input("a", 2), g.input("b", 2));
/// let y = g.join(Maximum, [a, b])?;
/// g.output("y", y)?;
/// assert_eq!(g.predict(&ndarray::array![[1.0, 6.0, 4.0, 3.0]])?, ndarray::array![[4.0, 6.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Maximum;

const MAXIMUM: Function = Function::new(
    "maximum_with",
    "\
pub fn maximum_with(y: &mut [Number], x: &[Number]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = maximum(*y, *x);
    }
}
",
);

impl<A: Scalar> Join<A> for Maximum {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape> {
        pair("Maximum", inputs)
    }

    fn steps(&self) -> Steps {
        Steps::Each
    }

    fn forward(&self, inputs: Inputs<'_, A>, y: &mut Matrix<A>, _: &mut JoinPass<'_>) -> Result<()> {
        map2(flat(inputs.get(0)), flat(inputs.get(1)), flat_mut(y), A::maximum);
        Ok(())
    }

    fn backward(&self, at: JoinBackward<'_, A>, _: &mut JoinPass<'_>) -> Result<()> {
        to_winner(at, |own, other| own > other);
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("maximum"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let second = operators.inputs()[1].0.clone();
        operators.then("Max", &[&second], []);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let second = code.inputs()[1].0;
        code.change(&MAXIMUM, &[second], &[]);
        Ok(())
    }

    fn formula(&self, _: usize) -> Option<Formula> {
        Some(Formula::new("max(□1, □2)", "\\max(□1, □2)"))
    }
}

impl<A: Scalar> Restore<A> for Maximum {
    const KIND: &'static str = "maximum";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Self)
    }
}
