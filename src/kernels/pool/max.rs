//! The maximum of each window.

use super::{Reduce, Taps, array, array_mut, blocks, is_halving, quads, reduce_row, sizes};
use crate::Scalar;
use crate::kernels::rows::{Rows, each_row};
use crate::kernels::simd::rows;
use crate::kernels::window::Axis;

/// The maximum of each window and its position in the plane: the first of several in row-major order, or the first NaN.
pub(crate) fn max<A: Scalar>(axes: [Axis; 2], x: &[A], y: &mut [A], cells: &mut Vec<u32>) {
    cells.resize(y.len(), 0);
    max_and_cells(axes, x, y, cells);
}

/// The maximum of each window.
pub(crate) fn max_values<A: Scalar>(axes: [Axis; 2], x: &[A], y: &mut [A]) {
    // A vector of units allocates nothing.
    let mut cells = vec![(); y.len()];
    max_and_cells(axes, x, y, &mut cells);
}

/// The stored position of a maximum: its index in the plane, or nothing.
trait Cell: Copy + Send {
    fn of(cell: impl FnOnce() -> u32) -> Self;
}

impl Cell for u32 {
    #[inline(always)]
    fn of(cell: impl FnOnce() -> u32) -> Self {
        cell()
    }
}

impl Cell for () {
    #[inline(always)]
    fn of(_: impl FnOnce() -> u32) {}
}

fn max_and_cells<A: Scalar, C: Cell>(axes: [Axis; 2], x: &[A], y: &mut [A], cells: &mut [C]) {
    let [input, output] = sizes(axes);
    each_row(
        (Rows(x, input), Rows(y, output), Rows(cells, output)),
        input,
        #[inline(always)]
        move |(x, y, cells)| match axes {
            _ if is_whole(axes) => max_of_plane(x, y, cells),
            _ if is_halving(axes) => max_of_quads(axes, x, y, cells),
            _ => max_of_windows(axes, x, y, cells),
        },
    );
}

/// dx is dy at the position of each maximum, summed where windows overlap.
pub(crate) fn max_gradient<A: Scalar>(axes: [Axis; 2], cells: &[u32], dy: &[A], dx: &mut [A]) {
    let [input, output] = sizes(axes);
    each_row(
        (Rows(dx, input), Rows(cells, output), Rows(dy, output)),
        input,
        #[inline(always)]
        move |(dx, cells, dy)| {
            dx.fill(A::ZERO);
            for (&cell, &dy) in cells.iter().zip(dy) {
                dx[cell as usize] += dy;
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
fn max_of_plane<A: Scalar, C: Cell>(x: &[A], y: &mut [A], cells: &mut [C]) {
    let largest = rows::max(x);
    y[0] = largest;
    cells[0] = C::of(|| x.iter().position(|&x| x == largest || x.is_nan()).map_or(0, |cell| cell as u32));
}

/// Windows of 2 x 2 with stride 2, in blocks as in [`reduce_row`].
#[inline(always)]
fn max_of_quads<A: Scalar, C: Cell>(axes: [Axis; 2], x: &[A], y: &mut [A], cells: &mut [C]) {
    match axes[1].output {
        8.. => max_of_quad_blocks::<8, A, C>(axes, x, y, cells),
        4.. => max_of_quad_blocks::<4, A, C>(axes, x, y, cells),
        _ => max_of_quad_blocks::<1, A, C>(axes, x, y, cells),
    }
}

#[inline(always)]
fn max_of_quad_blocks<const N: usize, A: Scalar, C: Cell>(axes: [Axis; 2], x: &[A], y: &mut [A], cells: &mut [C]) {
    let Axis { input: width, output, .. } = axes[1];
    let rows = y.chunks_exact_mut(output).zip(cells.chunks_exact_mut(output));
    for (position, (y, cells)) in rows.enumerate() {
        let (top, bottom) = quads(axes, x, position);
        for from in blocks::<N>(0, output) {
            let first = 2 * (position * width + from);
            let (top, bottom) = (array::<N, _>(top, from), array(bottom, from));
            let (y, cells) = (array_mut::<N, _>(y, from), array_mut(cells, from));
            max_of_quad_block(top, bottom, width as u32, first as u32, y, cells);
        }
    }
}

#[inline(always)]
fn max_of_quad_block<const N: usize, A: Scalar, C: Cell>(
    top: &[[A; 2]; N],
    bottom: &[[A; 2]; N],
    width: u32,
    first: u32,
    y: &mut [A; N],
    cells: &mut [C; N],
) {
    for i in 0..N {
        let (mut largest, mut cell) = (top[i][0], 0);
        for (x, offset) in [(top[i][1], 1), (bottom[i][0], width), (bottom[i][1], width + 1)] {
            let better = beats(x, largest);
            largest = if better { x } else { largest };
            cell = if better { offset } else { cell };
        }
        y[i] = largest;
        cells[i] = C::of(|| first + 2 * i as u32 + cell);
    }
}

#[inline(always)]
fn max_of_windows<A: Scalar, C: Cell>(axes: [Axis; 2], x: &[A], y: &mut [A], cells: &mut [C]) {
    let width = axes[1].output;
    let rows = y.chunks_exact_mut(width).zip(cells.chunks_exact_mut(width));
    for (position, (y, cells)) in rows.enumerate() {
        reduce_row(axes, position, &mut Largest { x, y, cells });
    }
}

struct Largest<'a, A, C> {
    x: &'a [A],
    y: &'a mut [A],
    cells: &'a mut [C],
}

impl<A: Scalar, C: Cell> Reduce for Largest<'_, A, C> {
    #[inline(always)]
    fn block<const N: usize>(&mut self, from: usize, taps: Taps) {
        // If nothing beats -∞, the first element of the window is kept.
        let (mut largest, mut cell) = ([-A::INFINITY; N], [0; N]);
        taps.each(
            self.x,
            #[inline(always)]
            |x: [A; N], offset| {
                for i in 0..N {
                    let better = beats(x[i], largest[i]);
                    largest[i] = if better { x[i] } else { largest[i] };
                    cell[i] = if better { offset as u32 } else { cell[i] };
                }
            },
        );
        *array_mut(self.y, from) = largest;
        let cells = array_mut::<N, _>(self.cells, from);
        for i in 0..N {
            cells[i] = C::of(|| (taps.start + i * taps.stride) as u32 + cell[i]);
        }
    }
}
