//! [`Multiply`]: the elementwise product of values.

use super::{same_shape, separated};
use crate::kernels::simd::{each, map2};
use crate::kernels::{flat, flat_mut};
use crate::layer::{Inputs, Join, JoinBackward, JoinPass, Parts, Restore, Steps};
use crate::spec::onnx::Operators;
use crate::spec::rust::{Code, Numbers, functions};
use crate::spec::{Formula, Spec};
use crate::{Matrix, Result, Scalar, Shape};

/// The elementwise product of values of the same shape, such as for gating: y = Π xᵢ, and dxᵢ = dy times the product of
/// the others.
///
/// ```
/// use neuropil::joins::Multiply;
/// use neuropil::prelude::*;
///
/// let mut g = Network::<f64>::new();
/// let (a, b) = (g.input("a", 2), g.input("b", 2));
/// let product = g.join(Multiply, [a, b])?;
/// g.output("product", product)?;
/// assert_eq!(g.predict(&ndarray::array![[1.0, 2.0, 10.0, 20.0]])?, ndarray::array![[10.0, 40.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Multiply;

impl<A: Scalar> Join<A> for Multiply {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape> {
        same_shape("Multiply", inputs)
    }

    fn steps(&self) -> Steps {
        Steps::Each
    }

    fn forward(&self, inputs: Inputs<'_, A>, y: &mut Matrix<A>, _: &mut JoinPass<'_>) -> Result<()> {
        if inputs.len() == 1 {
            y.assign(inputs.get(0));
            return Ok(());
        }
        map2(flat(inputs.get(0)), flat(inputs.get(1)), flat_mut(y), |a, b| a * b);
        for x in inputs.iter().skip(2) {
            each((flat_mut(y), flat(x)), |(y, &x)| *y *= x);
        }
        Ok(())
    }

    fn backward(&self, at: JoinBackward<'_, A>, _: &mut JoinPass<'_>) -> Result<()> {
        for (i, dx) in at.dx.iter_mut().enumerate() {
            dx.assign(at.dy);
            for (_, x) in at.inputs.iter().enumerate().filter(|(j, _)| *j != i) {
                each((flat_mut(dx), flat(x)), |(dx, &x)| *dx *= x);
            }
        }
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("multiply"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        for (name, _) in operators.inputs().to_vec().iter().skip(1) {
            operators.then("Mul", &[name], []);
        }
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let rest: Vec<Numbers> = code.inputs()[1..].iter().map(|(numbers, _)| *numbers).collect();
        rest.into_iter().for_each(|x| code.change(&functions::MULTIPLY, &[x], &[]));
        Ok(())
    }

    fn formula(&self, inputs: usize) -> Option<Formula> {
        Some(Formula::new(separated(inputs, " ∘ "), separated(inputs, " \\circ ")))
    }
}

impl<A: Scalar> Restore<A> for Multiply {
    const KIND: &'static str = "multiply";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Self)
    }
}
