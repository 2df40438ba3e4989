//! [`Add`]: the sum of values.

use super::{same_shape, separated};
use crate::kernels::simd::{each, map2};
use crate::kernels::{flat, flat_mut};
use crate::layer::{Inputs, Join, JoinBackward, JoinPass, Parts, Restore, Steps};
use crate::spec::onnx::Operators;
use crate::spec::rust::{Code, Function, Numbers};
use crate::spec::{Formula, Spec};
use crate::{Matrix, Result, Scalar, Shape};

/// The elementwise sum of values of the same shape: y = Σ xᵢ, dxᵢ = dy.
///
/// ```
/// use neuropil::joins::Add;
/// use neuropil::prelude::*;
///
/// let mut g = Network::<f64>::new();
/// let (a, b) = (g.input("a", 2), g.input("b", 2));
/// let sum = g.join(Add, [a, b])?;
/// g.output("sum", sum)?;
/// assert_eq!(g.predict(&ndarray::array![[1.0, 2.0, 10.0, 20.0]])?, ndarray::array![[11.0, 22.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Add;

const ADD: Function = Function::new(
    "add",
    "\
pub fn add(y: &mut [Number], x: &[Number]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += x;
    }
}
",
);

impl<A: Scalar> Join<A> for Add {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape> {
        same_shape("Add", inputs)
    }

    fn steps(&self) -> Steps {
        Steps::Each
    }

    fn forward(&self, inputs: Inputs<'_, A>, y: &mut Matrix<A>, _: &mut JoinPass<'_>) -> Result<()> {
        if inputs.len() == 1 {
            y.assign(inputs.get(0));
            return Ok(());
        }
        map2(flat(inputs.get(0)), flat(inputs.get(1)), flat_mut(y), |a, b| a + b);
        for x in inputs.iter().skip(2) {
            each((flat_mut(y), flat(x)), |(y, &x)| *y += x);
        }
        Ok(())
    }

    fn backward(&self, at: JoinBackward<'_, A>, _: &mut JoinPass<'_>) -> Result<()> {
        at.dx.iter_mut().for_each(|dx| dx.assign(at.dy));
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("add"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let names: Vec<String> = operators.inputs().iter().map(|(name, _)| name.clone()).collect();
        let rest: Vec<&str> = names[1..].iter().map(|name| &**name).collect();
        operators.then(if rest.len() == 1 { "Add" } else { "Sum" }, &rest, []);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let rest: Vec<Numbers> = code.inputs()[1..].iter().map(|(numbers, _)| *numbers).collect();
        rest.into_iter().for_each(|x| code.change(&ADD, &[x], &[]));
        Ok(())
    }

    fn formula(&self, inputs: usize) -> Option<Formula> {
        Some(Formula::new(separated(inputs, " + "), separated(inputs, " + ")).with_backward("∂", "∂"))
    }
}

impl<A: Scalar> Restore<A> for Add {
    const KIND: &'static str = "add";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Self)
    }
}
