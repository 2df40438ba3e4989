//! The attention weights of a block of queries.

use std::ops::Range;

use ndarray::{ArrayView2, ArrayViewMut2};

use super::mask::SampleMask;
use crate::kernels::simd::{rows, vectorize};
use crate::kernels::{gemm::gemm, matrix, matrix_mut};
use crate::{Matrix, Scalar};

/// A matrix with one row per query of a block, and one column per key up to the last that any of them may attend to.
pub(super) struct Block<'a, A> {
    pub queries: Range<usize>,
    pub keys: usize,
    /// Rows of `stride` elements.
    numbers: &'a mut [A],
    stride: usize,
}

impl<'a, A: Scalar> Block<'a, A> {
    /// A block at the start of the scratch space `room`.
    pub(super) fn new(queries: Range<usize>, keys: usize, room: &'a mut [A]) -> Self {
        let numbers = &mut room[..queries.len() * keys];
        Self { queries, keys, numbers, stride: keys }
    }

    /// The rows of these queries in a matrix with `stride` columns.
    pub(super) fn of(matrix: &'a mut [A], stride: usize, queries: Range<usize>, keys: usize) -> Self {
        let numbers = &mut matrix[queries.start * stride..queries.end * stride];
        Self { queries, keys, numbers, stride }
    }

    pub(super) fn view(&self) -> ArrayView2<'_, A> {
        matrix(self.numbers, self.queries.len(), self.keys, self.stride)
    }

    pub(super) fn view_mut(&mut self) -> ArrayViewMut2<'_, A> {
        matrix_mut(self.numbers, self.queries.len(), self.keys, self.stride)
    }

    /// The weights of each query.
    pub(super) fn rows(&mut self) -> impl Iterator<Item = &mut [A]> {
        let keys = self.keys;
        self.numbers.chunks_exact_mut(self.stride.max(1)).map(move |row| &mut row[..keys])
    }

    /// Replaces scores with softmax(scale·scores) over the keys that each query may attend to; the weights of all
    /// others are 0. Stores the maximum and 1/sum of each row.
    pub(super) fn softmax(&mut self, mask: SampleMask<'_>, scale: A, statistics: &mut [A]) {
        let (first, stride) = (self.queries.start, self.stride.max(1));
        let numbers = &mut *self.numbers;
        vectorize(
            #[inline(always)]
            || {
                for (i, (row, statistics)) in
                    numbers.chunks_exact_mut(stride).zip(statistics.chunks_exact_mut(2)).enumerate()
                {
                    let scores = seen(row, mask, first + i);
                    let max = rows::max(scores);
                    if max == -A::INFINITY {
                        statistics.fill(A::ZERO);
                        scores.fill(A::ZERO);
                        continue;
                    }
                    rows::each(&mut *scores, |score| *score = ((*score - max) * scale).exp());
                    let part = A::ONE / A::of(rows::sum(&*scores, |&e| e));
                    rows::each(scores, |score| *score *= part);
                    statistics.copy_from_slice(&[max, part]);
                }
            },
        );
    }

    /// Replaces scores with the weights of [`softmax`](Self::softmax) again, bit for bit, from its statistics.
    pub(super) fn softmax_again(&mut self, mask: SampleMask<'_>, scale: A, statistics: &[A]) {
        let (first, stride) = (self.queries.start, self.stride.max(1));
        let numbers = &mut *self.numbers;
        vectorize(
            #[inline(always)]
            || {
                for (i, (row, statistics)) in
                    numbers.chunks_exact_mut(stride).zip(statistics.chunks_exact(2)).enumerate()
                {
                    let &[max, part] = statistics else { continue };
                    let scores = seen(row, mask, first + i);
                    rows::each(scores, |score| *score = ((*score - max) * scale).exp() * part);
                }
            },
        );
    }

    /// From dP to the gradient of the scores, scale·P ∘ (dP - Σ P ∘ dP), summed over each row.
    pub(super) fn softmax_gradient(&mut self, p: &Self, mask: SampleMask<'_>, scale: A) {
        let (first, strides) = (self.queries.start, [self.stride.max(1), p.stride.max(1)]);
        let (numbers, p) = (&mut *self.numbers, &*p.numbers);
        vectorize(
            #[inline(always)]
            || {
                let all = numbers.chunks_exact_mut(strides[0]).zip(p.chunks_exact(strides[1]));
                for (i, (d, p)) in all.enumerate() {
                    let (d, rest) = d.split_at_mut(mask.reach(first + i));
                    rest.fill(A::ZERO);
                    let p = &p[..d.len()];
                    let sum = A::of(rows::sum((p, &*d), |(&p, &d)| p * d));
                    rows::each((p, d), |(&p, d)| *d = p * ((*d - sum) * scale));
                }
            },
        );
    }

    /// P·V. Masked values are skipped, because 0·NaN is NaN, unless all of V is `finite`.
    pub(super) fn weighted_sum(
        &self,
        v: &Matrix<A>,
        mask: SampleMask<'_>,
        finite: impl FnOnce() -> bool,
        mixed: &mut Matrix<A>,
    ) {
        let p = self.view();
        if mask.is_even(&self.queries) || finite() {
            return gemm(A::ONE, &p, v, A::ZERO, mixed);
        }
        for ((row, column), mixed) in mixed.indexed_iter_mut() {
            let seen = (0..self.keys).filter(|&key| mask.allows(self.queries.start + row, key));
            *mixed = seen.fold(A::ZERO, |sum, key| sum + p[[row, key]] * v[[key, column]]);
        }
    }
}

/// The scores of a query up to the last key that it may attend to. Sets masked ones among them to -∞, and those after
/// them to 0.
#[inline(always)]
fn seen<'r, A: Scalar>(row: &'r mut [A], mask: SampleMask<'_>, query: usize) -> &'r mut [A] {
    let (scores, rest) = row.split_at_mut(mask.reach(query));
    rest.fill(A::ZERO);
    if let Some(hidden) = mask.hidden() {
        for (score, &hidden) in scores.iter_mut().zip(hidden) {
            *score = if hidden { -A::INFINITY } else { *score };
        }
    }
    if let Some(allowed) = mask.allowed(query) {
        for (score, &allowed) in scores.iter_mut().zip(allowed) {
            *score = if allowed { *score } else { -A::INFINITY };
        }
    }
    scores
}
