//! Dot products, where a has few rows or b few columns, and both are contiguous.

use pulp::{Simd, WithSimd};

use super::element::{Element, arch};
use super::{NARROW, Product};

/// The minimum length of sums for which reducing lanes is cheaper than packing b for few rows or columns: a training
/// step of a `LeNet` is 7 % faster.
const LONG: usize = 384;

/// Whether the rows of a and the columns of b are contiguous, and few enough of either that packing does not pay.
pub(super) fn fits<A>(product: &Product<A>) -> bool {
    let Product { m, k, n, a, b, .. } = product;
    let few = *m == 1 && *k > 1 || *k >= LONG && (*m < NARROW || *n < NARROW);
    few && a.column == 1 && b.row == 1 && (b.column != 1 || *n == 1)
}

/// # Safety
/// The contract of [`Product`](super::Product), and [`fits`].
pub(super) unsafe fn run<A: Element>(product: Product<A>) {
    arch().dispatch(Run(product));
}

struct Run<A>(Product<A>);

impl<A: Element> WithSimd for Run<A> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let product = self.0;
        // SAFETY: the caller of `run` upholds the contract of `Product`.
        unsafe {
            let n = product.n;
            for j in (0..n / 4 * 4).step_by(4) {
                rows::<A, S, 4>(simd, &product, j);
            }
            for j in n / 4 * 4..n {
                rows::<A, S, 1>(simd, &product, j);
            }
        }
    }
}

/// Columns `j..j + C` of c.
///
/// # Safety
/// The contract of [`Product`](super::Product), [`fits`], and `j + C <= n`.
#[inline(always)]
unsafe fn rows<A: Element, S: Simd, const C: usize>(simd: S, product: &Product<A>, j: usize) {
    // SAFETY: the caller's contract.
    unsafe {
        let m = product.m;
        for i in (0..m / 2 * 2).step_by(2) {
            tile::<A, S, 2, C>(simd, product, i, j);
        }
        if m % 2 == 1 {
            tile::<A, S, 1, C>(simd, product, m - 1, j);
        }
    }
}

/// Rows `i..i + R` and columns `j..j + C` of c. Each is summed in the same order for every `R` and `C`.
///
/// # Safety
/// The contract of [`Product`](super::Product), [`fits`], `i + R <= m` and `j + C <= n`.
#[inline(always)]
unsafe fn tile<A: Element, S: Simd, const R: usize, const C: usize>(simd: S, product: &Product<A>, i: usize, j: usize) {
    let Product { k, alpha, beta, a, b, c, .. } = *product;
    let lanes = A::lanes::<S>();
    let x: [*const A; R] = std::array::from_fn(|r| a.at(i + r, 0).cast_const());
    let y: [*const A; C] = std::array::from_fn(|l| b.at(0, j + l).cast_const());
    // Two sums per element hide the latency of the additions.
    let mut even = [[A::splat(simd, A::ZERO); C]; R];
    let mut odd = even;
    let mut p = 0;
    // SAFETY: p stays below k, and lanes beyond k are masked.
    unsafe {
        let load = |from: *const A| from.cast::<A::Vector<S>>().read_unaligned();
        while p + 2 * lanes <= k {
            for (at, sums) in [(p, &mut even), (p + lanes, &mut odd)] {
                let y: [A::Vector<S>; C] = std::array::from_fn(|l| load(y[l].add(at)));
                for r in 0..R {
                    let x = load(x[r].add(at));
                    for l in 0..C {
                        sums[r][l] = A::mul_add(simd, x, y[l], sums[r][l]);
                    }
                }
            }
            p += 2 * lanes;
        }
        if p + lanes <= k {
            for r in 0..R {
                let x = load(x[r].add(p));
                for l in 0..C {
                    even[r][l] = A::mul_add(simd, x, load(y[l].add(p)), even[r][l]);
                }
            }
            p += lanes;
        }
        if p < k {
            let rest = A::first(simd, k - p);
            for r in 0..R {
                let x = A::load_some(simd, rest, x[r].add(p));
                for l in 0..C {
                    odd[r][l] = A::mul_add(simd, x, A::load_some(simd, rest, y[l].add(p)), odd[r][l]);
                }
            }
        }
        for r in 0..R {
            for l in 0..C {
                let sum = alpha * A::sum(simd, A::plus(simd, even[r][l], odd[r][l]));
                let c = c.at(i + r, j + l);
                *c = if beta == A::ZERO { sum } else { beta * *c + sum };
            }
        }
    }
}
