//! The maximum of each window.

use super::{Reduce, Taps, array, array_mut, blocks, is_halving, quads, reduce_row, sizes};
use crate::Scalar;
use crate::kernels::rows::{Rows, each_row};
use crate::kernels::simd::rows;
use crate::kernels::window::Axis;

/// The maximum of each window and its index in the plane: the first maximum in row-major order, or the first NaN.
pub(crate) fn max<A: Scalar>(axes: [Axis; 2], x: &[A], y: &mut [A], indices: &mut Vec<u32>) {
    indices.resize(y.len(), 0);
    max_and_indices(axes, x, y, indices);
}

/// The maximum of each window.
pub(crate) fn max_values<A: Scalar>(axes: [Axis; 2], x: &[A], y: &mut [A]) {
    // A vector of units does not allocate.
    let mut indices = vec![(); y.len()];
    max_and_indices(axes, x, y, &mut indices);
}

/// What is stored of a maximum: its index in the plane, or nothing.
trait Index: Copy + Send {
    fn of(index: impl FnOnce() -> u32) -> Self;
}

impl Index for u32 {
    #[inline(always)]
    fn of(index: impl FnOnce() -> u32) -> Self {
        index()
    }
}

impl Index for () {
    #[inline(always)]
    fn of(_: impl FnOnce() -> u32) {}
}

fn max_and_indices<A: Scalar, C: Index>(axes: [Axis; 2], x: &[A], y: &mut [A], indices: &mut [C]) {
    let [input, output] = sizes(axes);
    each_row(
        (Rows(x, input), Rows(y, output), Rows(indices, output)),
        input,
        #[inline(always)]
        move |(x, y, indices)| match axes {
            _ if is_whole(axes) => max_of_plane(x, y, indices),
            _ if is_halving(axes) => max_of_quads(axes, x, y, indices),
            _ => max_of_windows(axes, x, y, indices),
        },
    );
}

/// dx is dy at the index of each maximum, summed where windows overlap.
pub(crate) fn max_gradient<A: Scalar>(axes: [Axis; 2], indices: &[u32], dy: &[A], dx: &mut [A]) {
    let [input, output] = sizes(axes);
    each_row(
        (Rows(dx, input), Rows(indices, output), Rows(dy, output)),
        input,
        #[inline(always)]
        move |(dx, indices, dy)| {
            dx.fill(A::ZERO);
            for (&index, &dy) in indices.iter().zip(dy) {
                dx[index as usize] += dy;
            }
        },
    );
}

/// Whether x replaces the current maximum.
#[inline(always)]
fn beats<A: Scalar>(x: A, largest: A) -> bool {
    // NaN beats every number, and nothing beats NaN.
    #[allow(clippy::neg_cmp_op_on_partial_ord)]
    let larger = !(x <= largest);
    larger & !largest.is_nan()
}

/// Whether one window covers the whole plane.
fn is_whole([rows, columns]: [Axis; 2]) -> bool {
    let whole = |axis: Axis| axis.kernel == axis.input && axis.output == 1 && axis.before == 0 && axis.dilation == 1;
    whole(rows) && whole(columns)
}

#[inline(always)]
fn max_of_plane<A: Scalar, C: Index>(x: &[A], y: &mut [A], indices: &mut [C]) {
    let largest = rows::max(x);
    y[0] = largest;
    indices[0] = C::of(|| x.iter().position(|&x| x == largest || x.is_nan()).map_or(0, |index| index as u32));
}

/// Windows of 2 x 2 with stride 2, in blocks as in [`reduce_row`].
#[inline(always)]
fn max_of_quads<A: Scalar, C: Index>(axes: [Axis; 2], x: &[A], y: &mut [A], indices: &mut [C]) {
    match axes[1].output {
        8.. => max_of_quad_blocks::<8, A, C>(axes, x, y, indices),
        4.. => max_of_quad_blocks::<4, A, C>(axes, x, y, indices),
        _ => max_of_quad_blocks::<1, A, C>(axes, x, y, indices),
    }
}

#[inline(always)]
fn max_of_quad_blocks<const N: usize, A: Scalar, C: Index>(axes: [Axis; 2], x: &[A], y: &mut [A], indices: &mut [C]) {
    let Axis { input: width, output, .. } = axes[1];
    let rows = y.chunks_exact_mut(output).zip(indices.chunks_exact_mut(output));
    for (position, (y, indices)) in rows.enumerate() {
        let (top, bottom) = quads(axes, x, position);
        for from in blocks::<N>(0, output) {
            let first = 2 * (position * width + from);
            let (top, bottom) = (array::<N, _>(top, from), array(bottom, from));
            let (y, indices) = (array_mut::<N, _>(y, from), array_mut(indices, from));
            max_of_quad_block(top, bottom, width as u32, first as u32, y, indices);
        }
    }
}

#[inline(always)]
fn max_of_quad_block<const N: usize, A: Scalar, C: Index>(
    top: &[[A; 2]; N],
    bottom: &[[A; 2]; N],
    width: u32,
    first: u32,
    y: &mut [A; N],
    indices: &mut [C; N],
) {
    for i in 0..N {
        let (mut largest, mut index) = (top[i][0], 0);
        for (x, offset) in [(top[i][1], 1), (bottom[i][0], width), (bottom[i][1], width + 1)] {
            let better = beats(x, largest);
            largest = if better { x } else { largest };
            index = if better { offset } else { index };
        }
        y[i] = largest;
        indices[i] = C::of(|| first + 2 * i as u32 + index);
    }
}

#[inline(always)]
fn max_of_windows<A: Scalar, C: Index>(axes: [Axis; 2], x: &[A], y: &mut [A], indices: &mut [C]) {
    let width = axes[1].output;
    let rows = y.chunks_exact_mut(width).zip(indices.chunks_exact_mut(width));
    for (position, (y, indices)) in rows.enumerate() {
        reduce_row(axes, position, &mut Largest { x, y, indices });
    }
}

struct Largest<'a, A, C> {
    x: &'a [A],
    y: &'a mut [A],
    indices: &'a mut [C],
}

impl<A: Scalar, C: Index> Reduce for Largest<'_, A, C> {
    #[inline(always)]
    fn block<const N: usize>(&mut self, from: usize, taps: Taps) {
        // If nothing beats -∞, the first element of the window is kept.
        let (mut largest, mut index) = ([-A::INFINITY; N], [0; N]);
        taps.each(
            self.x,
            #[inline(always)]
            |x: [A; N], offset| {
                for i in 0..N {
                    let better = beats(x[i], largest[i]);
                    largest[i] = if better { x[i] } else { largest[i] };
                    index[i] = if better { offset as u32 } else { index[i] };
                }
            },
        );
        *array_mut(self.y, from) = largest;
        let indices = array_mut::<N, _>(self.indices, from);
        for i in 0..N {
            indices[i] = C::of(|| (taps.start + i * taps.stride) as u32 + index[i]);
        }
    }
}
