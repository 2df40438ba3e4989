//! Elementwise passes and sums with the widest vector instructions of the machine.
//!
//! Every pass goes over [`Streams`]: a slice, or a tuple of slices of the same length, mutable or not.
//!
//! - [`each`] calls a function on the items at every position: `each((w, g), |(w, &g)| *w -= rate * g)`;
//! - [`map`] and [`map2`] are its common forms, [`each_wide`] and [`each_with_root`] those for functions that take longer;
//! - [`sum`] sums the results of the function; [`dot`] is its common form.
//!
//! Large passes are split over the threads of the current rayon pool. Results are bitwise identical for any instruction
//! set and number of threads. For many short rows, call [`vectorize`] once around the loop, and the passes of [`rows`]
//! inside, which do not dispatch.
//!
//! A closure of more than a few operations must be written `#[inline(always)] |x| ...`; otherwise it may become a
//! function call, which is several times slower. Closures are copied into the loop, so that values captured with `move`
//! are in registers; references might alias the output and prevent vectorization.

use super::parallel;
use super::streams::Streams;
use crate::Scalar;

/// Passes up to this length are plain loops, because dispatch costs more than it saves.
pub(crate) const TINY: usize = 16;
/// The number of partial sums.
const LANES: usize = 64;
/// Longer sums are split into two halves.
const BLOCK: usize = 4096;

/// Calls `f` once, compiled for the widest instruction set of this machine.
///
/// This requires inlining: write `vectorize(#[inline(always)] || ...)`, and call only `#[inline(always)]` functions and
/// small ones of the standard library.
#[inline(always)]
pub(crate) fn vectorize<R>(mut f: impl FnMut() -> R) -> R {
    vectorize_with(
        (),
        #[inline(always)]
        |()| f(),
    )
}

/// Like [`vectorize`], for a function that consumes its input.
#[inline(always)]
pub(crate) fn vectorize_with<T, R>(input: T, f: impl FnMut(T) -> R) -> R {
    // The bound is not `FnOnce`, whose calls are not reliably inlined.
    struct Call<T, F>(T, F);
    impl<T, R, F: FnMut(T) -> R> pulp::NullaryFnOnce for Call<T, F> {
        type Output = R;
        #[inline(always)]
        fn call(mut self) -> R {
            (self.1)(self.0)
        }
    }
    pulp::Arch::new().dispatch(Call(input, f))
}

/// [`vectorize`] if `wide`, else a plain call, with the same results.
#[inline(always)]
pub(crate) fn vectorize_if<R>(wide: bool, mut f: impl FnMut() -> R) -> R {
    if wide { vectorize(f) } else { f() }
}

/// Calls `f` with the items at every position of `streams`.
#[inline(always)]
pub(crate) fn each<S: Streams>(streams: S, f: impl Fn(S::Item) + Copy + Sync) {
    if streams.len() <= TINY {
        rows::each(streams, f);
    } else {
        each_wide(streams, f);
    }
}

/// Like [`each`], for functions with exponentials, which are slow outside [`vectorize`] at any length.
#[inline(always)]
pub(crate) fn each_wide<S: Streams>(streams: S, f: impl Fn(S::Item) + Copy + Sync) {
    parallel::split(streams, &|part: S| wide(part, f));
}

/// Like [`each`], for functions with a division and a root, of which a pass is worth two threads sooner.
#[inline(always)]
pub(crate) fn each_with_root<S: Streams>(streams: S, f: impl Fn(S::Item) + Copy + Sync) {
    /// The time of an item, as a multiple of that of a multiplication.
    const WORK: usize = 8;
    if streams.len() <= TINY {
        return rows::each(streams, f);
    }
    parallel::split_items(streams, WORK, &|part: S| wide(part, f));
}

#[inline(always)]
fn wide<S: Streams>(streams: S, f: impl Fn(S::Item)) {
    vectorize_with(
        (streams, f),
        #[inline(always)]
        |(streams, f)| rows::each(streams, f),
    );
}

/// yᵢ = f(xᵢ).
#[inline(always)]
pub(crate) fn map<A: Scalar>(x: &[A], y: &mut [A], f: impl Fn(A) -> A + Copy + Sync) {
    each_wide(
        (y, x),
        #[inline(always)]
        move |(y, &x)| *y = f(x),
    );
}

