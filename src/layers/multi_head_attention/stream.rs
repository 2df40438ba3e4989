//! Causal self-attention of the next steps of a stream to all steps so far.

use ndarray::{Array2, s};

use super::MultiHeadAttention;
use super::head;
use super::heads::by_head;
use super::mask::Mask;
use super::rotary::Angles;
use crate::kernels::{add_row, flat_mut, gemm::gemm, groups, groups_mut, resize};
use crate::{Matrix, Result, Scalar};

/// The keys and values of the steps so far, and the buffers of a pass.
pub(super) struct Past<A> {
    /// Keys and values, (capacity, features).
    kept: [Array2<A>; 2],
    steps: usize,
    qkv: Array2<A>,
    angles: Angles<A>,
    statistics: Array2<A>,
    mixed: Array2<A>,
    scratch: Array2<A>,
}

impl<A: Scalar> Default for Past<A> {
    fn default() -> Self {
        let [k, v, qkv, statistics, mixed, scratch] = std::array::from_fn(|_| Array2::default((0, 0)));
        Self { kept: [k, v], steps: 0, qkv, angles: Angles::default(), statistics, mixed, scratch }
    }
}

/// The steps for which there is room initially.
const ROOM: usize = 1024;

impl<A: Scalar> MultiHeadAttention<A> {
    /// y of the next steps x, both (1, steps·features).
    pub(super) fn stream(&self, x: &Matrix<A>, y: &mut Matrix<A>, past: &mut Past<A>) -> Result<()> {
        let features = self.features();
        let (before, queries) = (past.steps, x.ncols() / features);
        let keys = before + queries;
        past.reserve(keys, queries, features)?;
        let Past { kept, qkv, angles, statistics, mixed, scratch, .. } = past;
        resize(qkv, queries, 3 * features)?;
        gemm(A::ONE, &groups(x, features), &self.in_weight, A::ZERO, qkv);
        if let Some(bias) = &self.in_bias {
            add_row(qkv, bias);
        }
        if let Some(base) = self.rotary {
            angles.write(base, before, queries, self.width())?;
            angles.rotate(qkv, 2 * self.heads, queries, false);
        }
        for (i, kept) in kept.iter_mut().enumerate() {
            let columns = (i + 1) * features..(i + 2) * features;
            kept.slice_mut(s![before..keys, ..]).assign(&qkv.slice(s![.., columns]));
        }
        resize(statistics, self.heads * queries, 2)?;
        resize(mixed, queries, features)?;
        let q = by_head(qkv, 1, self.width()).slice_move(s![.., ..self.heads, .., ..]);
        let [k, v] = kept.each_ref().map(|kept| by_head(kept, 1, self.width()).slice_move(s![.., .., ..keys, ..]));
        let mask = Mask { causal: true, before, queries, keys, allowed: None, hidden: &[], padding: &[] };
        let p = &mut Array2::default((self.heads * queries, 0)); // It is not stored.
        self.weigh(mask, None, [q, k, v], [p, statistics, mixed], (1, flat_mut(scratch)));
        self.project_back(mixed, &mut groups_mut(y, features));
        past.steps = keys;
        Ok(())
    }
}

impl<A: Scalar> Past<A> {
    /// Makes room for `keys` steps, and for the scratch space of `queries`.
    fn reserve(&mut self, keys: usize, queries: usize, features: usize) -> Result<()> {
        let mut room = self.kept[0].nrows();
        if keys > room {
            room = keys.max(2 * room).max(ROOM);
            for kept in &mut self.kept {
                let mut larger = Array2::default((0, 0));
                resize(&mut larger, room, features)?;
                if self.steps > 0 {
                    larger.slice_mut(s![..self.steps, ..]).assign(&kept.slice(s![..self.steps, ..]));
                }
                *kept = larger;
            }
        }
        let scratch = head::scratch(queries, room);
        if self.scratch.len() < scratch { resize(&mut self.scratch, 1, scratch) } else { Ok(()) }
    }
}
