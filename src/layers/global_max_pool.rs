//! [`GlobalMaxPool`]: the maximum of each channel.

use ndarray::Array2;

use crate::kernels::{flat_mut, resize};
use crate::layer::{Backward, Cache, Layer, Parts, Pass, Restore, Steps};
use crate::layers::global_avg_pool::reduce;
use crate::layers::shared::masked;
use crate::layers::windows::{max_backward, max_forward, max_pool_rust, pooled, whole};
use crate::spec::Spec;
use crate::spec::onnx::Operators;
use crate::spec::rust::Code;
use crate::{Matrix, Result, Scalar, Shape};

/// The maximum of each channel of an image, or of each feature over all steps of a sequence.
///
/// Images `[channels, height, width]` become `channels` features, sequences `[steps, features]` become `features`. If
/// lengths are known, padding is left out, and a sequence of length 0 gives 0. The gradient goes to the first maximum
/// in row-major order; NaN is treated as the largest value.
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

    fn steps(&self, _: Shape) -> Steps {
        Steps::All
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let axes = whole(self, pass.input)?;
        let Some(lengths) = pass.lengths else {
            max_forward(axes, x, y, pass);
            return Ok(());
        };
        // Padding must never be the maximum.
        let (cache, hidden) = pass.cache.get::<(Cache, Array2<A>)>();
        resize(hidden, x.nrows(), x.ncols())?;
        hidden.assign(x);
        let features = y.ncols();
        for (x, &length) in flat_mut(hidden).chunks_exact_mut(x.ncols()).zip(lengths) {
            x[length * features..].fill(-A::INFINITY);
        }
        let inner = &mut Pass::new(pass.input, [pass.training, pass.recording], cache, pass.rng);
        max_forward(axes, hidden, y, inner);
        for (y, _) in flat_mut(y).chunks_exact_mut(features).zip(lengths).filter(|(_, length)| **length == 0) {
            y.fill(A::ZERO);
        }
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let axes = whole(self, pass.input)?;
        if pass.lengths.is_none() {
            return max_backward(axes, at, pass);
        }
        let (cache, _) = pass.cache.get::<(Cache, Array2<A>)>();
        max_backward(axes, at, &mut Pass::new(pass.input, [pass.training, pass.recording], cache, pass.rng))
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("global_max_pool"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let x = operators.value();
        let (Some(lengths), Shape::Sequence { .. }) = (operators.lengths_of(&x), operators.input()) else {
            reduce(operators, "ReduceMax");
            return Ok(());
        };
        let seen = operators.before_padding(&lengths, &x, false);
        let nothing = operators.number(f64::NEG_INFINITY);
        masked::only(operators, &seen, &nothing);
        reduce(operators, "ReduceMax");
        // A sequence of length 0 gives 0.
        let (sizes, zero) = (operators.integers(&[0, 1]), operators.number(0.0));
        let lengths = operators.node("Reshape", &[&lengths, &sizes], []);
        let any = operators.node("Greater", &[&lengths, &zero], []);
        masked::only(operators, &any, &zero);
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
