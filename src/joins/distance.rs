//! [`Distance`]: the Euclidean distance between two values.

use ndarray::Zip;

use super::dot::sum_of_sample;
use super::pair;
use crate::layer::{Inputs, Join, JoinBackward, JoinPass, Parts, Restore};
use crate::spec::onnx::Operators;
use crate::spec::rust::{Code, functions};
use crate::spec::{Formula, Spec};
use crate::{Matrix, Result, Scalar, Shape};

/// The Euclidean distance between two values of the same shape, over the whole sample: y = √Σ(aᵢ - bᵢ)², a scalar.
///
/// da = dy·(a - b)/y and db = -da; where the values are equal, both are 0. It compares the outputs of a siamese
/// network.
///
/// ```
/// use neuropil::joins::Distance;
/// use neuropil::prelude::*;
///
/// let mut g = Network::<f64>::new();
/// let (a, b) = (g.input("a", 2), g.input("b", 2));
/// let distance = g.join(Distance, [a, b])?;
/// g.output("distance", distance)?;
/// assert_eq!(g.predict(&ndarray::array![[1.0, 2.0, 4.0, 6.0]])?, ndarray::array![[5.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Distance;

impl<A: Scalar> Join<A> for Distance {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape> {
        pair("Distance", inputs).map(|_| Shape::Flat(1))
    }

    fn forward(&self, inputs: Inputs<'_, A>, y: &mut Matrix<A>, _: &mut JoinPass<'_>) -> Result<()> {
        Zip::from(y.rows_mut()).and(inputs.get(0).rows()).and(inputs.get(1).rows()).for_each(|mut y, a, b| {
            y[0] = A::of(a.iter().zip(b).map(|(a, b)| (*a - *b).to_f64().powi(2)).sum::<f64>().sqrt());
        });
        Ok(())
    }

    fn backward(&self, at: JoinBackward<'_, A>, _: &mut JoinPass<'_>) -> Result<()> {
        for (i, dx) in at.dx.iter_mut().enumerate() {
            dx.assign(at.inputs.get(i));
            dx.zip_mut_with(at.inputs.get(1 - i), |dx, &other| *dx -= other);
            Zip::from(dx.rows_mut()).and(at.y.rows()).and(at.dy.rows()).for_each(|mut dx, y, dy| {
                let scale = if y[0] == A::ZERO { A::ZERO } else { dy[0] / y[0] };
                dx.mapv_inplace(|dx| dx * scale);
            });
        }
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("distance"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let second = operators.inputs()[1].0.clone();
        operators.then("Sub", &[&second], []);
        let difference = operators.value();
        operators.then("Mul", &[&difference], []);
        sum_of_sample(operators);
        operators.then("Sqrt", &[], []);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let inputs: Vec<_> = code.inputs().iter().map(|(numbers, _)| *numbers).collect();
        let y = code.call(&functions::DISTANCE, &inputs, 1, &[]);
        code.set_current(y);
        Ok(())
    }

    fn formula(&self, _: usize) -> Option<Formula> {
        Some(Formula::new("|□1 − □2|", "\\lVert □1 - □2 \\rVert"))
    }
}

impl<A: Scalar> Restore<A> for Distance {
    const KIND: &'static str = "distance";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Self)
    }
}
