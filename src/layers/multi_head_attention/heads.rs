//! Softmax(Q·Kᵀ/√d)·V for each sample and head, forward and backward, with samples split over threads.

use ndarray::{ArrayView2, ArrayView3, ArrayViewMut3, Axis, s};

use crate::kernels::simd::{rows, vectorize};
use crate::kernels::{flat, flat_mut, gemm::gemm, parallel::both};
use crate::{Matrix, Scalar};

/// The attention mask and the number of heads.
#[derive(Clone, Copy)]
pub(super) struct Mask<'a> {
    pub heads: usize,
    /// Each query attends only to keys up to its own position.
    pub causal: bool,
    /// Masked keys, (samples, keys).
    pub hidden: Option<ArrayView2<'a, bool>>,
    /// The number of keys before the first query, of a stream.
    pub before: usize,
}

impl<'a> Mask<'a> {
    fn split(self, middle: usize) -> (Self, Self) {
        let (hidden, other) = self.hidden.map(|hidden| hidden.split_at(Axis(0), middle)).unzip();
        (Self { hidden, ..self }, Self { hidden: other, ..self })
    }

    fn of_sample(&self, sample: usize) -> SampleMask<'a> {
        let hidden = self.hidden.and_then(|hidden| hidden.index_axis_move(Axis(0), sample).to_slice());
        SampleMask { causal: self.causal, hidden, before: self.before }
    }
}

/// The attention mask of one sample.
#[derive(Clone, Copy)]
struct SampleMask<'a> {
    causal: bool,
    hidden: Option<&'a [bool]>,
    before: usize,
}

impl SampleMask<'_> {
    fn allows(self, query: usize, key: usize) -> bool {
        !(self.causal && key > query + self.before || self.hidden.is_some_and(|hidden| hidden[key]))
    }
}

/// The forward pass of a range of samples.
pub(super) struct Attend<'a, A: Scalar> {
    pub mask: Mask<'a>,
    /// Q, (samples, queries, features), then K and V, (samples, keys, features).
    pub qkv: [ArrayView3<'a, A>; 3],
    /// Output: the attention weights, (samples, heads·queries, keys).
    pub p: ArrayViewMut3<'a, A>,
    /// Output: the weighted values, (samples, queries, features).
    pub mixed: ArrayViewMut3<'a, A>,
}

impl<A: Scalar> Attend<'_, A> {
    pub(super) fn run(mut self, threads: usize) {
        let samples = self.p.dim().0;
        if threads < 2 || samples < 2 {
            return (0..samples).for_each(|i| self.sample(i));
        }
        let middle = (samples / threads * (threads / 2)).max(1);
        let Self { mask, qkv: [q, k, v], p, mixed } = self;
        let (mask, other_mask) = mask.split(middle);
        let (q, other_q) = q.split_at(Axis(0), middle);
        let ((k, other_k), (v, other_v)) = (k.split_at(Axis(0), middle), v.split_at(Axis(0), middle));
        let ((p, other_p), (mixed, other_mixed)) = (p.split_at(Axis(0), middle), mixed.split_at(Axis(0), middle));
        let one = Self { mask, qkv: [q, k, v], p, mixed };
        let two = Self { mask: other_mask, qkv: [other_q, other_k, other_v], p: other_p, mixed: other_mixed };
        both(true, || one.run(threads / 2), || two.run(threads - threads / 2));
    }

    fn sample(&mut self, i: usize) {
        let [q, k, v] = self.qkv.each_ref().map(|part| part.index_axis(Axis(0), i));
        let (mut p, mut mixed) = (self.p.index_axis_mut(Axis(0), i), self.mixed.index_axis_mut(Axis(0), i));
        let (queries, mask) = (q.nrows(), self.mask.of_sample(i));
        let width = q.ncols() / self.mask.heads;
        let scale = A::of(1.0 / (width as f64).sqrt());
        for head in 0..self.mask.heads {
            let columns = s![.., head * width..(head + 1) * width];
            let mut p = p.slice_mut(s![head * queries..(head + 1) * queries, ..]);
            gemm(A::ONE, &q.slice(columns), &k.slice(columns).t(), A::ZERO, &mut p);
            softmax(&mut p, scale, mask);
            weighted_sum(&p, &v.slice(columns), &mut mixed.slice_mut(columns), mask);
        }
    }
}

/// Replaces each row of scores, times `scale`, by its softmax over the unmasked keys; 0 for masked ones, and if all are
/// masked.
fn softmax<A: Scalar>(scores: &mut Matrix<A>, scale: A, mask: SampleMask<'_>) {
    let keys = scores.ncols();
    let scores = flat_mut(scores);
    vectorize(
        #[inline(always)]
        || {
            for (query, scores) in scores.chunks_exact_mut(keys).enumerate() {
                let visible = if mask.causal { keys.min(query + 1 + mask.before) } else { keys };
                let (scores, rest) = scores.split_at_mut(visible);
                rest.fill(A::ZERO);
                if let Some(hidden) = mask.hidden {
                    for (score, &hidden) in scores.iter_mut().zip(hidden) {
                        *score = if hidden { -A::INFINITY } else { *score };
                    }
                }
                let max = rows::max(scores);
                if max == -A::INFINITY {
                    scores.fill(A::ZERO);
                    continue;
                }
                rows::each(&mut *scores, |score| *score = ((*score - max) * scale).exp());
                let part = A::ONE / A::of(rows::sum(&*scores, |&e| e));
                rows::each(scores, |score| *score *= part);
            }
        },
    );
}

