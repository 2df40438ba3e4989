//! [`Rescale`]: scales features with fixed parameters.

use std::fmt;

use ndarray::{Array1, Array2, Axis};

use super::shared::per_feature;
use crate::kernels::rows::{Rows, each_row};
use crate::kernels::{flat, flat_mut};
use crate::layer::{Backward, Layer, Parameter, Parts, Pass, Restore, Steps, parameters};
use crate::spec::Spec;
use crate::spec::onnx::Operators;
use crate::spec::rust::Code;
use crate::{Error, Matrix, Result, Scalar, Shape};

/// y = (x - shift)·scale, with a fixed shift and scale per feature that are not trained.
///
/// [`StandardScaler::layer`] and [`MinMaxScaler::layer`] turn a fitted scaler into such a layer. As the first layer of
/// a network, it is saved with the network in every format, so the preprocessing travels with the model. On a sequence,
/// it applies to each step. shift and scale are (1, features). dx = dy·scale.
///
/// [`StandardScaler::layer`]: crate::data::StandardScaler::layer
/// [`MinMaxScaler::layer`]: crate::data::MinMaxScaler::layer
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let network = Sequential::new(2).with(Rescale::new(array![50.0, 0.0], array![0.1, 2.0])?)?;
/// assert_eq!(network.predict(&array![[60.0, 3.0]])?, array![[1.0, 6.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Rescale<A: Scalar> {
    /// (1, features)
    shift: Parameter<A>,
    /// (1, features)
    scale: Parameter<A>,
}

impl<A: Scalar> Rescale<A> {
    /// Creates a layer from shifts and scales, one of each per feature.
    ///
    /// # Errors
    /// [`Error::Dimensions`] if their lengths differ.
    pub fn new(shift: Array1<A>, scale: Array1<A>) -> Result<Self> {
        if shift.len() != scale.len() {
            let (wants, got) = ([1, shift.len()], [1, scale.len()]);
            return Err(Error::Dimensions { what: "the scales of Rescale".into(), wants, got });
        }
        Ok(Self::of(shift, scale))
    }

    /// Creates a layer from pairs of shift and scale, one per feature.
    pub(crate) fn from_pairs(pairs: impl Iterator<Item = (f64, f64)>) -> Self {
        let (shift, scale): (Vec<_>, Vec<_>) = pairs.map(|(shift, scale)| (A::of(shift), A::of(scale))).unzip();
        Self::of(shift.into(), scale.into())
    }

    /// The layer with these shifts and scales, of equal length.
    fn of(shift: Array1<A>, scale: Array1<A>) -> Self {
        let row = |name, numbers: Array1<A>| Parameter::statistic(name, &[numbers.len()], numbers.insert_axis(Axis(0)));
        Self { shift: row("shift", shift), scale: row("scale", scale) }
    }

    /// The value subtracted from each feature, (1, features).
    pub fn shift(&self) -> &Array2<A> {
        &self.shift
    }

    /// The factor of each feature, applied after the shift, (1, features).
    pub fn scale(&self) -> &Array2<A> {
        &self.scale
    }
}

impl<A: Scalar> Layer<A> for Rescale<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        per_feature(self, self.shift.len(), input)
    }

    fn steps(&self, _: Shape) -> Steps {
        Steps::Each
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, _: &mut Pass<'_>) -> Result<()> {
        let (shift, scale, n) = (flat(&self.shift), flat(&self.scale), self.shift.len());
        each_row(
            (Rows(flat(x), n), Rows(flat_mut(y), n)),
            n,
            #[inline(always)]
            |(x, y)| {
                for (((y, &x), &shift), &scale) in y.iter_mut().zip(x).zip(shift).zip(scale) {
                    *y = (x - shift) * scale;
                }
            },
        );
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, _: &mut Pass<'_>) -> Result<()> {
        let (scale, n) = (flat(&self.scale), self.shift.len());
        if let Some(dx) = at.dx {
            each_row(
                (Rows(flat(at.dy), n), Rows(flat_mut(dx), n)),
                n,
                #[inline(always)]
                |(dy, dx)| {
                    for ((dx, &dy), &scale) in dx.iter_mut().zip(dy).zip(scale) {
                        *dx = dy * scale;
                    }
                },
            );
        }
        Ok(())
    }

    parameters!(A: shift, scale);

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("rescale").set("features", self.shift.len()))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let shift = operators.parameter_constant("shift", None)?;
        let scale = operators.parameter_constant("scale", None)?;
        operators.then("Sub", &[&shift], []);
        operators.then("Mul", &[&scale], []);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let (shift, scale) = (code.parameter("shift")?, code.parameter("scale")?);
        let shift = shift.iter().zip(&scale).map(|(shift, scale)| -shift * scale).collect();
        code.scale_and_shift(scale, shift);
        Ok(())
    }
}

impl<A: Scalar> Restore<A> for Rescale<A> {
    const KIND: &'static str = "rescale";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let features = parts.spec().count("features")?;
        Ok(Self { shift: parts.statistic("shift", features)?, scale: parts.statistic("scale", features)? })
    }
}

impl<A: Scalar> fmt::Debug for Rescale<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rescale({})", self.shift.len())
    }
}
