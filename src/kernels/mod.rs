//! The loops of the layers: matrix products, convolutions, pooling, elementwise passes and mathematical functions.
//! Kernels do not depend on layers.
//!
//! Modules only import those below them in this table:
//!
//! | modules | what |
//! |---|---|
//! | [`convolution`], [`pool`], [`softmax`], [`runs`], [`normalize`] | the computation of layers |
//! | [`channels`], [`rows`], [`sequences`] | passes over the channels of samples, over rows, over steps without padding |
//! | [`gemm`] | matrix products |
//! | [`simd`] | elementwise passes and sums with vector instructions |
//! | [`parallel`] | passes split over threads |
//! | [`streams`], [`window`], [`math`] | the slices of a pass; the positions of windows; exp, tanh and others |

// Functions called in a loop must be inlined to use its instruction set.
#![allow(clippy::inline_always)]

use ndarray::{Array2, ArrayRef1, ArrayView2, ArrayViewMut2, ShapeBuilder, Zip};

use crate::{Error, Matrix, Result, Scalar, Shape};

pub(crate) mod channels;
pub(crate) mod convolution;
pub(crate) mod gemm;
pub(crate) mod math;
pub(crate) mod normalize;
pub(crate) mod parallel;
pub(crate) mod pool;
pub(crate) mod rows;
pub(crate) mod runs;
pub(crate) mod sequences;
pub(crate) mod simd;
pub(crate) mod softmax;
pub(crate) mod streams;
pub(crate) mod window;

/// A view of a batch with `width` elements per row; a row of the batch holds several such groups, for example the steps
/// of a sequence.
pub(crate) fn groups<A>(x: &Matrix<A>, width: usize) -> ArrayView2<'_, A> {
    let groups = x.len() / width;
    x.view().into_shape_with_order((groups, width)).expect("layers are given row-major matrices of checked width")
}

/// The mutable view for [`groups`].
pub(crate) fn groups_mut<A>(x: &mut Matrix<A>, width: usize) -> ArrayViewMut2<'_, A> {
    let groups = x.len() / width;
    x.view_mut().into_shape_with_order((groups, width)).expect("layers are given row-major matrices of checked width")
}

/// A matrix in a slice, with this row stride.
pub(crate) fn matrix<A>(numbers: &[A], rows: usize, columns: usize, stride: usize) -> ArrayView2<'_, A> {
    ArrayView2::from_shape((rows, columns).strides((stride, 1)), numbers).expect("a slice that holds all rows")
}

/// The mutable view for [`matrix`].
pub(crate) fn matrix_mut<A>(numbers: &mut [A], rows: usize, columns: usize, stride: usize) -> ArrayViewMut2<'_, A> {
    ArrayViewMut2::from_shape((rows, columns).strides((stride, 1)), numbers).expect("a slice that holds all rows")
}

/// The elements of a row-major matrix.
pub(crate) fn flat<A>(x: &Matrix<A>) -> &[A] {
    x.as_slice().expect("layers are given row-major matrices")
}

/// The mutable slice for [`flat`].
pub(crate) fn flat_mut<A>(x: &mut Matrix<A>) -> &mut [A] {
    x.as_slice_mut().expect("layers are given row-major matrices")
}

/// The number of channels of a sample, and the stride between the channels of one position: 1 for the features of a
/// sample or of a step, the size of a plane for images.
pub(crate) fn channels_of(input: Shape) -> (usize, usize) {
    match input {
        Shape::Flat(features) | Shape::Sequence { features, .. } => (features, 1),
        Shape::Image { channels, height, width } => (channels, height.saturating_mul(width)),
    }
}

/// The number of steps of a sample before its padding (trailing all-zero steps).
pub(crate) fn steps_before_padding<A: Scalar>(sample: &ArrayRef1<A>, features: usize) -> usize {
    sample.iter().rposition(|&x| x != A::ZERO).map_or(0, |last| last / features + 1)
}

/// y = f(x), elementwise.
#[inline(always)]
pub(crate) fn map<A: Scalar>(x: &Matrix<A>, y: &mut Matrix<A>, f: impl Fn(A) -> A + Copy + Sync) {
    match (x.as_slice(), y.as_slice_mut()) {
        (Some(x), Some(y)) => simd::map(x, y, f),
        _ => Zip::from(y).and(x).for_each(|y, &x| *y = f(x)),
    }
}

