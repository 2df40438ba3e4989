//! The passes that the layer, the join and [`attend`](MultiHeadAttention::attend) share.

use ndarray::{Array2, ArrayView4, s};
use rand::Rng;

use super::MultiHeadAttention;
use super::dropout::WeightDropout;
use super::head::{self, Head};
use super::heads::{Heads, by_head, by_head_mut, parts, parts_mut, stacked, stacked_mut};
use super::mask::Mask;
use super::memory::Memory;
use crate::error::NO_FORWARD;
use crate::kernels::{
    add_row, column_sums, flat_mut, gemm::gemm, groups, groups_mut, parallel, resize, steps_before_padding,
};
use crate::{Matrix, Result, Scalar};

/// The gradients of a weight and its bias.
pub(super) type Slots<'d, A> = (&'d mut Array2<A>, Option<&'d mut Array2<A>>);

impl<A: Scalar> MultiHeadAttention<A> {
    /// Cross-attention from the inputs of Q, K and V, (samples, steps·features) each, to y. The masks must already be
    /// in `memory`.
    pub(super) fn cross(&self, inputs: [&Matrix<A>; 3], memory: &mut Memory<A>, y: &mut Matrix<A>) -> Result<()> {
        let features = self.features();
        (memory.samples, memory.queries) = (inputs[0].nrows(), inputs[0].ncols() / features);
        memory.keys = inputs[1].ncols() / features;
        for (i, x) in inputs.into_iter().enumerate() {
            self.project(i, x, memory)?;
        }
        self.mix(memory, &mut groups_mut(y, features))
    }

    /// The backward pass of [`cross`](Self::cross). With two `dx`, the second is that of both key and value.
    pub(super) fn cross_backward(
        &self,
        dy: &Matrix<A>,
        inputs: [&Matrix<A>; 3],
        dx: &mut [Array2<A>],
        dw: &mut [Array2<A>],
        memory: &mut Memory<A>,
    ) -> Result<()> {
        let [(dw_in, mut db_in), out] = self.slots(dw)?;
        if !self.fits(memory, 1, dy) || ![2, 3].contains(&dx.len()) {
            return Err(NO_FORWARD);
        }
        self.mix_backward(&groups(dy, self.features()), out, memory)?;
        for (i, x) in inputs.into_iter().enumerate() {
            let at = i.min(dx.len() - 1);
            let beta = if at < i { A::ONE } else { A::ZERO };
            let slots = (&mut *dw_in, db_in.as_deref_mut());
            self.project_backward(i, x, memory, slots, (beta, &mut dx[at]));
        }
        Ok(())
    }

    /// Whether `memory` is from a forward pass with a y of this size, and with `parts` of Q, K and V side by side in
    /// one matrix.
    pub(super) fn fits(&self, memory: &Memory<A>, parts: usize, y: &Matrix<A>) -> bool {
        let Memory { projected, p, samples, queries, .. } = memory;
        projected[0].ncols() == parts * self.features()
            && p.nrows() == samples * queries * self.heads
            && y.dim() == (*samples, queries * self.features())
    }

