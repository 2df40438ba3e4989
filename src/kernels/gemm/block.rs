//! Products in blocks that fit the caches.

use pulp::{Arch, Simd, WithSimd};

use super::element::Element;
use super::pack::{self, A_BYTES, A_ROWS, B_BYTES};
use super::tile::{ROWS, Tile, VECTORS, tile};
use super::{Product, View};

/// The longest block of a sum: the rows of a tile and the space for packing are made for it.
const fn longest<A>() -> usize {
    A_BYTES / A_ROWS / size_of::<A>()
}

/// Up to so many rows b is read where it is: packing pays when it is read more often.
const UNPACKED_B: usize = 2 * ROWS;

/// Up to so long sums a that is stored by columns is read where it is.
const UNPACKED_A: usize = 64;

/// # Safety
/// The promise of [`Product`]; c.column must not be negative.
pub(super) unsafe fn run<A: Element>(product: Product<A>) {
    // The space is fetched out here: a closure in `with_simd` would be compiled without the vector instructions.
    pack::with_space(|a_space, b_space| Arch::new().dispatch(Run { product, a_space, b_space }));
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
        // SAFETY: `run` is called with the promise of `Product`.
        unsafe { by_blocks(simd, self) }
    }
}

/// A part of a row of c: how wide a panel is in vectors.
#[inline(always)]
fn panel<S: Simd>(vectors: usize) -> usize {
    let most = if S::REGISTER_COUNT >= 32 { VECTORS } else { VECTORS / 2 };
    if vectors >= most { most } else { vectors.min(2).min(most) }
}

/// # Safety
/// The promise of [`Product`].
#[inline(always)]
unsafe fn by_blocks<A: Element, S: Simd>(simd: S, run: Run<A>) {
    let Run { product, a_space, b_space } = run;
    let Product { m, k, n, .. } = product;
    if m == 0 || n == 0 {
        return;
    }
    if k == 0 {
        // SAFETY: the promise of `Product`.
        return unsafe { product.plain() };
    }
    // Blocks of k depend on k alone, so that the sums round alike in every product.
    let k_block = k.div_ceil(k.div_ceil(longest::<A>()));
    let widest = A::lanes::<S>() * VECTORS;
    let n_block = B_BYTES / (k_block * size_of::<A>()) / widest * widest;
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
/// The promise of [`Product`], and packing space for k x (n rounded up to vectors) of b.
#[inline(always)]
unsafe fn one_block<A: Element, S: Simd>(simd: S, product: Product<A>, a_space: *mut A, b_space: *mut A) {
    let Product { m, k, n, alpha, beta, a, b, c } = product;
    let lanes = A::lanes::<S>();
    let unpacked_b = m <= UNPACKED_B && b.column == 1;
    let unpacked_a = a.column == 1 || (a.row == 1 && k <= UNPACKED_A) || n <= lanes;
    // SAFETY: `from..to` of the columns, `i..` of the rows and all of k are in the bounds of the product; panels follow
    // one another in `b_space` at `from * k`, because all but the last are full.
    unsafe {
        let mut from = 0;
        while from < n {
            let vectors = panel::<S>((n - from).div_ceil(lanes));
            let width = vectors * lanes;
            let to = n.min(from + width);
            if !(unpacked_b && to == from + width) {
                let b = View { start: b.at(0, from), ..b };
                pack::columns(simd, b, k, to - from, b_space.add(from * k), width);
            }
            from = to;
        }
        for block in (0..m).step_by(A_ROWS) {
            let rows = A_ROWS.min(m - block);
            if !unpacked_a {
                pack::rows(View { start: a.at(block, 0), ..a }, rows, k, a_space);
            }
            for first in (0..rows).step_by(ROWS) {
                let i = block + first;
                let a = if unpacked_a {
                    View { start: a.at(i, 0), ..a }
                } else {
                    View { start: a_space.add(first * k), row: 1, column: ROWS as isize }
                };
                let mut from = 0;
                while from < n {
                    let vectors = panel::<S>((n - from).div_ceil(lanes));
                    let width = vectors * lanes;
                    let to = n.min(from + width);
                    let (b, b_row) = if unpacked_b && to == from + width {
                        (b.at(0, from).cast_const(), b.row)
                    } else {
                        (b_space.add(from * k).cast_const(), width as isize)
                    };
                    let c = View { start: c.at(i, from), ..c };
                    let at = Tile { k, a, b, b_row, c, width: to - from, alpha, beta };
                    any_tile(simd, ROWS.min(rows - first), vectors, &at);
                    from = to;
                }
            }
        }
    }
}

/// # Safety
/// As of [`tile`].
#[inline(always)]
unsafe fn any_tile<A: Element, S: Simd>(simd: S, rows: usize, vectors: usize, at: &Tile<A>) {
    macro_rules! sizes {
        ($($rows:literal)*) => {
            // SAFETY: passed on.
            unsafe {
                match (rows, vectors) {
                    $(
                        ($rows, 1) => tile::<A, S, $rows, 1>(simd, at),
                        ($rows, 2) => tile::<A, S, $rows, 2>(simd, at),
                        ($rows, 4) => tile::<A, S, $rows, 4>(simd, at),
                    )*
                    _ => unreachable!("tiles have 1 to 6 rows and 1, 2 or 4 vectors"),
                }
            }
        };
    }
    sizes!(1 2 3 4 5 6);
}