/// yᵢ = f(aᵢ, bᵢ).
#[inline(always)]
pub(crate) fn map2<A: Scalar>(a: &[A], b: &[A], y: &mut [A], f: impl Fn(A, A) -> A + Copy + Sync) {
    each(
        (y, a, b),
        #[inline(always)]
        move |(y, &a, &b)| *y = f(a, b),
    );
}

/// The sum of `f` over the items at every position, in `f64`, in an order that depends only on the length.
#[inline(always)]
pub(crate) fn sum<A: Scalar, S: Streams>(streams: S, f: impl Fn(S::Item) -> A + Copy + Sync) -> f64 {
    if streams.len() <= TINY {
        return rows::sum(streams, f);
    }
    let block = |part: S| {
        vectorize_with(
            (part, f),
            #[inline(always)]
            |(part, f)| rows::sum(part, f),
        )
    };
    parallel::fold(streams, BLOCK, &block, |a, b| a + b)
}

/// Σ aᵢ bᵢ.
#[inline(always)]
pub(crate) fn dot<A: Scalar>(a: &[A], b: &[A]) -> f64 {
    sum(
        (a, b),
        #[inline(always)]
        |(&a, &b)| a * b,
    )
}

/// sumⱼ = Σᵢ xᵢⱼ for the rows xᵢ of a row-major matrix; `sums` has the length of a row.
#[inline(always)]
pub(crate) fn column_sums<A: Scalar>(x: &[A], sums: &mut [A]) {
    vectorize(
        #[inline(always)]
        || rows::column_sums(x, sums),
    );
}

/// The passes for one short row, for use inside [`vectorize`].
pub(crate) mod rows {
    use super::{LANES, Scalar, Streams, TINY};

    /// Calls `f` with the items at every position.
    #[inline(always)]
    pub(crate) fn each<S: Streams>(streams: S, f: impl Fn(S::Item)) {
        for items in streams.items() {
            f(items);
        }
    }

    /// Item i is added to partial sum i modulo 64, in `f64`; the partial sums are reduced as a tree. Tiny rows are
    /// summed sequentially.
    #[inline(always)]
    pub(crate) fn sum<A: Scalar, S: Streams>(streams: S, f: impl Fn(S::Item) -> A) -> f64 {
        if streams.len() <= TINY {
            let mut sum = 0.0;
            for item in streams.items() {
                sum += f(item).to_f64();
            }
            return sum;
        }
        // With fewer lanes the compiler unrolls the inner loop instead of vectorizing it.
        let mut lanes = [0.0; LANES];
        let whole = streams.len() / LANES * LANES;
        let (blocks, rest) = streams.split_at(whole);
        for block in blocks.blocks::<LANES>() {
            for (lane, item) in lanes.iter_mut().zip(block.items()) {
                *lane += f(item).to_f64();
            }
        }
        for (lane, item) in lanes.iter_mut().zip(rest.items()) {
            *lane += f(item).to_f64();
        }
        fold(&mut lanes, |a, b| a + b)
    }

    /// The maximum; NaN if any item is NaN, -∞ if empty.
    #[inline(always)]
    pub(crate) fn max<A: Scalar>(x: &[A]) -> A {
        if x.len() <= TINY {
            return x.iter().fold(-A::INFINITY, |max, &item| max.maximum(item));
        }
        let mut lanes = [-A::INFINITY; LANES];
        let (blocks, rest) = x.as_chunks::<LANES>();
        for block in blocks {
            for (lane, &item) in lanes.iter_mut().zip(block) {
                *lane = lane.maximum(item);
            }
        }
        for (lane, &item) in lanes.iter_mut().zip(rest) {
            *lane = lane.maximum(item);
        }
        fold(&mut lanes, A::maximum)
    }

    /// Combines the lower and the upper half until one lane is left.
    #[inline(always)]
    fn fold<A: Scalar>(lanes: &mut [A; LANES], join: impl Fn(A, A) -> A) -> A {
        let mut half = LANES / 2;
        while half > 0 {
            let (lower, upper) = lanes.split_at_mut(half);
            for (a, &b) in lower.iter_mut().zip(&*upper) {
                *a = join(*a, b);
            }
            half /= 2;
        }
        lanes[0]
    }

