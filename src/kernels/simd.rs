//! Elementwise passes and sums, run with the widest vector instructions of the machine.
//!
//! Every pass goes over [`Streams`]: a slice, or a tuple of slices of one length, mutable or not.
//!
//! - [`each`] calls a function on the items at every position: `each((w, g), |(w, &g)| *w -= rate * g)`;
//! - [`map`] and [`map2`] are its common forms;
//! - [`sum`] adds up what the function returns; [`dot`] is its common form.
//!
//! Large passes are split over the threads of the current rayon pool. The results have the same bits for any
//! instruction set and any number of threads. Code that goes over many short rows calls [`vectorize`] once, around its
//! loop, and [`rows`] inside: these are the same passes without dispatch.
//!
//! A closure of more than a few operations must be written `#[inline(always)] |x| ...`: left to itself the compiler may
//! call it as a function, which is right but several times slower. Closures are copied into the loop, so that what they
//! captured with `move` is in registers there; behind a reference it might be changed by what the loop writes, for all
//! that the compiler knows, and may keep it from using vector instructions.

use super::parallel;
use super::streams::Streams;
use crate::Scalar;

/// Passes no longer than this are plain loops: choosing the instruction set would cost more than it gains.
pub(crate) const TINY: usize = 16;
/// Sums keep this many partial sums.
const LANES: usize = 64;
/// Sums of more items than this are the sum of the sums of two halves.
const BLOCK: usize = 4096;

/// Calls `f` once, compiled for the widest instruction set that this machine has.
///
/// What runs inside must be inlined to be compiled so: write `vectorize(#[inline(always)] || ...)`, and call only
/// `#[inline(always)]` functions and small ones of the standard library.
#[inline(always)]
pub(crate) fn vectorize<R>(mut f: impl FnMut() -> R) -> R {
    vectorize_with(
        (),
        #[inline(always)]
        |()| f(),
    )
}

/// As [`vectorize`], for a function that consumes something.
#[inline(always)]
pub(crate) fn vectorize_with<T, R>(input: T, f: impl FnMut(T) -> R) -> R {
    // The bound is not `FnOnce`: a call by way of that trait is not inlined for certain.
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

/// [`vectorize`] if `wide`, else as it is: the results are the same.
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

/// As [`each`], for functions that may have exponentials in them: those are slow outside [`vectorize`], however few.
#[inline(always)]
pub(crate) fn each_wide<S: Streams>(streams: S, f: impl Fn(S::Item) + Copy + Sync) {
    parallel::split(streams, &|part: S| {
        vectorize_with(
            (part, f),
            #[inline(always)]
            |(part, f)| rows::each(part, f),
        );
    });
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

/// The sum of what `f` returns for the items at every position, added up in `f64` in an order that depends on the
/// length alone.
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

/// sumⱼ = Σᵢ xᵢⱼ for the rows xᵢ of a matrix that lies in memory row by row; `sums` is as long as a row.
#[inline(always)]
pub(crate) fn column_sums<A: Scalar>(x: &[A], sums: &mut [A]) {
    vectorize(
        #[inline(always)]
        || rows::column_sums(x, sums),
    );
}

/// The passes over one short row, for loops over many of them inside one [`vectorize`].
pub(crate) mod rows {
    use super::{LANES, Scalar, Streams, TINY};

    /// Calls `f` with the items at every position.
    #[inline(always)]
    pub(crate) fn each<S: Streams>(streams: S, f: impl Fn(S::Item)) {
        for items in streams.items() {
            f(items);
        }
    }

    /// Item i is added to partial sum i modulo 64, in `f64`; these are then added up as a tree. A tiny row is added up
    /// one item after another.
    #[inline(always)]
    pub(crate) fn sum<A: Scalar, S: Streams>(streams: S, f: impl Fn(S::Item) -> A) -> f64 {
        if streams.len() <= TINY {
            let mut sum = 0.0;
            for item in streams.items() {
                sum += f(item).to_f64();
            }
            return sum;
        }
        // With fewer lanes the compiler unrolls the inner loop, instead of turning it into vector instructions.
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

    /// The largest item; NaN if any is NaN, -∞ if there are none.
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

    /// Joins the lower and the upper half until one is left.
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

    /// sumⱼ = Σᵢ xᵢⱼ, for some columns at a time, added up in `f64`.
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

    /// The wide instructions give the bits that plain loops give, for every function.
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
        check!(exp exp_m1 ln ln_1p tanh sigmoid erf erfc normal_cdf);
        assert_eq!(count, 9 * x.len());
    }

    #[test]
    fn wide_and_plain_loops_give_the_same_bits() {
        let bits = (0..=u32::MAX).step_by(65_521);
        same_bits(&bits.clone().map(f32::from_bits).collect::<Vec<_>>());
        same_bits(&bits.map(|bits| f64::from_bits(u64::from(bits) << 32 | u64::from(bits))).collect::<Vec<_>>());
    }

    /// Sums are near the exact ones, and have the same bits for any number of threads.
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
