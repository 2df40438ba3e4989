//! [`Subtract`]: the difference of two values.

use super::pair;
use crate::kernels::simd::map2;
use crate::kernels::{flat, flat_mut};
use crate::layer::{Inputs, Join, JoinBackward, JoinPass, Parts, Restore, Steps};
use crate::spec::onnx::Operators;
use crate::spec::rust::{Code, Function, Numbers};
use crate::spec::{Formula, Spec};
use crate::{Matrix, Result, Scalar, Shape};

/// The elementwise difference of two values of the same shape: y = a - b, da = dy, db = -dy.
///
/// ```
/// use neuropil::joins::Subtract;
/// use neuropil::prelude::*;
///
/// let mut g = Network::<f64>::new();
/// let (a, b) = (g.input("a", 2), g.input("b", 2));
/// let difference = g.join(Subtract, [a, b])?;
/// g.output("difference", difference)?;
/// assert_eq!(g.predict(&ndarray::array![[1.0, 2.0, 10.0, 20.0]])?, ndarray::array![[-9.0, -18.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Subtract;

const SUBTRACT: Function = Function::new(
    "subtract",
    "\
pub fn subtract(y: &mut [Number], x: &[Number]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y -= x;
    }
}
",
);

impl<A: Scalar> Join<A> for Subtract {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape> {
        pair("Subtract", inputs)
    }

    fn steps(&self) -> Steps {
        Steps::Each
    }

    fn forward(&self, inputs: Inputs<'_, A>, y: &mut Matrix<A>, _: &mut JoinPass<'_>) -> Result<()> {
        map2(flat(inputs.get(0)), flat(inputs.get(1)), flat_mut(y), |a, b| a - b);
        Ok(())
    }

    fn backward(&self, at: JoinBackward<'_, A>, _: &mut JoinPass<'_>) -> Result<()> {
        at.dx[0].assign(at.dy);
        at.dx[1].zip_mut_with(at.dy, |dx, &dy| *dx = -dy);
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("subtract"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let second = operators.inputs()[1].0.clone();
        operators.then("Sub", &[&second], []);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let rest: Vec<Numbers> = code.inputs()[1..].iter().map(|(numbers, _)| *numbers).collect();
        rest.into_iter().for_each(|x| code.change(&SUBTRACT, &[x], &[]));
        Ok(())
    }

    fn formula(&self, _: usize) -> Option<Formula> {
        Some(Formula::new("□1 − □2", "□1 - □2"))
    }
}

impl<A: Scalar> Restore<A> for Subtract {
    const KIND: &'static str = "subtract";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Self)
    }
}
