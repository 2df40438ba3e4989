//! Causal self-attention of the next steps of a stream to all steps so far.

use ndarray::{Array2, Axis, s};

use super::MultiHeadAttention;
use super::heads::{Attend, Mask};
use crate::kernels::{add_row, gemm::gemm, groups, groups_mut, resize};
use crate::{Matrix, Result, Scalar};

/// The keys and values of the steps so far, and the buffers of a pass.
pub(super) struct Past<A> {
    /// Keys and values, (capacity, features).
    kept: [Array2<A>; 2],
    steps: usize,
    qkv: Array2<A>,
    p: Array2<A>,
    mixed: Array2<A>,
}

impl<A: Scalar> Default for Past<A> {
    fn default() -> Self {
        let [k, v, qkv, p, mixed] = std::array::from_fn(|_| Array2::default((0, 0)));
        Self { kept: [k, v], steps: 0, qkv, p, mixed }
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
        past.reserve(keys, self.heads * queries, features)?;
        let Past { kept, qkv, p, mixed, .. } = past;
        resize(qkv, queries, 3 * features)?;
        gemm(A::ONE, &groups(x, features), &self.in_weight, A::ZERO, qkv);
        if let Some(bias) = &self.in_bias {
            add_row(qkv, bias);
        }
        for (i, kept) in kept.iter_mut().enumerate() {
            let columns = (i + 1) * features..(i + 2) * features;
            kept.slice_mut(s![before..keys, ..]).assign(&qkv.slice(s![.., columns]));
        }
        resize(p, self.heads * queries, keys)?;
        resize(mixed, queries, features)?;
        let [k, v] = kept.each_ref().map(|kept| kept.slice(s![..keys, ..]).insert_axis(Axis(0)));
        let q = qkv.slice(s![.., ..features]).insert_axis(Axis(0));
        Attend {
            mask: Mask { heads: self.heads, causal: true, hidden: None, before },
            qkv: [q, k, v],
            p: p.view_mut().insert_axis(Axis(0)),
            mixed: mixed.view_mut().insert_axis(Axis(0)),
        }
        .run(1);
        let mut y = groups_mut(y, features);
        gemm(A::ONE, mixed, &self.out_weight, A::ZERO, &mut y);
        if let Some(bias) = &self.out_bias {
            add_row(&mut y, bias);
        }
        past.steps = keys;
        Ok(())
    }
}

impl<A: Scalar> Past<A> {
    /// Makes room for `keys` steps, and for `rows` rows of attention weights.
    fn reserve(&mut self, keys: usize, rows: usize, features: usize) -> Result<()> {
        let room = self.kept[0].nrows();
        if keys <= room {
            return Ok(());
        }
        let room = keys.max(2 * room).max(ROOM);
        for kept in &mut self.kept {
            let mut larger = Array2::default((0, 0));
            resize(&mut larger, room, features)?;
            if self.steps > 0 {
                larger.slice_mut(s![..self.steps, ..]).assign(&kept.slice(s![..self.steps, ..]));
            }
            *kept = larger;
        }
        resize(&mut self.p, rows, room)
    }
}
