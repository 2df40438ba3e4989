//! The state of attention on a tape, and its matrices by sample.

use ndarray::{Array2, ArrayView2, ArrayView3, ArrayViewMut3, Axis, s};

use crate::Scalar;

/// The state of attention between passes. Matrices have one row per step of each sample.
#[derive(Debug, Clone)]
pub(super) struct Memory<A> {
    /// Q, K and V; side by side in the first if they come from one sequence.
    pub projected: [Array2<A>; 3],
    /// P, (samples·heads·queries, keys)
    pub p: Array2<A>,
    /// P·V of all heads
    pub mixed: Array2<A>,
    /// Masked keys, (samples, keys); empty if none.
    pub hidden: Vec<bool>,
    /// Queries that are padding, (samples, queries); empty if none.
    pub padding: Vec<bool>,
    pub dprojected: [Array2<A>; 3],
    pub dmixed: Array2<A>,
    pub dscores: Array2<A>,
    /// dL/dy, with 0 for padding.
    pub dy: Array2<A>,
    pub samples: usize,
    pub queries: usize,
    pub keys: usize,
}

impl<A: Scalar> Default for Memory<A> {
    fn default() -> Self {
        let empty = || Array2::default((0, 0));
        Self {
            projected: [empty(), empty(), empty()],
            p: empty(),
            mixed: empty(),
            hidden: Vec::new(),
            padding: Vec::new(),
            dprojected: [empty(), empty(), empty()],
            dmixed: empty(),
            dscores: empty(),
            dy: empty(),
            samples: 0,
            queries: 0,
            keys: 0,
        }
    }
}

pub(super) fn hidden_keys(hidden: &[bool], keys: usize) -> Option<ArrayView2<'_, bool>> {
    let samples = hidden.len() / keys;
    (samples > 0).then(|| ArrayView2::from_shape((samples, keys), hidden).expect("one for each key"))
}

/// The matrix as (samples, rows per sample, columns).
pub(super) fn by_sample<A>(matrix: &Array2<A>, samples: usize) -> ArrayView3<'_, A> {
    let shape = (samples, matrix.nrows() / samples.max(1), matrix.ncols());
    matrix.view().into_shape_with_order(shape).expect("as many rows for each sample")
}

pub(super) fn by_sample_mut<A>(matrix: &mut Array2<A>, samples: usize) -> ArrayViewMut3<'_, A> {
    let shape = (samples, matrix.nrows() / samples.max(1), matrix.ncols());
    matrix.view_mut().into_shape_with_order(shape).expect("as many rows for each sample")
}

/// Q, K and V, (samples, steps, features), from three matrices or the first one.
pub(super) fn parts<A>(projected: &[Array2<A>; 3], samples: usize, features: usize) -> [ArrayView3<'_, A>; 3] {
    let [first, k, v] = projected;
    if first.ncols() == features {
        return [by_sample(first, samples), by_sample(k, samples), by_sample(v, samples)];
    }
    let all = by_sample(first, samples);
    [0, 1, 2].map(|i| all.slice_move(s![.., .., i * features..(i + 1) * features]))
}

pub(super) fn parts_mut<A>(
    projected: &mut [Array2<A>; 3],
    samples: usize,
    features: usize,
) -> [ArrayViewMut3<'_, A>; 3] {
    let [first, k, v] = projected;
    if first.ncols() == features {
        return [by_sample_mut(first, samples), by_sample_mut(k, samples), by_sample_mut(v, samples)];
    }
    let (q, kv) = by_sample_mut(first, samples).split_at(Axis(2), features);
    let (k, v) = kv.split_at(Axis(2), features);
    [q, k, v]
}
