//! Maxima and means under a window that moves over the planes of images.
//!
//! A sequence of steps with features is pooled as one plane with the steps as its lines and a window of one column.

use std::fmt::{self, Debug};

use super::rows::{Rows, each_row};
use super::window::{Axis, Window};
use crate::layers::Padding;
use crate::{Error, Result, Scalar, Shape};

/// How the windows of `layer` lie on images of this shape, if each of them sees a pixel.
pub(crate) fn axes(window: &Window, layer: &dyn Debug, input: Shape) -> Result<[Axis; 2]> {
    let axes = window.axes(|| format!("{layer:?}"), input)?;
    for axis in axes {
        let padding = axis.before.max(axis.after);
        if padding > axis.span() / 2 {
            let what = format!("the padding of {layer:?}");
            return Err(Error::Setting { what, wants: "at most half of its window", got: padding as f64 });
        }
        // Taps further apart than the image is wide may all lie beside it.
        let sees = |place| (0..axis.kernel).any(|tap| axis.cell(place, tap).is_some());
        if axis.dilation > axis.input && padding > 0 && !(0..axis.output).all(sees) {
            let wants =
                format!("images that all its windows see, not padding only (its dilation is {})", axis.dilation);
            return Err(Error::Input { layer: format!("{layer:?}"), wants, got: input });
        }
    }
    if u32::try_from(axes[0].input * axes[1].input).is_err() {
        let wants = "images of fewer than 2^32 pixels".into();
        return Err(Error::Input { layer: format!("{layer:?}"), wants, got: input });
    }
    Ok(axes)
}

/// The same for a window that moves over the steps of sequences.
pub(crate) fn axes_of_steps(window: &Window, layer: &dyn Debug, input: Shape) -> Result<[Axis; 2]> {
    let wrong = |wants: String| Error::Input { layer: format!("{layer:?}"), wants, got: input };
    let Shape::Sequence { steps, features } = input else {
        return Err(wrong("sequences [steps, features]".into()));
    };
    axes(window, layer, [1, steps, features].into()).map_err(|error| {
        let Padding::Each([[before, after], _]) = window.padding else { return error };
        let span = window.dilation[0].saturating_mul(window.kernel[0].saturating_sub(1)).saturating_add(1);
        let least = span.saturating_sub(before.saturating_add(after)).max(1);
        match error {
            Error::Input { .. } if steps < least => wrong(format!("sequences of at least {least} steps")),
            Error::Input { .. } if features == 0 => wrong("sequences of at least one feature".into()),
            Error::Input { wants, .. } => wrong(wants.replace("images", "sequences")),
            other => other,
        }
    })
}

/// Writes the settings of a window that moves over steps.
pub(crate) fn write_steps(f: &mut fmt::Formatter<'_>, window: &Window) -> fmt::Result {
    write!(f, "{}, stride {}", window.kernel[0], window.stride[0])?;
    if let Padding::Each([[cells, _], _]) = window.padding
        && cells > 0
    {
        write!(f, ", padding {cells}")?;
    }
    if window.dilation[0] != 1 {
        write!(f, ", dilation {}", window.dilation[0])?;
    }
    f.write_str(if window.ceil { ", rounded up" } else { "" })
}

/// One window on all of an image, or on all steps of a sequence.
pub(crate) fn whole(layer: &dyn Debug, input: Shape) -> Result<[Axis; 2]> {
    match input {
        Shape::Image { height, width, .. } if input.len() > 0 => {
            axes(&Window::new([height, width], [1, 1]), layer, input)
        }
        Shape::Sequence { steps, .. } if input.len() > 0 => {
            axes_of_steps(&Window::new([steps, 1], [1, 1]), layer, input)
        }
        _ => {
            let wants = "images or sequences that are not empty".into();
            Err(Error::Input { layer: format!("{layer:?}"), wants, got: input })
        }
    }
}

/// The shape of a sample after windows that lie so.
pub(crate) fn pooled([lines, columns]: [Axis; 2], input: Shape) -> Shape {
    match input {
        Shape::Image { channels, .. } => [channels, lines.output, columns.output].into(),
        _ => [lines.output, columns.output].into(),
    }
}

/// The numbers of a plane before and after.
fn sizes([lines, columns]: [Axis; 2]) -> [usize; 2] {
    [lines.input * columns.input, lines.output * columns.output]
}

