//! [`Select`]: selects between two values by a condition.

use super::same_shape;
use crate::kernels::simd::each;
use crate::kernels::{flat, flat_mut};
use crate::layer::{Inputs, Join, JoinBackward, JoinPass, Parts, Restore, Steps};
use crate::spec::onnx::Operators;
use crate::spec::rust::{Code, Function};
use crate::spec::{Formula, Spec};
use crate::{Error, Matrix, Result, Scalar, Shape};

/// Selects elementwise between two values by a condition: for inputs c, a and b of the same shape, y = a where c is not
/// 0, else b.
///
/// dy goes to the selected value; the gradient of the condition is 0. Where the condition is NaN, y is NaN.
///
/// ```
/// use neuropil::joins::Select;
/// use neuropil::prelude::*;
///
/// let mut g = Network::<f64>::new();
/// let (c, a, b) = (g.input("c", 2), g.input("a", 2), g.input("b", 2));
/// let y = g.join(Select, [c, a, b])?;
/// g.output("y", y)?;
/// assert_eq!(g.predict(&ndarray::array![[1.0, 0.0, 2.0, 3.0, 4.0, 5.0]])?, ndarray::array![[2.0, 5.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Select;

const SELECT: Function = Function::new(
    "select",
    "\
pub fn select(y: &mut [Number], a: &[Number], b: &[Number]) {
    for ((y, a), b) in y.iter_mut().zip(a).zip(b) {
        let taken = if *y == 0.0 { *b } else { *a };
        *y = if y.is_nan() { *y } else { taken };
    }
}
",
);

impl<A: Scalar> Join<A> for Select {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape> {
        if inputs.len() == 3 {
            return same_shape("Select", inputs);
        }
        let problem = format!("it takes a condition and two values, got {}", inputs.len());
        Err(Error::Graph { step: "the join Select".into(), problem })
    }

    fn steps(&self) -> Steps {
        Steps::Each
    }

    fn forward(&self, inputs: Inputs<'_, A>, y: &mut Matrix<A>, _: &mut JoinPass<'_>) -> Result<()> {
        let [c, a, b] = [0, 1, 2].map(|i| flat(inputs.get(i)));
        each((flat_mut(y), (c, (a, b))), |(y, (&c, (&a, &b)))| {
            let taken = if c == A::ZERO { b } else { a };
            *y = if c.is_nan() { c } else { taken };
        });
        Ok(())
    }

    fn backward(&self, at: JoinBackward<'_, A>, _: &mut JoinPass<'_>) -> Result<()> {
        let (c, dy) = (flat(at.inputs.get(0)), flat(at.dy));
        at.dx[0].fill(A::ZERO);
        for (i, taken) in [(1, true), (2, false)] {
            each((flat_mut(&mut at.dx[i]), (c, dy)), |(dx, (&c, &dy))| {
                *dx = if (c != A::ZERO) == taken { dy } else { A::ZERO };
            });
        }
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("select"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let names: Vec<String> = operators.inputs().iter().map(|(name, _)| name.clone()).collect();
        let zero = operators.number(0.0);
        let equal = operators.node("Equal", &[&names[0], &zero], []);
        let y = operators.node("Where", &[&equal, &names[2], &names[1]], []);
        // NaN is not equal to 0, and is kept.
        let missing = operators.node("IsNaN", &[&names[0]], []);
        let y = operators.node("Where", &[&missing, &names[0], &y], []);
        operators.set_value(y);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let [a, b] = [1, 2].map(|i: usize| code.inputs()[i].0);
        code.change(&SELECT, &[a, b], &[]);
        Ok(())
    }

    fn formula(&self, _: usize) -> Option<Formula> {
        Some(Formula::new("□1 ? □2 : □3", "□1\\,?\\,□2 : □3"))
    }
}

impl<A: Scalar> Restore<A> for Select {
    const KIND: &'static str = "select";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Self)
    }
}
