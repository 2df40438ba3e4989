//! [`Flatten`]: turns images and sequences into flat feature vectors.

use crate::layer::{Backward, Layer, Parts, Pass, Restore};
use crate::spec::Spec;
use crate::spec::onnx::{Attribute, Operators};
use crate::spec::rust::Code;
use crate::{Matrix, Result, Scalar, Shape};

/// Flattens a sample: an image of `[16, 5, 5]` becomes a vector of 400 features.
///
/// The elements stay in row-major order.
///
/// ```
/// use neuropil::prelude::*;
///
/// let network = Sequential::<f32>::new([16, 5, 5]).with(Flatten)?;
/// assert_eq!(network.output(), Shape::Flat(400));
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flatten;

impl<A: Scalar> Layer<A> for Flatten {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        Ok(Shape::Flat(input.len()))
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, _: &mut Pass<'_>) -> Result<()> {
        y.assign(x);
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, _: &mut Pass<'_>) -> Result<()> {
        if let Some(dx) = at.dx {
            dx.assign(at.dy);
        }
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("flatten"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        operators.then("Flatten", &[], [("axis", Attribute::Int(1))]);
        Ok(())
    }

    fn rust(&self, _: &mut Code) -> Result<()> {
        Ok(())
    }
}

impl<A: Scalar> Restore<A> for Flatten {
    const KIND: &'static str = "flatten";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Flatten)
    }
}