/// No place yet.
const NOWHERE: u32 = u32::MAX;

/// The largest number under each window, and in which cell of its plane it is: the first of several in row-major order,
/// or the first NaN.
pub(crate) fn max<A: Scalar>(axes: [Axis; 2], x: &[A], y: &mut [A], cells: &mut Vec<u32>) {
    cells.resize(y.len(), NOWHERE);
    let [input, output] = sizes(axes);
    each_row(
        (Rows(x, input), Rows(y, output), Rows(&mut cells[..], output)),
        input,
        #[inline(always)]
        move |(x, y, cells)| match axes {
            _ if is_whole(axes) => max_of_plane(x, y, cells),
            _ if is_halving(axes) => max_of_quads(axes, x, y, cells),
            _ => max_by_taps(axes, x, y, cells),
        },
    );
}

/// dx is dy in the cell of each maximum, added up where windows overlap.
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

/// Whether a number takes the place of the largest before it.
#[inline(always)]
fn beats<A: Scalar>(x: A, largest: A) -> bool {
    // Written so that NaN beats numbers, and nothing beats NaN.
    #[allow(clippy::neg_cmp_op_on_partial_ord)]
    let larger = !(x <= largest);
    larger & !largest.is_nan()
}

/// One window on a whole plane.
fn is_whole([lines, columns]: [Axis; 2]) -> bool {
    let whole = |axis: Axis| axis.kernel == axis.input && axis.output == 1 && axis.before == 0 && axis.dilation == 1;
    whole(lines) && whole(columns)
}

#[inline(always)]
fn max_of_plane<A: Scalar>(x: &[A], y: &mut [A], cells: &mut [u32]) {
    let largest = super::simd::rows::max(x);
    y[0] = largest;
    cells[0] = x.iter().position(|&x| x == largest || x.is_nan()).map_or(0, |cell| cell as u32);
}

/// Windows of 2 x 2 side by side.
fn is_halving(axes: [Axis; 2]) -> bool {
    axes.iter().all(|axis| {
        (axis.kernel, axis.stride, axis.dilation, axis.before) == (2, 2, 1, 0) && 2 * axis.output <= axis.input
    })
}

/// The pairs of neighbours in the two lines under the windows of one line of places.
#[inline(always)]
fn quads<A>([_, columns]: [Axis; 2], x: &[A], place: usize) -> impl Iterator<Item = (&[A; 2], &[A; 2])> {
    let (top, bottom) = x[2 * place * columns.input..][..2 * columns.input].split_at(columns.input);
    top.as_chunks::<2>().0.iter().zip(bottom.as_chunks::<2>().0)
}

#[inline(always)]
fn max_of_quads<A: Scalar>(axes: [Axis; 2], x: &[A], y: &mut [A], cells: &mut [u32]) {
    let Axis { input: width, output, .. } = axes[1];
    let lines = y.chunks_exact_mut(output).zip(cells.chunks_exact_mut(output));
    for (place, (y, cells)) in lines.enumerate() {
        let mut first = (2 * place * width) as u32;
        for ((top, bottom), (y, cell)) in quads(axes, x, place).zip(y.iter_mut().zip(cells)) {
            (*y, *cell) = (top[0], first);
            for (x, offset) in [(top[1], 1), (bottom[0], width as u32), (bottom[1], width as u32 + 1)] {
                let better = beats(x, *y);
                *y = if better { x } else { *y };
                *cell = if better { first + offset } else { *cell };
            }
            first += 2;
        }
    }
}

/// Any window: for each line of places one tap after the other.
#[inline(always)]
fn max_by_taps<A: Scalar>(axes: [Axis; 2], x: &[A], y: &mut [A], cells: &mut [u32]) {
    let Axis { stride, output, .. } = axes[1];
    let lines = y.chunks_exact_mut(output).zip(cells.chunks_exact_mut(output));
    for (place, (y, cells)) in lines.enumerate() {
        y.fill(-A::INFINITY);
        cells.fill(NOWHERE);
        for_taps(axes, place, |from, to, first| {
            let places = y[from..to].iter_mut().zip(&mut cells[from..to]);
            let mut at = first as u32;
            each_strided(
                &x[first..],
                stride,
                places,
                #[inline(always)]
                |&x, (y, cell)| {
                    let better = beats(x, *y) | (*cell == NOWHERE);
                    *y = if better { x } else { *y };
                    *cell = if better { at } else { *cell };
                    at = at.wrapping_add(stride as u32);
                },
            );
        });
    }
}

