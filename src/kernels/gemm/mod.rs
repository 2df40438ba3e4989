//! All matrix products: c = alpha a·b + beta c.
//!
//! | product | path |
//! |---|---|
//! | up to [`TINY`] multiplications | plain loops |
//! | one short column | the same loops, by many contiguous rows as a stream, [`column`] |
//! | one column, one row by contiguous columns, or few long rows by such | dot products, [`dot`] |
//! | one row by contiguous rows | a weighted sum of those rows, [`row`] |
//! | everything else | tiles of c in registers, [`tile`], over panels of b, [`block`] |
//!
//! An element of c is one chain of multiply-adds over k, in blocks that depend only on k. So it is bitwise independent
//! of its position in c, of other elements, of the layout of the operands, and of the number of threads, which split
//! whole rows or columns. Two choices change the rounding: dot products, and, for a small b, multiplications and
//! additions that are not fused. For a row-major b, the weights of a layer, both depend only on its shape, so a row of c
//! has the same bits in any batch.

// The loops use raw pointers: strides may be negative or zero, and threads write parts of c. Shapes are checked once,
// in `gemm`; every other function states its requirements.
#![allow(unsafe_code)]

mod block;
mod column;
mod dot;
mod element;
mod pack;
mod row;
#[cfg(test)]
mod tests;
mod tile;

use std::any::TypeId;

use ndarray::ArrayRef2;

use self::element::Element;
use crate::Scalar;

/// The maximum multiplications for which plain loops are fastest, and the maximum size of b without fused additions.
const TINY: usize = 128;

/// The maximum length of a single column b for which plain loops are fastest.
const SHORT: usize = 8;

/// Fewer columns than this are too few for vectors.
const NARROW: usize = 16;

/// c = alpha a·b + beta c, for any strides; with beta = 0, the contents of c are ignored, even NaN.
///
/// Allocates only packing space, once per thread. Uses the current rayon pool when the product is large enough.
///
/// # Panics
/// If the shapes do not match.
pub(crate) fn gemm<A: Scalar>(alpha: A, a: &ArrayRef2<A>, b: &ArrayRef2<A>, beta: A, c: &mut ArrayRef2<A>) {
    let (m, k) = a.dim();
    let n = b.ncols();
    if b.nrows() != k || c.dim() != (m, n) {
        mismatch(a.dim(), b.dim(), c.dim());
    }
    let fused = fuses(k, n);
    // The first comparison prevents overflow of the product.
    if !fused && k > 0 && (n == 1 || m | k | n <= TINY && m * k * n <= TINY) {
        if n == 1
            && m >= column::MANY
            && let (Some(a), Some(b), Some(c)) = (a.as_slice(), b.as_slice(), c.as_slice_mut())
        {
            column::run(alpha, a, b, beta, c);
        } else {
            tiny(alpha, a, b, beta, c);
        }
    } else {
        large(alpha, a, b, beta, c, fused);
    }
}

/// c = a·b with fused additions, however small b is: a column of c has the same bits for any number of them above 1.
pub(crate) fn gemm_fused<A: Scalar>(a: &ArrayRef2<A>, b: &ArrayRef2<A>, c: &mut ArrayRef2<A>) {
    if b.nrows() != a.ncols() || c.dim() != (a.nrows(), b.ncols()) {
        mismatch(a.dim(), b.dim(), c.dim());
    }
    large(A::ONE, a, b, A::ZERO, c, true);
}

/// Whether additions are fused with their multiplications: not for a small b, because plain loops cannot. The number of
/// rows of a must not matter.
#[inline(always)]
fn fuses(k: usize, n: usize) -> bool {
    k | n > TINY || k * n > TINY || n == 1 && k > SHORT
}

#[cold]
#[inline(never)]
fn mismatch(a: (usize, usize), b: (usize, usize), c: (usize, usize)) -> ! {
    panic!("{a:?} x {b:?} does not give {c:?}");
}

/// Empty sums: c = beta c.
#[cold]
fn empty<A: Scalar>(beta: A, c: &mut ArrayRef2<A>) {
    c.map_inplace(|c| *c = if beta == A::ZERO { A::ZERO } else { beta * *c });
}