/// dx = dy ∘ slope(x, y), elementwise.
#[inline(always)]
pub(crate) fn map_gradient<A: Scalar>(
    x: &Matrix<A>,
    y: &Matrix<A>,
    dy: &Matrix<A>,
    dx: &mut Matrix<A>,
    slope: impl Fn(A, A) -> A + Copy + Sync,
) {
    match (x.as_slice(), y.as_slice(), dy.as_slice(), dx.as_slice_mut()) {
        (Some(x), Some(y), Some(dy), Some(dx)) => simd::each_wide(
            (dx, x, y, dy),
            #[inline(always)]
            move |(dx, &x, &y, &dy)| *dx = dy * slope(x, y),
        ),
        _ => Zip::from(dx).and(x).and(y).and(dy).for_each(|dx, &x, &y, &dy| *dx = dy * slope(x, y)),
    }
}

/// Adds `row` to each row of `y`.
pub(crate) fn add_row<A: Scalar>(y: &mut Matrix<A>, row: &Matrix<A>) {
    let width = row.len();
    match (y.as_slice_mut(), row.as_slice()) {
        (Some(y), Some(row)) => simd::vectorize_if(
            y.len() > simd::TINY,
            #[inline(always)]
            || {
                for y in y.chunks_exact_mut(width.max(1)) {
                    simd::rows::each((y, row), |(y, &b)| *y += b);
                }
            },
        ),
        _ => y.rows_mut().into_iter().for_each(|mut y| y += &row.row(0)),
    }
}

/// Sums each column of `x` into the single row of `sums`, in `f64` from top to bottom.
pub(crate) fn column_sums<A: Scalar>(x: &Matrix<A>, sums: &mut Matrix<A>) {
    match (x.as_slice(), sums.as_slice_mut()) {
        (Some(x), Some(sums)) if x.len() > simd::TINY => simd::column_sums(x, sums),
        (Some(x), Some(sums)) => {
            let width = sums.len();
            for (column, sum) in sums.iter_mut().enumerate() {
                let (mut exact, mut at) = (0.0, column);
                while let Some(x) = x.get(at) {
                    exact += x.to_f64();
                    at += width;
                }
                *sum = A::of(exact);
            }
        }
        _ => x.columns().into_iter().zip(sums).for_each(|(x, sum)| *sum = A::of(x.iter().map(|x| x.to_f64()).sum())),
    }
}

/// Copies `matrix` unless it is row-major, as the slices of passes must be.
#[inline]
pub(crate) fn make_row_major<A: Scalar>(matrix: &mut Array2<A>) {
    // Quicker than `is_standard_layout`, which allows other strides along short axes.
    if !matches!(*matrix.strides(), [row, 1] if row == matrix.ncols().cast_signed()) && !matrix.is_standard_layout() {
        *matrix = matrix.as_standard_layout().into_owned();
    }
}

/// Resizes `matrix` to rows x columns with arbitrary contents, reusing its memory if possible.
///
/// # Errors
/// [`Error::Memory`] if the allocation fails; the matrix is then empty.
#[inline]
pub(crate) fn resize<A: Scalar>(matrix: &mut Array2<A>, rows: usize, columns: usize) -> Result<()> {
    if matrix.dim() == (rows, columns) { Ok(()) } else { reshape(matrix, rows, columns) }
}

/// [`resize`] to a different size.
#[cold]
fn reshape<A: Scalar>(matrix: &mut Array2<A>, rows: usize, columns: usize) -> Result<()> {
    let (mut memory, _) = std::mem::take(matrix).into_raw_vec_and_offset();
    let len = rows.saturating_mul(columns);
    if memory.try_reserve_exact(len.saturating_sub(memory.len())).is_ok() {
        memory.resize(len, A::ZERO);
        if let Ok(resized) = Array2::from_shape_vec((rows, columns), memory) {
            *matrix = resized;
            return Ok(());
        }
    }
    let bytes = (len as u64).saturating_mul(size_of::<A>() as u64);
    Err(Error::Memory { what: format!("a matrix of {rows} x {columns} numbers"), bytes, limit: None })
}
