//! Products in blocks that fit the caches.

use pulp::{Simd, WithSimd};

use super::element::{Element, arch};
use super::pack::{self, A_BYTES, A_ROWS, B_BYTES};
use super::tile::{ROWS, Tile, VECTORS, tile};
use super::{Product, View};

/// The maximum block length of a sum, which sizes the tiles and the packing space.
const fn longest<A>() -> usize {
    A_BYTES / A_ROWS / size_of::<A>()
}

/// Sums are split into blocks of nearly equal length, which depends only on k, so rounding is the same in every
/// product.
pub(super) fn k_block<A>(k: usize) -> usize {
    if k <= longest::<A>() { k } else { k.div_ceil(k.div_ceil(longest::<A>())) }
}

/// The maximum rows of a for which k rows of b, `stride` bytes apart, are not packed: packing pays when b is read more
/// often, and sooner if a panel's rows share cache sets or lie on more pages than the first-level TLB has entries.
///
/// The numbers are break-even points over a grid of shapes, on one processor with AVX-512 and one with AVX2.
#[inline(always)]
fn unpacked_rows<S: Simd>(k: usize, stride: usize) -> usize {
    match S::REGISTER_COUNT {
        32.. if stride < 4096 => 128,
        32.. => 32,
        _ if stride.is_multiple_of(4096) => 12,
        _ if stride.is_multiple_of(2048) || k.saturating_mul(stride) > 64 * 4096 => 20,
        _ => 64,
    }
}

/// The maximum length of sums for which a column-major a is not packed.
const UNPACKED_A: usize = 128;

/// # Safety
/// The contract of [`Product`]; c.column must not be negative.
pub(super) unsafe fn run<A: Element>(product: Product<A>) {
    // The space is obtained here, because a closure in `with_simd` would be compiled without vector instructions.
    pack::with_space(|a_space, b_space| arch().dispatch(Run { product, a_space, b_space }));
}

struct Run<A> {
    product: Product<A>,
    a_space: *mut A,
    b_space: *mut A,
}

impl<A: Element> WithSimd for Run<A> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // SAFETY: the caller of `run` upholds the contract of `Product`.
        unsafe { by_blocks(simd, &self) }
    }
}

/// The width of a panel in elements.
#[inline(always)]
fn panel<S: Simd>(vectors: usize, fused: bool) -> usize {
    if !fused {
        return 1;
    }
    let most = if S::REGISTER_COUNT >= 32 { VECTORS } else { VECTORS.min(2) };
    if vectors >= most { most } else { vectors.min(2).min(most) }
}

/// # Safety
/// The contract of [`Product`].
#[inline(always)]
unsafe fn by_blocks<A: Element, S: Simd>(simd: S, run: &Run<A>) {
    let Run { product, a_space, b_space } = *run;
    let Product { k, n, .. } = product;
    let k_block = k_block::<A>(k);
    let widest = A::lanes::<S>() * VECTORS;
    let room = B_BYTES / size_of::<A>();
    let n_block = if k_block * n.next_multiple_of(widest) <= room { n } else { room / k_block / widest * widest };
    let mut block = product;
    let mut first = 0;
    while first < k {
        let last = k.min(first + k_block);
        block.k = last - first;
        block.a = View { start: product.a.at(0, first), ..product.a };
        block.b = View { start: product.b.at(first, 0), ..product.b };
        if first > 0 {
            block.beta = A::ONE;
        }
        let mut from = 0;
        while from < n {
            let to = n.min(from + n_block);
            // SAFETY: a block of the product, no longer than `longest` and no wider than B_BYTES allow.
            unsafe { one_block(simd, block.columns(from, to), a_space, b_space) };
            from = to;
        }
        first = last;
    }
}

/// # Safety
/// The contract of [`Product`], and packing space for k x (n rounded up to vectors) of b.
#[inline(always)]
unsafe fn one_block<A: Element, S: Simd>(simd: S, product: Product<A>, a_space: *mut A, b_space: *mut A) {
    let Product { m, k, n, fused, alpha, beta, a, b, c } = product;
    let lanes = A::lanes::<S>();
    let unpacked_b = b.column == 1 && m <= unpacked_rows::<S>(k, b.row.unsigned_abs().saturating_mul(size_of::<A>()));
    let unpacked_a = a.column == 1 || (a.row == 1 && k <= UNPACKED_A);
    // SAFETY: columns `from..to`, rows `i..i + count` and all of k are in the bounds of the product; panels follow one
    // another in `b_space` at `from * k`, because all but the last are full.
    unsafe {
        let mut from = 0;
        while from < n {
            let width = panel::<S>((n - from).div_ceil(lanes), fused) * lanes;
            let to = n.min(from + width);
            if !(unpacked_b && to == from + width) {
                pack::columns(simd, View { start: b.at(0, from), ..b }, k, to - from, b_space.add(from * k), width);
            }
            from = to;
        }
        let mut first = 0;
        while first < m {
            let last = if unpacked_a { m } else { m.min(first + A_ROWS) };
            // 8 rows are two tiles of 4, because a tile of 2 would stall on its operands.
            let group = (last - first).div_ceil((last - first).div_ceil(ROWS));
            if !unpacked_a {
                pack::rows(View { start: a.at(first, 0), ..a }, last - first, k, a_space, group);
            }
            for i in (first..last).step_by(group) {
                let a = if unpacked_a {
                    View { start: a.at(i, 0), ..a }
                } else {
                    View { start: a_space.add((i - first) * k), row: 1, column: group.cast_signed() }
                };
                let mut from = 0;
                while from < n {
                    let vectors = panel::<S>((n - from).div_ceil(lanes), fused);
                    let width = vectors * lanes;
                    let to = n.min(from + width);
                    let (b, b_row) = if unpacked_b && to == from + width {
                        (b.at(0, from).cast_const(), b.row)
                    } else {
                        (b_space.add(from * k).cast_const(), width.cast_signed())
                    };
                    let c = View { start: c.at(i, from), ..c };
                    let at = Tile { k, a, b, b_row, c, width: to - from, alpha, beta };
                    any_tile(simd, group.min(last - i), vectors, fused, &at);
                    from = to;
                }
            }
            first = last;
        }
    }
}

/// # Safety
/// The same as for [`tile`].
#[inline(always)]
unsafe fn any_tile<A: Element, S: Simd>(simd: S, rows: usize, vectors: usize, fused: bool, at: &Tile<A>) {
    macro_rules! sizes {
        ($($rows:literal)*) => {
            // SAFETY: the caller's contract.
            unsafe {
                match (rows, vectors, fused) {
                    $(
                        ($rows, 1, false) => tile::<A, S, $rows, 1, false>(simd, at),
                        ($rows, 1, true) => tile::<A, S, $rows, 1, true>(simd, at),
                        ($rows, 2, true) => tile::<A, S, $rows, 2, true>(simd, at),
                        ($rows, 4, true) => tile::<A, S, $rows, 4, true>(simd, at),
                    )*
                    _ => unreachable!("tiles have 1 to 6 rows and 1, 2 or 4 vectors"),
                }
            }
        };
    }
    sizes!(1 2 3 4 5 6);
}
