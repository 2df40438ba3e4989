//! [`GlobalAvgPool`]: the mean of each channel.

use crate::kernels::rows::{Rows, each_row};
use crate::kernels::simd::rows;
use crate::kernels::{channels_of, flat, flat_mut};
use crate::layer::{Backward, Layer, Parts, Pass, Restore, Steps};
use crate::layers::windows::{avg_pool_rust, pooled, whole};
use crate::spec::Spec;
use crate::spec::onnx::{Attribute, Operators};
use crate::spec::rust::Code;
use crate::{Matrix, Result, Scalar, Shape};

/// The mean of each channel of an image, or of each feature over all steps of a sequence.
///
/// Images `[channels, height, width]` become `channels` features, sequences `[steps, features]` become `features`. If
/// lengths are known, padding is left out, and a sequence of length 0 gives 0. dx is dy divided by the number of pixels
/// or steps. Such a layer replaces the large dense layer at the end of a convolutional network (Lin, Chen and Yan,
/// 2013).
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let network = Sequential::new([3, 2]).with(GlobalAvgPool)?;
/// assert_eq!(network.predict(&array![[1.0, 6.0, 2.0, 7.0, 6.0, 5.0]])?, array![[3.0, 6.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GlobalAvgPool;

impl<A: Scalar> Layer<A> for GlobalAvgPool {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        Ok(pooled(whole(self, input)?, input).len().into())
    }

    fn steps(&self, _: Shape) -> Steps {
        Steps::All
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let (channels, stride) = channels_of(pass.input);
        let (size, count) = (pass.input.len(), A::of((pass.input.len() / channels) as f64));
        if let Some(lengths) = pass.lengths {
            for ((x, y), &length) in flat(x).chunks_exact(size).zip(flat_mut(y).chunks_exact_mut(channels)).zip(lengths)
            {
                rows::column_sums(&x[..length * channels], y);
                y.iter_mut().for_each(|y| *y /= A::of(length.max(1) as f64));
            }
            return Ok(());
        }
        each_row(
            (Rows(flat(x), size), Rows(flat_mut(y), channels)),
            size,
            #[inline(always)]
            move |(x, y)| {
                if stride == 1 {
                    rows::column_sums(x, y);
                } else {
                    for (x, y) in x.chunks_exact(stride).zip(&mut *y) {
                        *y = A::of(rows::sum(x, |&x| x));
                    }
                }
                for y in y {
                    *y /= count;
                }
            },
        );
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let Some(dx) = at.dx else { return Ok(()) };
        let (channels, stride) = channels_of(pass.input);
        let (size, count) = (pass.input.len(), A::of((pass.input.len() / channels) as f64));
        if let Some(lengths) = pass.lengths {
            let rows = flat_mut(dx).chunks_exact_mut(size).zip(flat(at.dy).chunks_exact(channels));
            for ((dx, dy), &length) in rows.zip(lengths) {
                let (dx, padding) = dx.split_at_mut(length * channels);
                padding.fill(A::ZERO);
                for dx in dx.chunks_exact_mut(channels) {
                    dx.iter_mut().zip(dy).for_each(|(dx, &dy)| *dx = dy / A::of(length as f64));
                }
            }
            return Ok(());
        }
        each_row(
            (Rows(flat_mut(dx), size), Rows(flat(at.dy), channels)),
            size,
            #[inline(always)]
            move |(dx, dy)| {
                // A row holds all features of a step, or one channel of an image.
                let width = if stride == 1 { channels } else { stride };
                for (i, dx) in dx.chunks_exact_mut(width).enumerate() {
                    if stride == 1 {
                        for (dx, &dy) in dx.iter_mut().zip(dy) {
                            *dx = dy / count;
                        }
                    } else {
                        dx.fill(dy[i] / count);
                    }
                }
            },
        );
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("global_avg_pool"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let Some(lengths) = operators.lengths_of(&operators.value()) else {
            reduce(operators, "ReduceMean");
            return Ok(());
        };
        reduce(operators, "ReduceSum"); // Padding is 0.
        let (sizes, one) = (operators.integers(&[0, 1]), operators.number(1.0));
        let lengths = operators.node("Reshape", &[&lengths, &sizes], []);
        let lengths = operators.node("Max", &[&lengths, &one], []);
        operators.then("Div", &[&lengths], []);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let axes = whole(self, code.input())?;
        avg_pool_rust(code, axes, false);
        Ok(())
    }
}

impl<A: Scalar> Restore<A> for GlobalAvgPool {
    const KIND: &'static str = "global_avg_pool";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(GlobalAvgPool)
    }
}

/// Adds the reduction `op` over all pixels of each channel, or over all steps of each feature.
pub(super) fn reduce(operators: &mut Operators, op: &str) {
    let axes: &[i64] = if matches!(operators.input(), Shape::Image { .. }) { &[2, 3] } else { &[1] };
    let axes = operators.integers(axes);
    operators.then(op, &[&axes], [("keepdims", Attribute::Int(0))]);
}
