//! Softmax(Q·Kᵀ/√d)·V of one sample and head, forward and backward.
//!
//! Queries are processed in blocks, each with all keys that it may attend to, so the weights of all pairs of steps need
//! not be in memory at once. Weights that were not stored are computed again in the backward pass.

use std::ops::Range;

use ndarray::{ArrayView2, ArrayViewMut2, s};

use super::block::Block;
use super::dropout::WeightDropout;
use super::mask::SampleMask;
use crate::Scalar;
use crate::kernels::{flat, flat_mut, gemm::gemm};

/// The number of queries in a block: enough for fast products, few enough that a block stays in the cache.
const BLOCK: usize = 64;

/// The elements of scratch space for one thread: two blocks, P and dP.
pub(super) fn scratch(queries: usize, keys: usize) -> usize {
    queries.min(BLOCK).saturating_mul(keys).saturating_mul(2)
}

/// One sample and head.
#[derive(Clone, Copy)]
pub(super) struct Head<'a, A> {
    pub mask: SampleMask<'a>,
    /// 1/√d
    pub scale: A,
    pub dropout: Option<WeightDropout>,
}

impl<A: Scalar> Head<'_, A> {
    /// From Q, K and V, each (steps, d), to the statistics of the softmax, (queries, 2), and P·V, (queries, d). P is
    /// (queries, keys), or (queries, 0) if it is not to be stored.
    pub(super) fn forward(
        self,
        [q, k, v]: [ArrayView2<'_, A>; 3],
        [mut p, mut statistics, mut mixed]: [ArrayViewMut2<'_, A>; 3],
        scratch: &mut [A],
    ) {
        // Padding attends to nothing.
        for all in [&mut p, &mut mixed] {
            all.slice_mut(s![self.mask.queries.., ..]).fill(A::ZERO);
        }
        let (scratch, other) = scratch.split_at_mut(scratch.len() / 2);
        let mut known = None;
        let mut finite = || *known.get_or_insert_with(|| v.iter().all(|v| v.is_finite()));
        for queries in self.blocks() {
            let rows = s![queries.clone(), ..];
            let mut weights = self.block(queries, &mut p, scratch);
            let seen = s![..weights.keys, ..];
            gemm(A::ONE, &q.slice(rows), &k.slice(seen).t(), A::ZERO, &mut weights.view_mut());
            weights.softmax(self.mask, self.scale, flat_mut(&mut statistics.slice_mut(rows)));
            let weights = self.dropped(&weights, other).unwrap_or(weights);
            weights.weighted_sum(&v.slice(seen), self.mask, &mut finite, &mut mixed.slice_mut(rows));
        }
    }

    /// From Q, K, V, the statistics and dL/d(P·V) to dL/dQ, dL/dK and dL/dV, with the shapes of
    /// [`forward`](Self::forward).
    pub(super) fn backward(
        self,
        [q, k, v, statistics, dmixed]: [ArrayView2<'_, A>; 5],
        [mut p, mut dq, mut dk, mut dv]: [ArrayViewMut2<'_, A>; 4],
        scratch: &mut [A],
    ) {
        let stored = p.ncols() > 0;
        dq.slice_mut(s![self.mask.queries.., ..]).fill(A::ZERO);
        // The last block comes first: it reaches as many keys as any, and the others add to its gradients.
        let (reached, mut beta) = (self.mask.queries.checked_sub(1).map_or(0, |last| self.mask.reach(last)), A::ZERO);
        for all in [&mut dk, &mut dv] {
            all.slice_mut(s![reached.., ..]).fill(A::ZERO);
        }
        let (scratch, other) = scratch.split_at_mut(scratch.len() / 2);
        for queries in self.blocks().rev() {
            let rows = s![queries.clone(), ..];
            let mut weights = self.block(queries, &mut p, scratch);
            let seen = s![..weights.keys, ..];
            let (q, k, v, dmixed) = (q.slice(rows), k.slice(seen), v.slice(seen), dmixed.slice(rows));
            if !stored {
                gemm(A::ONE, &q, &k.t(), A::ZERO, &mut weights.view_mut());
                weights.softmax_again(self.mask, self.scale, flat(&statistics.slice(rows)));
            }
            {
                let dropped = self.dropped(&weights, other);
                let weights = dropped.as_ref().unwrap_or(&weights);
                gemm(A::ONE, &weights.view().t(), &dmixed, beta, &mut dv.slice_mut(seen));
            }
            let mut d = Block::new(weights.queries.clone(), weights.keys, other);
            gemm(A::ONE, &dmixed, &v.t(), A::ZERO, &mut d.view_mut());
            if let Some(dropout) = self.dropout {
                dropout.apply(&mut d);
            }
            d.softmax_gradient(&weights, self.mask, self.scale);
            gemm(A::ONE, &d.view(), &k, A::ZERO, &mut dq.slice_mut(rows));
            gemm(A::ONE, &d.view().t(), &q, beta, &mut dk.slice_mut(seen));
            beta = A::ONE;
        }
    }

    /// The weights after dropout, if there is any, in `room`.
    fn dropped<'b>(self, weights: &Block<'_, A>, room: &'b mut [A]) -> Option<Block<'b, A>> {
        let dropout = self.dropout?;
        let mut dropped = Block::new(weights.queries.clone(), weights.keys, room);
        dropped.view_mut().assign(&weights.view());
        dropout.apply(&mut dropped);
        Some(dropped)
    }

    /// The blocks of queries before the padding.
    fn blocks(self) -> impl DoubleEndedIterator<Item = Range<usize>> {
        let queries = self.mask.queries;
        (0..queries).step_by(BLOCK).map(move |first| first..queries.min(first + BLOCK))
    }

    /// The weights of some queries, in P if it is stored, else in scratch space.
    fn block<'b>(self, queries: Range<usize>, p: &'b mut ArrayViewMut2<'_, A>, scratch: &'b mut [A]) -> Block<'b, A> {
        let (keys, stride) = (self.mask.reach(queries.end - 1), p.ncols());
        if stride > 0 { Block::of(flat_mut(p), stride, queries, keys) } else { Block::new(queries, keys, scratch) }
    }
}
