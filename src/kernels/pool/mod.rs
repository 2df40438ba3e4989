//! Maxima and means over a window that slides across planes of images.
//!
//! A sequence is pooled as one plane with the steps as rows and a window of one column.

use super::window::Axis;
use crate::Scalar;

mod max;
mod mean;

pub(crate) use max::{max, max_gradient, max_values};
pub(crate) use mean::{divisors, mean, mean_gradient};

/// The sizes of an input plane and an output plane.
fn sizes([rows, columns]: [Axis; 2]) -> [usize; 2] {
    [rows.input * columns.input, rows.output * columns.output]
}

/// Whether windows are 2 x 2 with stride 2.
fn is_halving(axes: [Axis; 2]) -> bool {
    axes.iter().all(|axis| {
        (axis.kernel, axis.stride, axis.dilation, axis.before) == (2, 2, 1, 0) && 2 * axis.output <= axis.input
    })
}

/// The column pairs in the two rows under one row of windows.
#[inline(always)]
fn quads<A>([_, columns]: [Axis; 2], x: &[A], position: usize) -> (&[[A; 2]], &[[A; 2]]) {
    let (top, bottom) = x[2 * position * columns.input..][..2 * columns.input].split_at(columns.input);
    (top.as_chunks().0, bottom.as_chunks().0)
}

/// The taps of a window inside the image, for the first of a range of positions.
#[derive(Clone, Copy)]
struct Taps {
    /// The index in the plane of the first tap.
    start: usize,
    rows: usize,
    row_step: usize,
    columns: usize,
    column_step: usize,
    /// The distance between positions.
    stride: usize,
}

impl Taps {
    /// Calls `f` for each tap in row-major order, with its element at each of `N` positions, and its offset from the
    /// first tap.
    #[inline(always)]
    fn each<const N: usize, A: Scalar>(self, x: &[A], mut f: impl FnMut([A; N], usize)) {
        for i in 0..self.rows {
            for j in 0..self.columns {
                let offset = i * self.row_step + j * self.column_step;
                f(strided(&x[self.start + offset..], self.stride), offset);
            }
        }
    }
}

/// Every `stride`th of the first items.
#[inline(always)]
fn strided<const N: usize, A: Scalar>(x: &[A], stride: usize) -> [A; N] {
    match (stride, x.as_chunks::<2>().0.first_chunk::<N>()) {
        (1, _) => *array(x, 0),
        // Loading pairs and discarding one half is faster than scalar loads.
        (2, Some(pairs)) => std::array::from_fn(
            #[inline(always)]
            |i| pairs[i][0],
        ),
        _ => {
            let x = &x[..=stride * (N - 1)];
            std::array::from_fn(
                #[inline(always)]
                |i| x[stride * i],
            )
        }
    }
}

/// The reduction of a window, for `N` adjacent positions of a row, from `from` on.
trait Reduce {
    fn block<const N: usize>(&mut self, from: usize, taps: Taps);
}

/// Computes a row of positions: in blocks where all columns of the window are inside the image, and one by one at the
/// borders. A loop over a whole row would often be too short to vectorize. The last block overlaps the previous one.
#[inline(always)]
fn reduce_row([rows, columns]: [Axis; 2], position: usize, reduce: &mut impl Reduce) {
    let inside = |axis: Axis, position: usize| {
        let taps = axis.taps(position);
        (axis.cell(position, taps.start).unwrap_or(0), taps.len())
    };
    let (row, count) = inside(rows, position);
    let taps = Taps {
        start: row * columns.input,
        rows: count,
        // Unused if there is a single row; it may then lie far outside.
        row_step: rows.dilation.saturating_mul(columns.input),
        columns: columns.kernel,
        column_step: columns.dilation,
        stride: columns.stride,
    };
    let from = columns.positions(0).0;
    let to = columns.positions(columns.kernel - 1).1.max(from);
    match to - from {
        8.. => interior::<8>(from, to, taps, columns, reduce),
        4.. => interior::<4>(from, to, taps, columns, reduce),
        _ => interior::<1>(from, to, taps, columns, reduce),
    }
    for q in (0..from).chain(to..columns.output) {
        let (column, count) = inside(columns, q);
        reduce.block::<1>(q, Taps { start: taps.start + column, columns: count, ..taps });
    }
}

#[inline(always)]
fn interior<const N: usize>(from: usize, to: usize, taps: Taps, columns: Axis, reduce: &mut impl Reduce) {
    for q in blocks::<N>(from, to) {
        reduce.block::<N>(q, Taps { start: taps.start + q * columns.stride - columns.before, ..taps });
    }
}

/// The first position of each block of `N`.
#[inline(always)]
fn blocks<const N: usize>(from: usize, to: usize) -> impl Iterator<Item = usize> {
    (from..to).step_by(N).map(move |q| q.min(to - N))
}

/// `N` items from the one at `from`.
#[inline(always)]
fn array<const N: usize, T>(items: &[T], from: usize) -> &[T; N] {
    items[from..].first_chunk().expect("a block inside the row")
}

/// The mutable array for [`array`].
#[inline(always)]
fn array_mut<const N: usize, T>(items: &mut [T], from: usize) -> &mut [T; N] {
    items[from..].first_chunk_mut().expect("a block inside the row")
}