/// mixed = P·V. Masked values are skipped, because 0·NaN is NaN.
fn weighted_sum<A: Scalar>(p: &Matrix<A>, v: &Matrix<A>, mixed: &mut Matrix<A>, mask: SampleMask<'_>) {
    if !mask.causal && mask.hidden.is_none() || v.iter().all(|v| v.is_finite()) {
        return gemm(A::ONE, p, v, A::ZERO, mixed);
    }
    for ((query, column), mixed) in mixed.indexed_iter_mut() {
        let visible = (0..v.nrows()).filter(|&key| mask.allows(query, key));
        *mixed = visible.fold(A::ZERO, |sum, key| sum + p[[query, key]] * v[[key, column]]);
    }
}

/// The backward pass of a range of samples, with the shapes of [`Attend`].
pub(super) struct AttendBackward<'a, A: Scalar> {
    pub heads: usize,
    pub qkv: [ArrayView3<'a, A>; 3],
    pub p: ArrayView3<'a, A>,
    pub dmixed: ArrayView3<'a, A>,
    /// Workspace, (samples, queries, keys).
    pub dscores: ArrayViewMut3<'a, A>,
    /// Output: dL/dQ, dL/dK and dL/dV.
    pub dqkv: [ArrayViewMut3<'a, A>; 3],
}

impl<A: Scalar> AttendBackward<'_, A> {
    pub(super) fn run(mut self, threads: usize) {
        let samples = self.p.dim().0;
        if threads < 2 || samples < 2 {
            return (0..samples).for_each(|i| self.sample(i));
        }
        let middle = (samples / threads * (threads / 2)).max(1);
        let Self { heads, qkv, p, dmixed, dscores, dqkv } = self;
        let [(q, other_q), (k, other_k), (v, other_v)] = qkv.map(|part| part.split_at(Axis(0), middle));
        let [(dq, other_dq), (dk, other_dk), (dv, other_dv)] = dqkv.map(|part| part.split_at(Axis(0), middle));
        let ((p, other_p), (dmixed, other_dmixed)) = (p.split_at(Axis(0), middle), dmixed.split_at(Axis(0), middle));
        let (dscores, other_dscores) = dscores.split_at(Axis(0), middle);
        let one = Self { heads, qkv: [q, k, v], p, dmixed, dscores, dqkv: [dq, dk, dv] };
        let two = Self {
            heads,
            qkv: [other_q, other_k, other_v],
            p: other_p,
            dmixed: other_dmixed,
            dscores: other_dscores,
            dqkv: [other_dq, other_dk, other_dv],
        };
        both(true, || one.run(threads / 2), || two.run(threads - threads / 2));
    }

    fn sample(&mut self, i: usize) {
        let [q, k, v] = self.qkv.each_ref().map(|part| part.index_axis(Axis(0), i));
        let [mut dq, mut dk, mut dv] = self.dqkv.each_mut().map(|part| part.index_axis_mut(Axis(0), i));
        let (p, dmixed) = (self.p.index_axis(Axis(0), i), self.dmixed.index_axis(Axis(0), i));
        let mut dscores = self.dscores.index_axis_mut(Axis(0), i);
        let (queries, width) = (q.nrows(), q.ncols() / self.heads);
        let scale = A::of(1.0 / (width as f64).sqrt());
        for head in 0..self.heads {
            let columns = s![.., head * width..(head + 1) * width];
            let p = p.slice(s![head * queries..(head + 1) * queries, ..]);
            let dmixed = dmixed.slice(columns);
            gemm(A::ONE, &dmixed, &v.slice(columns).t(), A::ZERO, &mut dscores);
            gemm(A::ONE, &p.t(), &dmixed, A::ZERO, &mut dv.slice_mut(columns));
            softmax_gradient(&p, &mut dscores, scale);
            gemm(A::ONE, &dscores, &k.slice(columns), A::ZERO, &mut dq.slice_mut(columns));
            gemm(A::ONE, &dscores.t(), &q.slice(columns), A::ZERO, &mut dk.slice_mut(columns));
        }
    }
}

/// d(scores) = scale·P ∘ (dP - Σ P ∘ dP), summed over each row, in place in `d`, which holds dP.
fn softmax_gradient<A: Scalar>(p: &Matrix<A>, d: &mut Matrix<A>, scale: A) {
    let keys = p.ncols();
    let (p, d) = (flat(p), flat_mut(d));
    vectorize(
        #[inline(always)]
        || {
            for (p, d) in p.chunks_exact(keys).zip(d.chunks_exact_mut(keys)) {
                let sum = A::of(rows::sum((p, &*d), |(&p, &d)| p * d));
                rows::each((p, d), |(&p, d)| *d = p * ((*d - sum) * scale));
            }
        },
    );
}