/// The mean under each window; `divisors` are those of one plane.
pub(crate) fn mean<A: Scalar>(axes: [Axis; 2], divisors: &[A], x: &[A], y: &mut [A]) {
    let [input, output] = sizes(axes);
    each_row(
        (Rows(x, input), Rows(y, output)),
        input,
        #[inline(always)]
        move |(x, y)| {
            let lines = axes[1].output;
            if is_halving(axes) {
                for (place, y) in y.chunks_exact_mut(lines).enumerate() {
                    for ((top, bottom), y) in quads(axes, x, place).zip(y) {
                        *y = top[0] + top[1] + bottom[0] + bottom[1];
                    }
                }
            } else {
                for (place, y) in y.chunks_exact_mut(lines).enumerate() {
                    y.fill(A::ZERO);
                    for_taps(axes, place, |from, to, first| {
                        each_strided(&x[first..], axes[1].stride, y[from..to].iter_mut(), |&x, y| *y += x);
                    });
                }
            }
            for (y, &divisor) in y.iter_mut().zip(divisors) {
                *y /= divisor;
            }
        },
    );
}

/// dx is the sum of dy / divisor over all windows that a cell lies under.
pub(crate) fn mean_gradient<A: Scalar>(axes: [Axis; 2], divisors: &[A], dy: &[A], dx: &mut [A]) {
    let [input, output] = sizes(axes);
    let Axis { stride, output: width, .. } = axes[1];
    each_row(
        (Rows(dx, input), Rows(dy, output)),
        input,
        #[inline(always)]
        move |(dx, dy)| {
            dx.fill(A::ZERO);
            let lines = dy.chunks_exact(width).zip(divisors.chunks_exact(width));
            for (place, (dy, divisors)) in lines.enumerate() {
                for_taps(axes, place, |from, to, first| {
                    let places = dy[from..to].iter().zip(&divisors[from..to]);
                    each_strided_mut(&mut dx[first..], stride, places, |dx, (&dy, &divisor)| *dx += dy / divisor);
                });
            }
        },
    );
}

/// How many cells the mean under each window of a plane is over: with `padding`, also those of the padding; never those
/// beyond it, which a window that is rounded up may reach.
pub(crate) fn divisors<A: Scalar>([lines, columns]: [Axis; 2], padding: bool, out: &mut Vec<A>) {
    let count = |axis: Axis, place: usize| {
        let (from, to) = if padding { (0, axis.padded()) } else { (axis.before, axis.before + axis.input) };
        let start = place * axis.stride;
        (start + axis.kernel).min(to) - start.max(from)
    };
    out.clear();
    for p in 0..lines.output {
        out.extend((0..columns.output).map(|q| A::of((count(lines, p) * count(columns, q)) as f64)));
    }
}

/// Calls `f` for each tap of a window that lies on the image, in row-major order, with the places on the columns at which
/// it does (from the first up to, without, the second) and the cell of the plane under the tap at the first of them.
#[inline(always)]
fn for_taps([lines, columns]: [Axis; 2], place: usize, mut f: impl FnMut(usize, usize, usize)) {
    for i in 0..lines.kernel {
        let Some(line) = lines.cell(place, i) else { continue };
        for j in 0..columns.kernel {
            let (from, to) = columns.places(j);
            if from < to {
                f(from, to, line * columns.input + from * columns.stride + j * columns.dilation - columns.before);
            }
        }
    }
}

/// Calls `f` with each `stride`th number of `x` and an item each.
#[inline(always)]
fn each_strided<A, T>(x: &[A], stride: usize, items: impl Iterator<Item = T>, mut f: impl FnMut(&A, T)) {
    if stride == 1 {
        for (x, item) in x.iter().zip(items) {
            f(x, item);
        }
    } else {
        for (x, item) in x.iter().step_by(stride).zip(items) {
            f(x, item);
        }
    }
}

/// The same with numbers to write to.
#[inline(always)]
fn each_strided_mut<A, T>(x: &mut [A], stride: usize, items: impl Iterator<Item = T>, mut f: impl FnMut(&mut A, T)) {
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
