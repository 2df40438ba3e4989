//! Views of the matrices of attention by sample and head, split among threads.

use ndarray::{Array2, ArrayView2, ArrayView4, ArrayViewMut2, ArrayViewMut4, Axis, s};

use crate::Scalar;
use crate::kernels::parallel::both;

/// The matrix as (samples, heads, steps, columns of a head), from (samples·steps, heads·columns).
pub(super) fn by_head<A>(matrix: &Array2<A>, samples: usize, width: usize) -> ArrayView4<'_, A> {
    let shape = (samples, matrix.nrows() / samples.max(1), matrix.ncols() / width, width);
    let matrix = matrix.view().into_shape_with_order(shape).expect("as many rows for each sample");
    matrix.permuted_axes([0, 2, 1, 3])
}

/// The mutable view for [`by_head`].
pub(super) fn by_head_mut<A>(matrix: &mut Array2<A>, samples: usize, width: usize) -> ArrayViewMut4<'_, A> {
    let shape = (samples, matrix.nrows() / samples.max(1), matrix.ncols() / width, width);
    let matrix = matrix.view_mut().into_shape_with_order(shape).expect("as many rows for each sample");
    matrix.permuted_axes([0, 2, 1, 3])
}

/// Rows of each sample and head, (samples·heads·rows, columns), as (samples, heads, rows, columns).
pub(super) fn stacked<A>(matrix: &Array2<A>, samples: usize, heads: usize) -> ArrayView4<'_, A> {
    let shape = (samples, heads, matrix.nrows() / (samples * heads).max(1), matrix.ncols());
    matrix.view().into_shape_with_order(shape).expect("as many rows for each sample and head")
}

/// The mutable view for [`stacked`].
pub(super) fn stacked_mut<A>(matrix: &mut Array2<A>, samples: usize, heads: usize) -> ArrayViewMut4<'_, A> {
    let shape = (samples, heads, matrix.nrows() / (samples * heads).max(1), matrix.ncols());
    matrix.view_mut().into_shape_with_order(shape).expect("as many rows for each sample and head")
}

/// Q, K and V by head, from three matrices, or side by side in the first.
pub(super) fn parts<A>(
    projected: &[Array2<A>; 3],
    samples: usize,
    heads: usize,
    width: usize,
) -> [ArrayView4<'_, A>; 3] {
    let all = by_head(&projected[0], samples, width);
    if all.dim().1 == heads {
        return projected.each_ref().map(|part| by_head(part, samples, width));
    }
    [0, 1, 2].map(|i| all.slice_move(s![.., i * heads..(i + 1) * heads, .., ..]))
}

/// The mutable views for [`parts`].
pub(super) fn parts_mut<A>(
    projected: &mut [Array2<A>; 3],
    samples: usize,
    heads: usize,
    width: usize,
) -> [ArrayViewMut4<'_, A>; 3] {
    if projected[0].ncols() == heads * width {
        return projected.each_mut().map(|part| by_head_mut(part, samples, width));
    }
    let (q, kv) = by_head_mut(&mut projected[0], samples, width).split_at(Axis(1), heads);
    let (k, v) = kv.split_at(Axis(1), heads);
    [q, k, v]
}

/// The function called for each head, with its sample and index, the matrices that it reads and writes, and scratch
/// space.
pub(super) type EachHead<'f, A, const R: usize, const W: usize> =
    dyn Fn([usize; 2], [ArrayView2<'_, A>; R], [ArrayViewMut2<'_, A>; W], &mut [A]) + Sync + 'f;

/// The heads of some samples, or some heads of one sample: matrices to read and to write, all (samples, heads, ..).
pub(super) struct Heads<'a, A, const R: usize, const W: usize> {
    pub reads: [ArrayView4<'a, A>; R],
    pub writes: [ArrayViewMut4<'a, A>; W],
    /// The first sample and its first head.
    pub first: [usize; 2],
}

impl<A: Scalar, const R: usize, const W: usize> Heads<'_, A, R, W> {
    /// Calls `f` for each head, on `threads` threads that split the scratch space.
    pub(super) fn each(mut self, threads: usize, scratch: &mut [A], f: &EachHead<'_, A, R, W>) {
        let (samples, heads, _, _) = self.writes[0].dim();
        if threads < 2 || samples * heads < 2 {
            for (sample, head) in (0..samples).flat_map(|sample| (0..heads).map(move |head| (sample, head))) {
                let reads = self.reads.each_ref().map(|all| all.slice(s![sample, head, .., ..]));
                let writes = self.writes.each_mut().map(|all| all.slice_mut(s![sample, head, .., ..]));
                f([self.first[0] + sample, self.first[1] + head], reads, writes, scratch);
            }
            return;
        }
        let few = threads / 2;
        let (axis, len) = if samples > 1 { (0, samples) } else { (1, heads) };
        let (one, two) = self.split(axis, (len * few / threads).max(1));
        let (scratch, rest) = scratch.split_at_mut(scratch.len() / threads * few);
        both(true, || one.each(few, scratch, f), || two.each(threads - few, rest, f));
    }

    fn split(self, axis: usize, middle: usize) -> (Self, Self) {
        let Self { reads, writes, mut first } = self;
        let mut halves = writes.map(|all| {
            let (left, right) = all.split_at(Axis(axis), middle);
            (Some(left), Some(right))
        });
        let left = halves.each_mut().map(|(left, _)| left.take().expect("taken once"));
        let right = halves.map(|(_, right)| right.expect("taken once"));
        let one = Self { reads: reads.map(|all| all.split_at(Axis(axis), middle).0), writes: left, first };
        first[axis] += middle;
        (one, Self { reads: reads.map(|all| all.split_at(Axis(axis), middle).1), writes: right, first })
    }
}