/// Three plain loops. Shapes are checked, and k > 0.
#[inline(always)]
fn tiny<A: Scalar>(alpha: A, a: &ArrayRef2<A>, b: &ArrayRef2<A>, beta: A, c: &mut ArrayRef2<A>) {
    let ((mut m, k), mut n) = (a.dim(), b.ncols());
    let (mut a_start, mut a_row, mut a_column) = (a.as_ptr(), a.strides()[0], a.strides()[1]);
    let (mut b_start, mut b_row, mut b_column) = (b.as_ptr(), b.strides()[0], b.strides()[1]);
    let (mut c_start, mut c_row, mut c_column) = (c.as_mut_ptr(), c.strides()[0], c.strides()[1]);
    if n == 1 {
        // A column is transposed to a row: cᵀ = bᵀ·aᵀ.
        (m, n) = (1, m);
        (a_start, a_row, a_column, b_start, b_row, b_column) = (b_start, b_column, b_row, a_start, a_column, a_row);
        (c_row, c_column) = (c_column, c_row);
    }
    let keeps = beta != A::ZERO;
    // SAFETY: the pointers run over elements i < m, p < k and j < n of the three arrays; they are not used past the
    // end. Four columns at a time are contiguous in b, and stored as such only if they are in c.
    unsafe {
        for _ in 0..m {
            let mut j = 0;
            if b_column == 1 && c_column == 1 {
                while j + 4 <= n {
                    let mut sums = [A::ZERO; 4];
                    let (mut x, mut y) = (a_start, b_start.add(j));
                    for _ in 0..k {
                        let (factor, row) = (*x, y.cast::<[A; 4]>().read());
                        sums = std::array::from_fn(|l| sums[l] + factor * row[l]);
                        x = x.wrapping_offset(a_column);
                        y = y.wrapping_offset(b_row);
                    }
                    let to = c_start.add(j).cast::<[A; 4]>();
                    if keeps {
                        let old = to.read();
                        to.write(std::array::from_fn(|l| beta * old[l] + alpha * sums[l]));
                    } else {
                        to.write(sums.map(|sum| alpha * sum));
                    }
                    j += 4;
                }
            }
            while j < n {
                let mut sum = A::ZERO;
                let (mut x, mut y) = (a_start, b_start.offset(j.cast_signed() * b_column));
                for _ in 0..k {
                    sum += *x * *y;
                    x = x.wrapping_offset(a_column);
                    y = y.wrapping_offset(b_row);
                }
                let to = c_start.offset(j.cast_signed() * c_column);
                *to = if keeps { beta * *to + alpha * sum } else { alpha * sum };
                j += 1;
            }
            a_start = a_start.wrapping_offset(a_row);
            c_start = c_start.wrapping_offset(c_row);
        }
    }
}

/// Creates the [`Product`] of arrays with checked shapes.
#[inline(never)]
fn large<A: Scalar>(alpha: A, a: &ArrayRef2<A>, b: &ArrayRef2<A>, beta: A, c: &mut ArrayRef2<A>, fused: bool) {
    let ((m, k), n) = (a.dim(), b.ncols());
    if m == 0 || n == 0 || k == 0 {
        return empty(beta, c);
    }
    let product = Product {
        m,
        k,
        n,
        fused,
        alpha,
        beta,
        a: View { start: a.as_ptr().cast_mut(), row: a.strides()[0], column: a.strides()[1] },
        b: View { start: b.as_ptr().cast_mut(), row: b.strides()[0], column: b.strides()[1] },
        c: View { start: c.as_mut_ptr(), row: c.strides()[0], column: c.strides()[1] },
    };
    // SAFETY: the views are those of arrays of m x k, k x n and m x n elements; c is borrowed mutably, so nothing else
    // touches it, and its elements do not overlap, since ndarray only broadcasts read-only. The casts are from a type
    // to itself.
    unsafe {
        if TypeId::of::<A>() == TypeId::of::<f32>() {
            multiply_f32(product.cast());
        } else {
            assert!(TypeId::of::<A>() == TypeId::of::<f64>());
            multiply_f64(product.cast());
        }
    }
}

// Not generic, so that tiles are compiled once, in this crate, and not in every dependent crate.

/// # Safety
/// The contract of [`Product`].
#[inline(never)]
unsafe fn multiply_f32(product: Product<f32>) {
    // SAFETY: the caller's contract.
    unsafe { choose(product) }
}

/// # Safety
/// The contract of [`Product`].
#[inline(never)]
unsafe fn multiply_f64(product: Product<f64>) {
    // SAFETY: the caller's contract.
    unsafe { choose(product) }
}

/// A matrix at a raw address: element (i, j) is at `start + i * row + j * column`. Only `c` is written to.
#[derive(Clone, Copy)]
struct View<A> {
    start: *mut A,
    row: isize,
    column: isize,
}

impl<A> View<A> {
    /// The address of an element. In bounds, it is within the array's allocation; otherwise it must not be used.
    #[inline(always)]
    fn at(self, i: usize, j: usize) -> *mut A {
        self.start.wrapping_offset(i.cast_signed() * self.row).wrapping_offset(j.cast_signed() * self.column)
    }

    fn transposed(self) -> Self {
        Self { start: self.start, row: self.column, column: self.row }
    }

    fn cast<B>(self) -> View<B> {
        View { start: self.start.cast(), row: self.row, column: self.column }
    }
}