    /// The gradients of the input and output projections among those of the layer.
    pub(super) fn slots<'d>(&self, dw: &'d mut [Array2<A>]) -> Result<[Slots<'d, A>; 2]> {
        match (dw, &self.in_bias) {
            ([dw_in, db_in, dw_out, db_out], Some(_)) => Ok([(dw_in, Some(db_in)), (dw_out, Some(db_out))]),
            ([dw_in, dw_out], None) => Ok([(dw_in, None), (dw_out, None)]),
            _ => Err(NO_FORWARD),
        }
    }

    /// Finds the padding steps of x, (samples, steps·features), from the known lengths or, if masked, its zeros; else
    /// empty.
    pub(super) fn find_padding(&self, x: &Matrix<A>, known: Option<&[usize]>, padding: &mut Vec<bool>) {
        let features = self.features();
        padding.clear();
        if let Some(lengths) = known {
            padding.extend(lengths.iter().flat_map(|&length| (0..x.ncols() / features).map(move |t| t >= length)));
        } else if self.masked {
            for x in x.rows() {
                let length = steps_before_padding(&x, features);
                padding.extend((0..x.len() / features).map(|t| t >= length));
            }
        }
    }

    /// Computes projection `i` (Q, K or V) of its input.
    fn project(&self, i: usize, x: &Matrix<A>, memory: &mut Memory<A>) -> Result<()> {
        let (features, projected) = (self.features(), &mut memory.projected[i]);
        let columns = s![.., i * features..(i + 1) * features];
        resize(projected, x.len() / features, features)?;
        gemm(A::ONE, &groups(x, features), &self.in_weight.slice(columns), A::ZERO, projected);
        if let Some(bias) = &self.in_bias {
            add_row(projected, &bias.slice(columns));
        }
        Ok(())
    }

    /// From dL/dQ, dL/dK or dL/dV: writes its part of the gradients of weights and biases, and dL/dx + beta·dx to `dx`.
    fn project_backward(
        &self,
        i: usize,
        x: &Matrix<A>,
        memory: &Memory<A>,
        (dw, db): Slots<'_, A>,
        (beta, dx): (A, &mut Matrix<A>),
    ) {
        let (features, dprojected) = (self.features(), &memory.dprojected[i]);
        let columns = s![.., i * features..(i + 1) * features];
        gemm(A::ONE, &groups(x, features).t(), dprojected, A::ZERO, &mut dw.slice_mut(columns));
        if let Some(db) = db {
            column_sums(dprojected, &mut db.slice_mut(columns));
        }
        gemm(A::ONE, dprojected, &self.in_weight.slice(columns).t(), beta, &mut groups_mut(dx, features));
    }

    /// Starts a pass of a network: whether a backward pass follows, and its dropout.
    pub(super) fn start(&self, memory: &mut Memory<A>, [training, recording]: [bool; 2], rng: &mut impl Rng) {
        memory.recording = recording;
        let drops = training && self.dropout > 0.0;
        memory.dropout = drops.then(|| WeightDropout { probability: self.dropout, seed: rng.next_u64() });
    }

    /// From Q, K and V in `memory` to the output, one row per step.
    pub(super) fn mix(&self, memory: &mut Memory<A>, y: &mut Matrix<A>) -> Result<()> {
        self.rotate(memory, false)?;
        let (samples, queries, keys) = (memory.samples, memory.queries, memory.keys);
        let Memory { projected, p, statistics, mixed, scratch, hidden, padding, dropout, .. } = memory;
        let (rows, stored) = (samples * self.heads * queries, memory.exposed || memory.recording && stores(keys));
        resize(p, rows, if stored { keys } else { 0 })?;
        resize(statistics, rows, 2)?;
        resize(mixed, samples * queries, self.features())?;
        let mask =
            Mask { causal: self.causal, before: 0, queries, keys, allowed: self.allowed.as_ref(), hidden, padding };
        let threads = self.share(scratch, samples, queries, keys)?;
        let qkv = parts(projected, samples, self.heads, self.width());
        self.weigh(mask, *dropout, qkv, [p, statistics, mixed], (threads, flat_mut(scratch)));
        self.project_back(mixed, y);
        zero_rows(y, padding);
        Ok(())
    }

    /// From Q, K and V to P, if it has columns, the statistics of its rows and the mixed values.
    pub(super) fn weigh(
        &self,
        mask: Mask<'_>,
        dropout: Option<WeightDropout>,
        qkv: [ArrayView4<'_, A>; 3],
        [p, statistics, mixed]: [&mut Array2<A>; 3],
        (threads, scratch): (usize, &mut [A]),
    ) {
        let samples = qkv[0].dim().0;
        let [p, statistics] = [p, statistics].map(|matrix| stacked_mut(matrix, samples, self.heads));
        let mixed = by_head_mut(mixed, samples, self.width());
        Heads { reads: qkv, writes: [p, statistics, mixed], first: [0, 0] }.each(
            threads,
            scratch,
            &|at, reads, writes, scratch| self.head(&mask, dropout, at).forward(reads, writes, scratch),
        );
    }

    /// y = mixed·Wₒ + bₒ.
    pub(super) fn project_back(&self, mixed: &Matrix<A>, y: &mut Matrix<A>) {
        gemm(A::ONE, mixed, &self.out_weight, A::ZERO, y);
        if let Some(bias) = &self.out_bias {
            add_row(y, bias);
        }
    }

    /// From dL/dy, one row per step, to dL/dQ, dL/dK and dL/dV in `memory`, and the gradients of Wₒ and bₒ.
    pub(super) fn mix_backward(&self, dy: &Matrix<A>, (dw, db): Slots<'_, A>, memory: &mut Memory<A>) -> Result<()> {
        let (samples, queries, keys, features) = (memory.samples, memory.queries, memory.keys, self.features());
        let Memory { projected, p, statistics, mixed, dprojected, dmixed, scratch, hidden, padding, .. } = memory;
        let dropout = memory.dropout;
        let dy = if padding.is_empty() {
            dy
        } else {
            resize(&mut memory.dy, dy.nrows(), features)?;
            memory.dy.assign(dy);
            zero_rows(&mut memory.dy, padding);
            &memory.dy
        };
        gemm(A::ONE, &mixed.t(), dy, A::ZERO, dw);
        if let Some(db) = db {
            column_sums(dy, db);
        }
        resize(dmixed, samples * queries, features)?;
        gemm(A::ONE, dy, &self.out_weight.t(), A::ZERO, dmixed);
        for (dprojected, projected) in dprojected.iter_mut().zip(&*projected) {
            resize(dprojected, projected.nrows(), projected.ncols())?;
        }
        let mask =
            Mask { causal: self.causal, before: 0, queries, keys, allowed: self.allowed.as_ref(), hidden, padding };
        let [q, k, v] = parts(projected, samples, self.heads, self.width());
        let [dq, dk, dv] = parts_mut(dprojected, samples, self.heads, self.width());
        let (statistics, dmixed) = (stacked(statistics, samples, self.heads), by_head(dmixed, samples, self.width()));
        let p = stacked_mut(p, samples, self.heads);
        let heads = Heads { reads: [q, k, v, statistics, dmixed], writes: [p, dq, dk, dv], first: [0, 0] };
        let threads = self.share(scratch, samples, queries, keys)?;
        heads.each(threads, flat_mut(scratch), &|at, reads, writes, scratch| {
            self.head(&mask, dropout, at).backward(reads, writes, scratch);
        });
        self.rotate(memory, true)
    }

    /// The mask, scale and dropout of a head of a sample.
    fn head<'m>(&self, mask: &Mask<'m>, dropout: Option<WeightDropout>, [sample, head]: [usize; 2]) -> Head<'m, A> {
        let dropout = dropout.map(|dropout| dropout.of_head(sample * self.heads + head));
        Head { mask: mask.of_sample(sample), scale: A::of(1.0 / (self.width() as f64).sqrt()), dropout }
    }

    /// Rotates Q and K by the angles of their steps, or if `back`, their gradients by the opposite angles.
    fn rotate(&self, memory: &mut Memory<A>, back: bool) -> Result<()> {
        let Some(base) = self.rotary else { return Ok(()) };
        let Memory { angles, projected, dprojected, queries, keys, .. } = memory;
        let [q, k, _] = if back { dprojected } else { projected };
        angles.know(base, (*queries).max(*keys), self.width())?;
        if q.ncols() > self.features() {
            angles.rotate(q, 2 * self.heads, *queries, back); // K is beside Q.
        } else {
            angles.rotate(q, self.heads, *queries, back);
            angles.rotate(k, self.heads, *keys, back);
        }
        Ok(())
    }

    /// The number of threads for a pass, and scratch space for them.
    fn share(&self, scratch: &mut Array2<A>, samples: usize, queries: usize, keys: usize) -> Result<usize> {
        let threads = parallel::parts(samples * self.heads, queries.saturating_mul(keys) * self.width());
        resize(scratch, threads, head::scratch(queries, keys))?;
        Ok(threads)
    }
}

/// Whether P is stored for the backward pass with this many keys, rather than computed again.
pub(super) fn stores(keys: usize) -> bool {
    keys <= 256
}

/// Zeroes the rows that are padding.
fn zero_rows<A: Scalar>(rows: &mut Matrix<A>, padding: &[bool]) {
    for (mut row, _) in rows.rows_mut().into_iter().zip(padding).filter(|&(_, &padding)| padding) {
        row.fill(A::ZERO);
    }
}
