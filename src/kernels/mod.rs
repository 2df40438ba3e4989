//! The loops under the layers: products, element-wise passes, and the functions they are made of.

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Zip};

use crate::{Matrix, Scalar};

pub(crate) mod gemm;
#[allow(dead_code)]
pub(crate) mod math;
#[allow(dead_code)]
pub(crate) mod parallel;
#[allow(dead_code)]
pub(crate) mod simd;

/// Runs over a batch whose rows hold several groups of `width` numbers (the steps of a sequence): one group a row.
pub(crate) fn rows_of<A>(x: &Matrix<A>, width: usize) -> ArrayView2<'_, A> {
    if x.ncols() == width {
        return x.view();
    }
    let groups = x.len() / width;
    x.view().into_shape_with_order((groups, width)).expect("layers are given row-major matrices of checked width")
}

/// The same as [`rows_of`], to write to.
pub(crate) fn rows_of_mut<A>(x: &mut Matrix<A>, width: usize) -> ArrayViewMut2<'_, A> {
    if x.ncols() == width {
        return x.view_mut();
    }
    let groups = x.len() / width;
    x.view_mut().into_shape_with_order((groups, width)).expect("layers are given row-major matrices of checked width")
}

/// y = f(x), number by number.
pub(crate) fn map<A: Scalar>(x: &Matrix<A>, y: &mut Matrix<A>, f: impl Fn(A) -> A + Sync) {
    match (x.as_slice(), y.as_slice_mut()) {
        (Some(x), Some(y)) => simd::map(x, y, f),
        _ => Zip::from(y).and(x).for_each(|y, &x| *y = f(x)),
    }
}

/// dx = dy ∘ slope(x, y), number by number.
pub(crate) fn map_gradient<A: Scalar>(
    x: &Matrix<A>,
    y: &Matrix<A>,
    dy: &Matrix<A>,
    dx: &mut Matrix<A>,
    slope: impl Fn(A, A) -> A + Sync,
) {
    match (x.as_slice(), y.as_slice(), dy.as_slice(), dx.as_slice_mut()) {
        (Some(x), Some(y), Some(dy), Some(dx)) => simd::each(
            (dx, x, y, dy),
            #[inline(always)]
            |(dx, &x, &y, &dy)| *dx = dy * slope(x, y),
        ),
        _ => Zip::from(dx).and(x).and(y).and(dy).for_each(|dx, &x, &y, &dy| *dx = dy * slope(x, y)),
    }
}

/// Adds the one row of `row` to each row of `y`.
pub(crate) fn add_row<A: Scalar>(y: &mut Matrix<A>, row: &Matrix<A>) {
    let row = row.row(0);
    for mut y in y.rows_mut() {
        y += &row;
    }
}

/// The sum of each column of `x` into the one row of `sums`, in `f64` from top to bottom.
pub(crate) fn column_sums<A: Scalar>(x: &Matrix<A>, sums: &mut Matrix<A>) {
    for (sum, column) in sums.iter_mut().zip(x.columns()) {
        *sum = A::of(column.iter().map(|x| x.to_f64()).sum());
    }
}

/// Makes `matrix` rows x columns, with any content, in the memory that it has if that is large enough.
pub(crate) fn resize<A: Scalar>(matrix: &mut Array2<A>, rows: usize, columns: usize) {
    if matrix.dim() == (rows, columns) {
        return;
    }
    let (mut memory, _) = std::mem::take(matrix).into_raw_vec_and_offset();
    memory.resize(rows * columns, A::ZERO);
    *matrix = Array2::from_shape_vec((rows, columns), memory).expect("as many numbers as the shape has");
}