/// A product to compute: a is m x k, b is k x n, c is m x n.
///
/// No side is 0. The contract of its creator: the three views are valid for these shapes while the product is in use,
/// and c is writable and not accessed by anything else.
#[derive(Clone, Copy)]
struct Product<A> {
    m: usize,
    k: usize,
    n: usize,
    fused: bool,
    alpha: A,
    beta: A,
    a: View<A>,
    b: View<A>,
    c: View<A>,
}

// SAFETY: the parts of different threads write to disjoint rows or columns of c; see `in_parts`.
unsafe impl<A: Send> Send for Product<A> {}

impl<A: Scalar> Product<A> {
    /// cᵀ = bᵀ·aᵀ, the same product.
    fn transposed(self) -> Self {
        let Self { m, k, n, fused, alpha, beta, a, b, c } = self;
        Self { m: n, k, n: m, fused, alpha, beta, a: b.transposed(), b: a.transposed(), c: c.transposed() }
    }

    #[cfg(feature = "parallel")]
    /// Rows `from..to` of c.
    fn rows(self, from: usize, to: usize) -> Self {
        let (a, c) = (View { start: self.a.at(from, 0), ..self.a }, View { start: self.c.at(from, 0), ..self.c });
        Self { m: to - from, a, c, ..self }
    }

    /// Columns `from..to` of c.
    fn columns(self, from: usize, to: usize) -> Self {
        let (b, c) = (View { start: self.b.at(0, from), ..self.b }, View { start: self.c.at(0, from), ..self.c });
        Self { n: to - from, b, c, ..self }
    }

    fn cast<B: Scalar>(self) -> Product<B> {
        let Self { m, k, n, fused, alpha, beta, a, b, c } = self;
        let (alpha, beta) = (B::of(alpha.to_f64()), B::of(beta.to_f64()));
        Product { m, k, n, fused, alpha, beta, a: a.cast(), b: b.cast(), c: c.cast() }
    }
}

/// Transposes the product if the columns of c are contiguous, and chooses the path for its shape.
///
/// # Safety
/// The contract of [`Product`].
unsafe fn choose<A: Element>(mut product: Product<A>) {
    // A column is transposed to a row.
    if product.n == 1 || product.c.column != 1 && product.c.row.abs() == 1 {
        product = product.transposed();
    }
    // A narrow c fills less than a vector. If b and the transpose of a have vector rows, transposing is faster.
    if product.n < NARROW && product.m >= 2 * NARROW && product.k >= NARROW && product.a.row == 1 {
        product = product.transposed();
    }
    // The strides of c run forward.
    if product.c.column < 0 {
        let last = product.n - 1;
        let Product { b, c, .. } = product;
        product.b = View { start: b.at(0, last), row: b.row, column: -b.column };
        product.c = View { start: c.at(0, last), row: c.row, column: -c.column };
    }
    // Chosen here, and not for each part, whose shape depends on the number of threads.
    let path = if product.fused && dot::fits(&product) {
        dot::run
    } else if product.fused && row::fits(&product) {
        row::run
    } else {
        block::run
    };
    // SAFETY: transposed or reversed, it is the same product.
    unsafe { in_parts(product, threads(&product), path) }
}

/// The minimum multiplications per thread.
#[cfg(feature = "parallel")]
const PER_THREAD: usize = 1 << 20;

#[cfg(feature = "parallel")]
fn threads<A>(product: &Product<A>) -> usize {
    #[cfg(test)]
    if tests::ARCH.get().is_some() {
        return 1;
    }
    let affordable = product.m.saturating_mul(product.k).saturating_mul(product.n) / PER_THREAD;
    if affordable < 2 { 1 } else { affordable.min(rayon::current_num_threads()) }
}

#[cfg(not(feature = "parallel"))]
fn threads<A>(_: &Product<A>) -> usize {
    1
}

/// Computes the product by `path`, in up to `parts` parts that may run on different threads.
///
/// # Safety
/// The contract of [`Product`].
unsafe fn in_parts<A: Element>(product: Product<A>, parts: usize, path: unsafe fn(Product<A>)) {
    #[cfg(feature = "parallel")]
    if parts > 1 {
        let Product { m, n, .. } = product;
        let left = parts / 2;
        // Each part reads all of the operand that is not split, so the larger one is split.
        let halves = if n >= m {
            let cut = (n * left / parts).next_multiple_of(16);
            (cut < n).then(|| (product.columns(0, cut), product.columns(cut, n)))
        } else {
            let cut = (m * left / parts).next_multiple_of(2);
            (cut < m).then(|| (product.rows(0, cut), product.rows(cut, m)))
        };
        if let Some((one, two)) = halves {
            rayon::join(
                // SAFETY: the two write to different rows or columns of c, and only read a and b.
                move || unsafe { in_parts(one, left, path) },
                // SAFETY: as above.
                move || unsafe { in_parts(two, parts - left, path) },
            );
            return;
        }
    }
    let _ = parts;
    // SAFETY: the caller's contract.
    unsafe { path(product) }
}
