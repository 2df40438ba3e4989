//! [`GlobalMaxPool`]: the maximum of each channel.

use crate::layer::{Backward, Layer, Parts, Pass, Restore};
use crate::layers::global_avg_pool::reduce;
use crate::layers::windows::{max_backward, max_forward, max_pool_rust, pooled, whole};
use crate::spec::Spec;
use crate::spec::onnx::Operators;
use crate::spec::rust::Code;
use crate::{Matrix, Result, Scalar, Shape};

/// The maximum of each channel of an image, or of each feature over all steps of a sequence.
///
/// Images `[channels, height, width]` become `channels` features, sequences `[steps, features]` become `features`. The
/// gradient goes to the first maximum in row-major order; NaN is treated as the largest value.
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let network = Sequential::new([2, 1, 3]).with(GlobalMaxPool)?;
/// assert_eq!(network.predict(&array![[1.0, 3.0, 2.0, -1.0, -3.0, -2.0]])?, array![[3.0, -1.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GlobalMaxPool;

impl<A: Scalar> Layer<A> for GlobalMaxPool {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        Ok(pooled(whole(self, input)?, input).len().into())
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        max_forward(whole(self, pass.input)?, x, y, pass);
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        max_backward(whole(self, pass.input)?, at, pass)
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("global_max_pool"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        reduce(operators, "ReduceMax");
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let axes = whole(self, code.input())?;
        max_pool_rust(code, axes);
        Ok(())
    }
}

impl<A: Scalar> Restore<A> for GlobalMaxPool {
    const KIND: &'static str = "global_max_pool";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(GlobalMaxPool)
    }
}
