//! [`Pointwise`]: losses that compare number with number.

use std::fmt::Debug;

use crate::kernels::simd;
use crate::kernels::streams::Streams;
use crate::losses::{Loss, flat, flat_mut, same_shape};
use crate::{Matrix, Result, Scalar};

/// A loss that compares each output with its own target: two scalar functions.
///
/// Every `Pointwise` is a [`Loss`]: the loss of a sample is the sum over its numbers, and the mean is over all numbers
/// of all samples. The loops over batches are the crate's: they use vector instructions, so mark the two functions
/// `#[inline]`, and prefer selecting to branching.
pub trait Pointwise: Debug + Send + Sync {
    /// The loss of the output `y` where `t` was wanted.
    fn value<A: Scalar>(&self, y: A, t: A) -> A;

    /// The derivative of [`value`](Self::value) by `y`.
    fn slope<A: Scalar>(&self, y: A, t: A) -> A;

    /// Whether the settings, outputs and targets are those the two functions are defined for; asked before anything is
    /// computed, with two matrices of one shape.
    ///
    /// # Errors
    /// When they are not; by default never.
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

/// The whole of [`Loss::rows`] for a function that returns the loss of `y` against `t` and its derivative by `y`.
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

/// Calls `f` at every position of `streams`, which hold as many rows as `sums`, and adds up what it returns for each
/// row.
#[inline(always)]
pub(crate) fn row_sums<A: Scalar, S: Streams>(mut streams: S, sums: &mut [A], f: impl Fn(S::Item) -> A + Copy + Sync) {
    /// Rows of no more than this are worked at several together.
    const NARROW: usize = 128;
    /// So many of their values are kept at a time.
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
