//! The innermost loop: a tile of c in registers.

use pulp::Simd;

use super::View;
use super::element::Element;

/// The maximum rows of a tile. In WebAssembly, 4 x 2 accumulators and their unfused products fit the 16 registers that
/// most machines have.
pub(super) const ROWS: usize = if cfg!(target_family = "wasm") { 4 } else { 6 };
/// The maximum vectors per row of a tile: 6 x 4 accumulators leave 8 of 32 registers for operands.
pub(super) const VECTORS: usize = if cfg!(target_family = "wasm") { 2 } else { 4 };

/// The operands of a tile.
#[derive(Clone, Copy)]
pub(super) struct Tile<A> {
    /// Length of the sums.
    pub k: usize,
    /// The rows of a, of length k.
    pub a: View<A>,
    /// A panel of b: contiguous rows with the width of the tile and stride `b_row`.
    pub b: *const A,
    pub b_row: isize,
    pub c: View<A>,
    /// Columns of the tile that exist in c.
    pub width: usize,
    pub alpha: A,
    pub beta: A,
}

/// c = alpha a·b + beta c for `R` rows and `V` vectors; each product is fused with its addition, or both are rounded.
///
/// # Safety
/// a must hold R x k readable elements, b k rows of V vectors, and c R x `width` writable elements.
#[inline(always)]
pub(super) unsafe fn tile<A: Element, S: Simd, const R: usize, const V: usize, const FUSED: bool>(
    simd: S,
    tile: &Tile<A>,
) {
    let Tile { k, a, b, b_row, c, width, alpha, beta } = *tile;
    let lanes = A::lanes::<S>();
    let mut sums = [[A::splat(simd, A::ZERO); V]; R];
    let mut x = a.start.cast_const();
    let mut y = b;
    for _ in 0..k {
        // SAFETY: row p of the panel and column p of the rows, for p < k.
        unsafe {
            let y_row: [A::Vector<S>; V] =
                std::array::from_fn(|v| y.add(v * lanes).cast::<A::Vector<S>>().read_unaligned());
            for (r, sums) in sums.iter_mut().enumerate() {
                let x = A::splat(simd, *x.offset(r.cast_signed() * a.row));
                for (sum, y) in sums.iter_mut().zip(y_row) {
                    *sum = mul_add::<A, S, FUSED>(simd, x, y, *sum);
                }
            }
        }
        x = x.wrapping_offset(a.column);
        y = y.wrapping_offset(b_row);
    }

    if alpha != A::ONE {
        let alpha = A::splat(simd, alpha);
        sums = sums.map(|row| row.map(|sum| A::times(simd, alpha, sum)));
    }
    let plus_beta = |sum, old| mul_add::<A, S, FUSED>(simd, A::splat(simd, beta), old, sum);
    let keeps = beta != A::ZERO;
    if c.column == 1 && width == V * lanes {
        for (r, sums) in sums.into_iter().enumerate() {
            for (v, sum) in sums.into_iter().enumerate() {
                let to = c.at(r, v * lanes).cast::<A::Vector<S>>();
                // SAFETY: R rows of V vectors exist in c.
                unsafe { to.write_unaligned(if keeps { plus_beta(sum, to.read_unaligned()) } else { sum }) };
            }
        }
    } else if c.column == 1 {
        for (r, sums) in sums.into_iter().enumerate() {
            for (v, sum) in sums.into_iter().enumerate() {
                let to = c.at(r, v * lanes);
                let rest = A::first(simd, width.saturating_sub(v * lanes).min(lanes));
                // SAFETY: the mask excludes columns from `width` on.
                unsafe {
                    let value = if keeps { plus_beta(sum, A::load_some(simd, rest, to)) } else { sum };
                    A::store_some(simd, rest, to, value);
                }
            }
        }
    } else {
        // Through a contiguous row, so that the arithmetic is the same for every layout of c.
        let mut row = [[A::ZERO; 16]; V];
        assert!(lanes <= 16);
        let row = row.as_flattened_mut().as_mut_ptr();
        for (r, sums) in sums.into_iter().enumerate() {
            // SAFETY: `row` has room for V vectors of at most 16 lanes; columns below `width` exist in c.
            unsafe {
                if keeps {
                    for j in 0..width {
                        *row.add(j) = *c.at(r, j);
                    }
                }
                for (v, sum) in sums.into_iter().enumerate() {
                    let to = row.add(v * lanes).cast::<A::Vector<S>>();
                    to.write_unaligned(if keeps { plus_beta(sum, to.read_unaligned()) } else { sum });
                }
                for j in 0..width {
                    *c.at(r, j) = *row.add(j);
                }
            }
        }
    }
}

/// x * y + z, rounded once or twice.
#[inline(always)]
fn mul_add<A: Element, S: Simd, const FUSED: bool>(
    simd: S,
    x: A::Vector<S>,
    y: A::Vector<S>,
    z: A::Vector<S>,
) -> A::Vector<S> {
    if FUSED { A::mul_add(simd, x, y, z) } else { A::plus(simd, A::times(simd, x, y), z) }
}
