//! [`Impute`]: replaces missing values.

use std::fmt;

use ndarray::{Array1, Array2, Axis};

use super::shared::per_feature;
use crate::kernels::rows::{Rows, each_row};
use crate::kernels::{flat, flat_mut};
use crate::layer::{Backward, Layer, Parameter, Parts, Pass, Restore, parameters};
use crate::spec::Spec;
use crate::spec::onnx::Operators;
use crate::spec::rust::{Code, Function};
use crate::{Matrix, Result, Scalar, Shape};

/// Replaces missing values (NaN) with a fixed value per feature, which is not trained.
///
/// This is what a fitted `SimpleImputer` of scikit-learn does. On a sequence, it applies to each step. The values are
/// (1, features). dx is dy, but 0 where x was missing.
///
/// ```
/// use neuropil::layers::Impute;
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let network = Sequential::new(2).with(Impute::new(array![5.0, 7.0]))?;
/// assert_eq!(network.predict(&array![[f64::NAN, 3.0]])?, array![[5.0, 3.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Impute<A: Scalar> {
    /// (1, features)
    value: Parameter<A>,
}

impl<A: Scalar> Impute<A> {
    /// Creates a layer from one value per feature.
    pub fn new(values: Array1<A>) -> Self {
        Self { value: Parameter::statistic("value", &[values.len()], values.insert_axis(Axis(0))) }
    }

    /// The replacement for each feature, (1, features).
    pub fn value(&self) -> &Array2<A> {
        &self.value
    }
}

const IMPUTE: Function = Function::new(
    "impute",
    "\
pub fn impute(y: &mut [Number], values: &[Number]) {
    for y in y.chunks_exact_mut(values.len()) {
        for (y, value) in y.iter_mut().zip(values).filter(|(y, _)| y.is_nan()) {
            *y = *value;
        }
    }
}
",
);

impl<A: Scalar> Layer<A> for Impute<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        per_feature(self, self.value.len(), input)
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, _: &mut Pass<'_>) -> Result<()> {
        let (value, n) = (flat(&self.value), self.value.len());
        each_row((Rows(flat(x), n), Rows(flat_mut(y), n)), n, move |(x, y)| {
            for ((y, &x), &value) in y.iter_mut().zip(x).zip(value) {
                *y = if x.is_nan() { value } else { x };
            }
        });
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, _: &mut Pass<'_>) -> Result<()> {
        let Some(dx) = at.dx else { return Ok(()) };
        for ((dx, &dy), x) in flat_mut(dx).iter_mut().zip(flat(at.dy)).zip(flat(at.x)) {
            *dx = if x.is_nan() { A::ZERO } else { dy };
        }
        Ok(())
    }

    parameters!(A: value);

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("impute").set("features", self.value.len()))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let value = operators.parameter_constant("value", None)?;
        let x = operators.value();
        let missing = operators.node("IsNaN", &[&x], []);
        let filled = operators.node("Where", &[&missing, &value, &x], []);
        operators.set_value(filled);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let values = code.optional("value");
        code.change(&IMPUTE, &[], &[&values]);
        Ok(())
    }
}

impl<A: Scalar> Restore<A> for Impute<A> {
    const KIND: &'static str = "impute";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let features = parts.spec().count("features")?;
        Ok(Self { value: parts.statistic("value", features)? })
    }
}

impl<A: Scalar> fmt::Debug for Impute<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Impute({})", self.value.len())
    }
}
