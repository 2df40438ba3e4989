//! One row by contiguous columns: dot products.

use pulp::{Simd, WithSimd};

use super::Product;
use super::element::{Element, arch};

/// Is this one row, and are it and the columns of b contiguous? Then b is read once, straight through.
pub(super) fn fits<A>(product: &Product<A>) -> bool {
    product.m == 1 && product.k > 1 && product.a.column == 1 && product.b.row == 1 && product.b.column != 1
}

/// # Safety
/// The promise of [`Product`](super::Product), and [`fits`].
pub(super) unsafe fn run<A: Element>(product: Product<A>) {
    arch().dispatch(Run(product));
}

struct Run<A>(Product<A>);

impl<A: Element> WithSimd for Run<A> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let product = self.0;
        // SAFETY: `run` is called with the promise of `Product`.
        unsafe {
            let n = product.n;
            for j in (0..n / 4 * 4).step_by(4) {
                columns::<A, S, 4>(simd, &product, j);
            }
            for j in n / 4 * 4..n {
                columns::<A, S, 1>(simd, &product, j);
            }
        }
    }
}

/// Columns `j..j + C` of c. Each is summed in the same order for every `C`.
///
/// # Safety
/// The promise of [`Product`](super::Product), [`fits`], and `j + C <= n`.
#[inline(always)]
unsafe fn columns<A: Element, S: Simd, const C: usize>(simd: S, product: &Product<A>, j: usize) {
    let Product { k, alpha, beta, a, b, c, .. } = *product;
    let lanes = A::lanes::<S>();
    let x = a.start.cast_const();
    let y: [*const A; C] = std::array::from_fn(|i| b.at(0, j + i).cast_const());
    // Two sums per column hide the latency of the additions.
    let mut even = [A::splat(simd, A::ZERO); C];
    let mut odd = even;
    let mut p = 0;
    // SAFETY: p stays below k, and lanes beyond k are masked.
    unsafe {
        let load = |from: *const A| from.cast::<A::Vector<S>>().read_unaligned();
        while p + 2 * lanes <= k {
            let (x0, x1) = (load(x.add(p)), load(x.add(p + lanes)));
            for i in 0..C {
                even[i] = A::mul_add(simd, x0, load(y[i].add(p)), even[i]);
                odd[i] = A::mul_add(simd, x1, load(y[i].add(p + lanes)), odd[i]);
            }
            p += 2 * lanes;
        }
        if p + lanes <= k {
            let x0 = load(x.add(p));
            for i in 0..C {
                even[i] = A::mul_add(simd, x0, load(y[i].add(p)), even[i]);
            }
            p += lanes;
        }
        if p < k {
            let rest = A::first(simd, k - p);
            let x0 = A::load_some(simd, rest, x.add(p));
            for i in 0..C {
                odd[i] = A::mul_add(simd, x0, A::load_some(simd, rest, y[i].add(p)), odd[i]);
            }
        }
        for i in 0..C {
            let sum = alpha * A::sum(simd, A::plus(simd, even[i], odd[i]));
            let c = c.at(0, j + i);
            *c = if beta == A::ZERO { sum } else { beta * *c + sum };
        }
    }
}
