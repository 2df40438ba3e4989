//! [`Pointwise`]: elementwise losses.

use std::fmt::Debug;

use crate::kernels::simd;
use crate::kernels::streams::Streams;
use crate::losses::{Loss, flat, flat_mut, same_shape};
use crate::{Matrix, Result, Scalar};

/// An elementwise loss, as two scalar functions.
///
/// Every `Pointwise` is a [`Loss`]: the loss of a sample is the sum over its elements, and the mean is over all
/// elements of all samples. The crate applies it to batches with vector instructions: mark both functions `#[inline]`,
/// and keep them free of branches, so that loops vectorize.
///
/// ```
/// use neuropil::prelude::*;
///
/// /// (y - t)⁴, and its derivative with respect to y.
/// #[derive(Debug)]
/// struct Quartic;
///
/// impl Pointwise for Quartic {
///     fn value<A: Scalar>(&self, y: A, t: A) -> A {
///         (y - t) * (y - t) * (y - t) * (y - t)
///     }
///     fn slope<A: Scalar>(&self, y: A, t: A) -> A {
///         A::of(4.0) * (y - t) * (y - t) * (y - t)
///     }
/// }
///
/// let y = ndarray::array![[1.0, 2.0]];
/// let t = ndarray::array![[0.0, 0.0]];
/// assert_eq!(Quartic.evaluate(&y, &t)?, (1.0 + 16.0) / 2.0);
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an elementwise loss",
    note = "a loss that looks at whole rows implements `neuropil::losses::Loss`"
)]
pub trait Pointwise: Debug + Send + Sync {
    /// The loss of the output `y` and target `t`.
    fn value<A: Scalar>(&self, y: A, t: A) -> A;

    /// The derivative of [`value`](Self::value) with respect to `y`.
    fn slope<A: Scalar>(&self, y: A, t: A) -> A;

    /// Checks that settings, outputs and targets are in the domain of the two functions, before any computation; the
    /// matrices have the same shape.
    ///
    /// # Errors
    /// If they are not; the default accepts everything.
    fn domain<A: Scalar>(&self, _y: &Matrix<A>, _target: &Matrix<A>) -> Result<()> {
        Ok(())
    }
}

impl<A: Scalar, P: Pointwise> Loss<A> for P {
    fn check(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
        same_shape(self, y, target)?;
        self.domain(y, target)
    }

    fn rows(&self, y: &Matrix<A>, target: &Matrix<A>, loss: &mut [A], dy: Option<&mut Matrix<A>>) {
        rows(
            y,
            target,
            loss,
            dy,
            #[inline(always)]
            |y, t| (self.value(y, t), self.slope(y, t)),
        );
    }
}

/// Implements [`Loss::rows`] for a function that returns the loss of `y` and `t` and its derivative with respect to
/// `y`.
#[inline(always)]
pub(crate) fn rows<A: Scalar>(
    y: &Matrix<A>,
    target: &Matrix<A>,
    loss: &mut [A],
    dy: Option<&mut Matrix<A>>,
    f: impl Fn(A, A) -> (A, A) + Copy + Sync,
) {
    let (y, t) = (flat(y), flat(target));
    if let Some(dy) = dy {
        row_sums(
            (flat_mut(dy), y, t),
            loss,
            #[inline(always)]
            move |(dy, &y, &t)| {
                let value;
                (value, *dy) = f(y, t);
                value
            },
        );
    } else {
        row_sums(
            (y, t),
            loss,
            #[inline(always)]
            move |(&y, &t)| f(y, t).0,
        );
    }
}

/// Sums `f` over each row of `streams`, which have as many rows as `sums`.
#[inline(always)]
pub(crate) fn row_sums<A: Scalar, S: Streams>(mut streams: S, sums: &mut [A], f: impl Fn(S::Item) -> A + Copy + Sync) {
    /// Rows up to this length are processed several at a time.
    const NARROW: usize = 128;
    /// The number of values buffered at a time.
    const BLOCK: usize = 256;
    match streams.len() / sums.len().max(1) {
        0 => sums.fill(A::ZERO),
        1 => simd::each(
            (sums, streams),
            #[inline(always)]
            move |(sum, item)| *sum = f(item),
        ),
        width @ 2..=NARROW => {
            let mut values = [A::ZERO; BLOCK];
            for sums in sums.chunks_mut(BLOCK / width) {
                let values = &mut values[..sums.len() * width];
                let (block, rest) = streams.split_at(values.len());
                streams = rest;
                simd::each(
                    (&mut *values, block),
                    #[inline(always)]
                    move |(value, item)| *value = f(item),
                );
                for (sum, values) in sums.iter_mut().zip(values.chunks_exact(width)) {
                    *sum = A::of(simd::rows::sum(values, |&value| value));
                }
            }
        }
        width => {
            for sum in sums {
                let (row, rest) = streams.split_at(width);
                streams = rest;
                *sum = A::of(simd::sum(row, f));
            }
        }
    }
}
