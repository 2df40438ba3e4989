//! [`Reshape`]: changes the shape of a sample.

use std::fmt;

use crate::layer::{Backward, Layer, Parts, Pass, Restore};
use crate::spec::Spec;
use crate::spec::onnx::Operators;
use crate::spec::rust::Code;
use crate::{Error, Matrix, Result, Scalar, Shape};

/// Gives a sample another shape with the same elements in the same row-major order.
///
/// ```
/// use neuropil::prelude::*;
///
/// // Digits as images, and their rows as a sequence.
/// let network = Sequential::<f32>::new(64).with(Reshape::new([1, 8, 8]))?.with(Reshape::new([8, 8]))?;
/// assert_eq!(network.output(), Shape::Sequence { steps: 8, features: 8 });
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Reshape {
    shape: Shape,
}

impl Reshape {
    /// Creates a layer with this output shape: a number of features, `[steps, features]` or
    /// `[channels, height, width]`.
    pub fn new(shape: impl Into<Shape>) -> Self {
        Self { shape: shape.into() }
    }
}

impl<A: Scalar> Layer<A> for Reshape {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        // `usize::MAX` is the length of a shape that overflows.
        if input.len() == self.shape.len() && input.len() < usize::MAX {
            return Ok(self.shape);
        }
        let wants = format!("samples of {} numbers", self.shape.len());
        Err(Error::Input { layer: format!("{self:?}"), wants, got: input })
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
        Some(Spec::new("reshape").set("shape", self.shape))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        operators.reshape(operators.input(), self.shape);
        Ok(())
    }

    fn rust(&self, _: &mut Code) -> Result<()> {
        Ok(())
    }
}

impl<A: Scalar> Restore<A> for Reshape {
    const KIND: &'static str = "reshape";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Reshape::new(parts.spec().shape("shape")?))
    }
}

impl fmt::Debug for Reshape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reshape({})", self.shape)
    }
}
