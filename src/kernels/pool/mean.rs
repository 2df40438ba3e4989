//! The mean of each window.

use super::{Reduce, Taps, array_mut, is_halving, quads, reduce_row, sizes};
use crate::Scalar;
use crate::kernels::rows::{Rows, each_row};
use crate::kernels::window::Axis;

/// The mean of each window; `divisors` are those of one plane.
pub(crate) fn mean<A: Scalar>(axes: [Axis; 2], divisors: &[A], x: &[A], y: &mut [A]) {
    let [input, output] = sizes(axes);
    each_row(
        (Rows(x, input), Rows(y, output)),
        input,
        #[inline(always)]
        move |(x, y)| {
            let width = axes[1].output;
            if is_halving(axes) {
                for (position, y) in y.chunks_exact_mut(width).enumerate() {
                    let (top, bottom) = quads(axes, x, position);
                    for ((top, bottom), y) in top.iter().zip(bottom).zip(y) {
                        *y = top[0] + top[1] + bottom[0] + bottom[1];
                    }
                }
            } else {
                for (position, y) in y.chunks_exact_mut(width).enumerate() {
                    reduce_row(axes, position, &mut Sum { x, y });
                }
            }
            for (y, &divisor) in y.iter_mut().zip(divisors) {
                *y /= divisor;
            }
        },
    );
}

struct Sum<'a, A> {
    x: &'a [A],
    y: &'a mut [A],
}

impl<A: Scalar> Reduce for Sum<'_, A> {
    #[inline(always)]
    fn block<const N: usize>(&mut self, from: usize, taps: Taps) {
        let mut sum = [A::ZERO; N];
        taps.each(
            self.x,
            #[inline(always)]
            |x: [A; N], _| {
                for i in 0..N {
                    sum[i] += x[i];
                }
            },
        );
        *array_mut(self.y, from) = sum;
    }
}

/// dx is the sum of dy / divisor over all windows that contain the element.
pub(crate) fn mean_gradient<A: Scalar>(axes: [Axis; 2], divisors: &[A], dy: &[A], dx: &mut [A]) {
    let [input, output] = sizes(axes);
    let Axis { stride, input: columns, output: width, .. } = axes[1];
    each_row(
        (Rows(dx, input), Rows(dy, output)),
        input,
        #[inline(always)]
        move |(dx, dy)| {
            dx.fill(A::ZERO);
            let rows = dy.chunks_exact(width).zip(divisors.chunks_exact(width));
            for (position, (dy, divisors)) in rows.enumerate() {
                if is_halving(axes) {
                    let (top, bottom) = dx[2 * position * columns..][..2 * columns].split_at_mut(columns);
                    let quads = top.as_chunks_mut().0.iter_mut().zip(bottom.as_chunks_mut().0);
                    for ((top, bottom), (&dy, &divisor)) in quads.zip(dy.iter().zip(divisors)) {
                        (*top, *bottom) = ([dy / divisor; 2], [dy / divisor; 2]);
                    }
                    continue;
                }
                for_taps(
                    axes,
                    position,
                    #[inline(always)]
                    |from, to, first| {
                        let positions = dy[from..to].iter().zip(&divisors[from..to]);
                        each_strided(
                            &mut dx[first..],
                            stride,
                            positions,
                            #[inline(always)]
                            |dx, (&dy, &divisor)| *dx += dy / divisor,
                        );
                    },
                );
            }
        },
    );
}

/// The number of elements in the mean of each window of a plane: with `padding`, including the padding, but never
/// beyond it, where windows with `ceil` may extend.
pub(crate) fn divisors<A: Scalar>([rows, columns]: [Axis; 2], padding: bool, out: &mut Vec<A>) {
    let count = |axis: Axis, position: usize| {
        let (from, to) = if padding { (0, axis.padded()) } else { (axis.before, axis.before + axis.input) };
        let before = |pixel: usize| {
            let taps = pixel.saturating_sub(position * axis.stride).div_ceil(axis.dilation);
            taps.min(axis.kernel)
        };
        before(to) - before(from)
    };
    out.clear();
    for p in 0..rows.output {
        out.extend((0..columns.output).map(|q| A::of(count(rows, p) as f64 * count(columns, q) as f64)));
    }
}

/// Calls `f` for each tap of a window inside the image, in row-major order, with the range of column positions where it
/// is (end excluded), and its index in the plane at the first of them.
#[inline(always)]
fn for_taps([rows, columns]: [Axis; 2], position: usize, mut f: impl FnMut(usize, usize, usize)) {
    for i in rows.taps(position) {
        let Some(row) = rows.cell(position, i) else { continue };
        for j in columns.all_taps() {
            let (from, to) = columns.positions(j);
            if from < to {
                f(from, to, row * columns.input + from * columns.stride + j * columns.dilation - columns.before);
            }
        }
    }
}

/// Calls `f` with each `stride`th element of `x` and the next item.
#[inline(always)]
fn each_strided<A, T>(x: &mut [A], stride: usize, items: impl Iterator<Item = T>, mut f: impl FnMut(&mut A, T)) {
    if stride == 1 {
        for (x, item) in x.iter_mut().zip(items) {
            f(x, item);
        }
    } else {
        for (x, item) in x.iter_mut().step_by(stride).zip(items) {
            f(x, item);
        }
    }
}
