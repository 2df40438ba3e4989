//! One row times a row-major matrix: b is read once, sequentially.

use pulp::{Simd, WithSimd};

use super::Product;
use super::block::k_block;
use super::element::{Element, arch};
use super::pack::{self, B_BYTES};

/// Rows of b added at a time, to read and write the sums less often.
const TOGETHER: usize = 6;

/// Bytes in a page of memory.
const PAGE: usize = 4096;

/// Whether c is one contiguous row, and the rows of b are contiguous.
pub(super) fn fits<A>(product: &Product<A>) -> bool {
    product.m == 1 && product.b.column == 1 && product.c.column == 1
}

/// The same sums as the tiles, bit for bit.
///
/// # Safety
/// The contract of [`Product`], and [`fits`].
pub(super) unsafe fn run<A: Element>(product: Product<A>) {
    pack::with_space(|_, sums| arch().dispatch(Run { product, sums }));
}

struct Run<A> {
    product: Product<A>,
    /// A buffer of [`B_BYTES`], aligned to a cache line.
    sums: *mut A,
}

impl<A: Element> WithSimd for Run<A> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { product, sums } = self;
        let Product { k, n, .. } = product;
        let (k_block, n_block) = (k_block::<A>(k), (B_BYTES - PAGE) / size_of::<A>());
        // A load stalls on an earlier store to the same offset of another page. So the sums are placed such that, by
        // page offset, the stores trail the loads from b.
        let behind = (product.b.start.addr().wrapping_sub(PAGE / 4).wrapping_sub(sums.addr())) % PAGE;
        let sums = sums.wrapping_byte_add(behind / 64 * 64);
        for from in (0..n).step_by(n_block) {
            let mut part = product.columns(from, n.min(from + n_block));
            for first in (0..k).step_by(k_block) {
                // SAFETY: the caller of `run` upholds the contract of `Product`; the part fits the buffer for sums.
                unsafe { one_block(simd, &part, first, k.min(first + k_block), sums) };
                part.beta = A::ONE;
            }
        }
    }
}

/// c = alpha a·b + beta c for the terms `first..last`.
///
/// # Safety
/// The contract of [`Product`], [`fits`], `first < last <= k`, and a buffer for n sums, rounded up to vectors.
#[inline(always)]
unsafe fn one_block<A: Element, S: Simd>(simd: S, product: &Product<A>, first: usize, last: usize, sums: *mut A) {
    let Product { n, alpha, beta, c, .. } = *product;
    let lanes = A::lanes::<S>();
    // SAFETY: rows `first..last` of b are added in order; lanes from n on are masked wherever they are not in `sums`.
    unsafe {
        let mut p = first;
        while p + TOGETHER <= last {
            add_rows::<A, S, TOGETHER>(simd, product, p, p == first, sums);
            p += TOGETHER;
        }
        while p < last {
            add_rows::<A, S, 1>(simd, product, p, p == first, sums);
            p += 1;
        }
        let (alpha_all, beta_all) = (A::splat(simd, alpha), A::splat(simd, beta));
        for j in (0..n).step_by(lanes) {
            let some = A::first(simd, lanes.min(n - j));
            let sum = A::times(simd, alpha_all, sums.add(j).cast::<A::Vector<S>>().read_unaligned());
            let to = c.at(0, j);
            let value =
                if beta == A::ZERO { sum } else { A::mul_add(simd, beta_all, A::load_some(simd, some, to), sum) };
            A::store_some(simd, some, to, value);
        }
    }
}

/// Adds `R` rows of b, times their elements of a, to the sums; the first rows initialize them.
///
/// # Safety
/// The same as for [`one_block`], for the rows `p..p + R`.
#[inline(always)]
unsafe fn add_rows<A: Element, S: Simd, const R: usize>(
    simd: S,
    product: &Product<A>,
    p: usize,
    start: bool,
    sums: *mut A,
) {
    let Product { n, a, b, .. } = *product;
    let lanes = A::lanes::<S>();
    let rows: [*const A; R] = std::array::from_fn(|r| b.at(p + r, 0).cast_const());
    // SAFETY: whole vectors below `full`, masked ones after it.
    unsafe {
        let x: [A::Vector<S>; R] = std::array::from_fn(|r| A::splat(simd, *a.at(0, p + r)));
        let full = n / lanes * lanes;
        for j in (0..full).step_by(lanes) {
            let to = sums.add(j).cast::<A::Vector<S>>();
            let mut sum = if start { A::splat(simd, A::ZERO) } else { to.read_unaligned() };
            for r in 0..R {
                sum = A::mul_add(simd, x[r], rows[r].add(j).cast::<A::Vector<S>>().read_unaligned(), sum);
            }
            to.write_unaligned(sum);
        }
        if full < n {
            let rest = A::first(simd, n - full);
            let to = sums.add(full).cast::<A::Vector<S>>();
            let mut sum = if start { A::splat(simd, A::ZERO) } else { to.read_unaligned() };
            for r in 0..R {
                sum = A::mul_add(simd, x[r], A::load_some(simd, rest, rows[r].add(full)), sum);
            }
            to.write_unaligned(sum);
        }
    }
}