    /// sumⱼ = Σᵢ xᵢⱼ in `f64`, a few columns at a time.
    #[inline(always)]
    pub(crate) fn column_sums<A: Scalar>(x: &[A], sums: &mut [A]) {
        const COLUMNS: usize = 64;
        let width = sums.len();
        for (tile, sums) in sums.chunks_mut(COLUMNS).enumerate() {
            let mut exact = [0.0; COLUMNS];
            for row in x.chunks_exact(width) {
                for (sum, &item) in exact.iter_mut().zip(&row[tile * COLUMNS..][..sums.len()]) {
                    *sum += item.to_f64();
                }
            }
            for (sum, exact) in sums.iter_mut().zip(exact) {
                *sum = A::of(exact);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every function is bitwise identical with vector instructions and in plain loops.
    fn same_bits<A: Scalar>(x: &[A]) {
        let mut y = vec![A::ZERO; x.len()];
        let mut count = 0;
        macro_rules! check {
            ($($name:ident)*) => {$(
                map(x, &mut y, #[inline(always)] |x| x.$name());
                for (&x, &y) in x.iter().zip(&y) {
                    let plain = std::hint::black_box(x).$name();
                    // Signed zeros differ by their reciprocals.
                    let same = plain == y && A::ONE / plain == A::ONE / y || plain.is_nan() && y.is_nan();
                    assert!(same, "{}({x:e}): {plain:e} alone, {y:e} among others", stringify!($name));
                    count += 1;
                }
            )*};
        }
        check!(exp exp_m1 ln ln_1p tanh sigmoid erf erfc normal_cdf gelu gelu_slope silu silu_slope mish mish_slope);
        assert_eq!(count, 15 * x.len());
    }

    #[test]
    fn wide_and_plain_loops_give_the_same_bits() {
        let bits = (0..=u32::MAX).step_by(65_521);
        same_bits(&bits.clone().map(f32::from_bits).collect::<Vec<_>>());
        same_bits(&bits.map(|bits| f64::from_bits(u64::from(bits) << 32 | u64::from(bits))).collect::<Vec<_>>());
    }

    /// Sums are close to the exact ones, and bitwise identical for any number of threads.
    #[test]
    fn sums_do_not_depend_on_threads() {
        let x: Vec<f32> = (0..1_000_003).map(|i| (i as f32 * 0.37).sin() + 0.1).collect();
        let one = sum(&x[..], |&x| x);
        let exact: f64 = x.iter().map(|&x| f64::from(x)).sum();
        assert!((one - exact).abs() < 1e-9 * exact.abs(), "{one} {exact}");
        assert_eq!(rows::max(&x), x.iter().copied().fold(f32::MIN, f32::max));
        #[cfg(feature = "parallel")]
        for threads in [1, 2, 3, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let (sum, dot) = pool.install(|| (sum(&x[..], |&x| x), dot(&x, &x)));
            assert_eq!(sum.to_bits(), one.to_bits());
            assert_eq!(dot.to_bits(), super::dot(&x, &x).to_bits());
        }
    }

    #[test]
    fn passes_reach_every_position_once() {
        for len in [0, 1, 15, 16, 17, 31, 100, 4097, 400_003] {
            let g: Vec<f64> = (0..len).map(f64::from).collect();
            let mut w = vec![1.0; g.len()];
            let mut y = vec![0.0; g.len()];
            each((&mut w[..], &g[..]), |(w, &g)| *w += g);
            map2(&w, &g, &mut y, |w, g| w - g);
            assert!(y.iter().all(|&y| y == 1.0));
            assert_eq!(sum(&y[..], |&y| y), f64::from(len));
            map(&g, &mut y, |g| -g);
            assert_eq!(rows::max(&y), if len == 0 { f64::NEG_INFINITY } else { 0.0 });
            if len > 0 {
                y[len as usize / 2] = f64::NAN;
                assert!(rows::max(&y).is_nan());
            }
        }
    }

    #[test]
    fn columns_are_added_up() {
        for (rows, columns) in [(3, 0), (0, 3), (1, 1), (7, 5), (9, 64), (5, 130)] {
            let x: Vec<f32> = (0..rows * columns).map(|i| i as f32).collect();
            let mut sums = vec![0.5; columns];
            column_sums(&x, &mut sums);
            for (j, &sum) in sums.iter().enumerate() {
                assert_eq!(sum, (0..rows).map(|i| x[i * columns + j]).sum::<f32>());
            }
        }
    }
}
