//! Element-wise passes and sums, run with the widest vector instructions of the machine.
//!
//! Every pass goes over [`Streams`]: a slice, or a tuple of slices of one length, mutable or not.
//!
//! - [`each`] calls a function on the items at every position: `each((w, g), |(w, &g)| *w -= rate * g)`;
//! - [`map`], [`map2`] and [`update`] are its common forms;
//! - [`sum`] adds up what the function returns, [`dot`] and [`max`] are its kin.
//!
//! Large passes are split over the threads of the current rayon pool. The results have the same bits for any
//! instruction set and any number of threads. Code that goes over many short rows calls [`vectorize`] once, around its
//! loop, and [`rows`] inside: these are the same passes without dispatch.

use super::parallel;
use crate::Scalar;

/// Passes no longer than this are plain loops: choosing the instruction set would cost more than it gains.
const TINY: usize = 16;
/// Sums keep this many partial sums.
const LANES: usize = 16;
/// Sums of more items than this are the sum of the sums of two halves.
const BLOCK: usize = 4096;

/// Calls `f` compiled for the widest instruction set that this machine has. What `f` calls must be `#[inline(always)]`.
#[inline(always)]
pub(crate) fn vectorize<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}

/// Calls `f` with the items at every position of `streams`.
#[inline(always)]
pub(crate) fn each<S: Streams>(streams: S, f: impl Fn(S::Item) + Sync) {
    if streams.len() <= TINY {
        rows::each(streams, f);
    } else {
        parallel::split(streams, &|part: S| {
            vectorize(
                #[inline(always)]
                || rows::each(part, &f),
            )
        });
    }
}

/// yᵢ = f(xᵢ).
#[inline(always)]
pub(crate) fn map<A: Scalar>(x: &[A], y: &mut [A], f: impl Fn(A) -> A + Sync) {
    each(
        (y, x),
        #[inline(always)]
        |(y, &x)| *y = f(x),
    );
}

/// yᵢ = f(aᵢ, bᵢ).
#[inline(always)]
pub(crate) fn map2<A: Scalar>(a: &[A], b: &[A], y: &mut [A], f: impl Fn(A, A) -> A + Sync) {
    each(
        (y, a, b),
        #[inline(always)]
        |(y, &a, &b)| *y = f(a, b),
    );
}

/// wᵢ = f(wᵢ, gᵢ), in place.
#[inline(always)]
pub(crate) fn update<A: Scalar>(w: &mut [A], g: &[A], f: impl Fn(A, A) -> A + Sync) {
    each(
        (w, g),
        #[inline(always)]
        |(w, &g)| *w = f(*w, g),
    );
}

/// The sum of what `f` returns for the items at every position, added up in `f64` in an order that depends on the
/// length alone.
#[inline(always)]
pub(crate) fn sum<A: Scalar, S: Streams>(streams: S, f: impl Fn(S::Item) -> A + Sync) -> f64 {
    if streams.len() <= TINY {
        rows::sum(streams, f)
    } else {
        parallel::fold(
            streams,
            BLOCK,
            &|part: S| {
                vectorize(
                    #[inline(always)]
                    || rows::sum(part, &f),
                )
            },
            |a, b| a + b,
        )
    }
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

/// The largest item; NaN if any is NaN, -∞ if there are none.
#[inline(always)]
pub(crate) fn max<A: Scalar>(x: &[A]) -> A {
    if x.len() <= TINY {
        rows::max(x)
    } else {
        vectorize(
            #[inline(always)]
            || rows::max(x),
        )
    }
}

/// outⱼ += Σᵢ xᵢⱼ for the rows xᵢ of a matrix that lies in memory row by row; `out` is as long as a row.
#[inline(always)]
pub(crate) fn add_rows<A: Scalar>(x: &[A], out: &mut [A]) {
    vectorize(
        #[inline(always)]
        || rows::add_rows(x, out),
    );
}

/// The same passes to call inside [`vectorize`], once for each of many short rows.
pub(crate) mod rows {
    use super::{LANES, Scalar, Streams};

    /// Calls `f` with the items at every position.
    #[inline(always)]
    pub(crate) fn each<S: Streams>(streams: S, f: impl Fn(S::Item)) {
        streams.items().for_each(f);
    }

    /// Sixteen partial sums, added up as a tree, then the items that are left.
    #[inline(always)]
    pub(crate) fn sum<A: Scalar, S: Streams>(streams: S, f: impl Fn(S::Item) -> A) -> f64 {
        let whole = streams.len() / LANES * LANES;
        let (blocks, rest) = streams.split_at(whole);
        let mut lanes = [0.0; LANES];
        for block in blocks.blocks::<LANES>() {
            for (lane, item) in lanes.iter_mut().zip(block.items()) {
                *lane += f(item).to_f64();
            }
        }
        if whole > 0 {
            for half in [8, 4, 2, 1] {
                for i in 0..half {
                    lanes[i] += lanes[i + half];
                }
            }
        }
        rest.items().fold(lanes[0], |sum, item| sum + f(item).to_f64())
    }

    /// The largest item; NaN if any is NaN, -∞ if there are none.
    #[inline(always)]
    pub(crate) fn max<A: Scalar>(x: &[A]) -> A {
        let (blocks, rest) = x.as_chunks::<LANES>();
        let mut lanes = [-A::INFINITY; LANES];
        for block in blocks {
            for (lane, &item) in lanes.iter_mut().zip(block) {
                *lane = lane.maximum(item);
            }
        }
        if !blocks.is_empty() {
            for half in [8, 4, 2, 1] {
                for i in 0..half {
                    lanes[i] = lanes[i].maximum(lanes[i + half]);
                }
            }
        }
        rest.iter().fold(lanes[0], |max, &item| max.maximum(item))
    }

    /// outⱼ += Σᵢ xᵢⱼ, for some columns at a time, added up in `f64`.
    #[inline(always)]
    pub(crate) fn add_rows<A: Scalar>(x: &[A], out: &mut [A]) {
        const COLUMNS: usize = 64;
        let width = out.len();
        for (tile, out) in out.chunks_mut(COLUMNS).enumerate() {
            let mut sums = [0.0; COLUMNS];
            for row in x.chunks_exact(width) {
                for (sum, &item) in sums.iter_mut().zip(&row[tile * COLUMNS..][..out.len()]) {
                    *sum += item.to_f64();
                }
            }
            for (out, sum) in out.iter_mut().zip(sums) {
                *out += A::of(sum);
            }
        }
    }
}

/// A slice, or a tuple of slices of one length, that a pass goes over.
pub(crate) trait Streams: Sized + Send {
    /// What lies at one position.
    type Item;
    /// The number of positions.
    fn len(&self) -> usize;
    /// The positions before and from `middle`.
    fn split_at(self, middle: usize) -> (Self, Self);
    /// The items, one position after another.
    fn items(self) -> impl Iterator<Item = Self::Item>;
    /// Runs of `N` positions each; what is left over at the end is dropped.
    fn blocks<const N: usize>(self) -> impl Iterator<Item = Self>;
}

impl<'a, T: Sync> Streams for &'a [T] {
    type Item = &'a T;
    #[inline(always)]
    fn len(&self) -> usize {
        <[T]>::len(self)
    }
    #[inline(always)]
    fn split_at(self, middle: usize) -> (Self, Self) {
        <[T]>::split_at(self, middle)
    }
    #[inline(always)]
    fn items(self) -> impl Iterator<Item = Self::Item> {
        self.iter()
    }
    #[inline(always)]
    fn blocks<const N: usize>(self) -> impl Iterator<Item = Self> {
        self.as_chunks::<N>().0.iter().map(<[T; N]>::as_slice)
    }
}

impl<'a, T: Send> Streams for &'a mut [T] {
    type Item = &'a mut T;
    #[inline(always)]
    fn len(&self) -> usize {
        <[T]>::len(self)
    }
    #[inline(always)]
    fn split_at(self, middle: usize) -> (Self, Self) {
        self.split_at_mut(middle)
    }
    #[inline(always)]
    fn items(self) -> impl Iterator<Item = Self::Item> {
        self.iter_mut()
    }
    #[inline(always)]
    fn blocks<const N: usize>(self) -> impl Iterator<Item = Self> {
        self.as_chunks_mut::<N>().0.iter_mut().map(<[T; N]>::as_mut_slice)
    }
}

macro_rules! tuple {
    ($first:ident $($rest:ident)+, $nested:pat) => {
        #[allow(non_snake_case)]
        impl<$first: Streams, $($rest: Streams),+> Streams for ($first, $($rest),+) {
            type Item = ($first::Item, $($rest::Item),+);
            #[inline(always)]
            fn len(&self) -> usize {
                let ($first, $($rest),+) = self;
                $(debug_assert_eq!($first.len(), $rest.len());)+
                $first.len()
            }
            #[inline(always)]
            fn split_at(self, middle: usize) -> (Self, Self) {
                let ($first, $($rest),+) = self;
                let $first = $first.split_at(middle);
                $(let $rest = $rest.split_at(middle);)+
                (($first.0, $($rest.0),+), ($first.1, $($rest.1),+))
            }
            #[inline(always)]
            fn items(self) -> impl Iterator<Item = Self::Item> {
                let ($first, $($rest),+) = self;
                $first.items()$(.zip($rest.items()))+.map(#[inline(always)] |$nested| ($first, $($rest),+))
            }
            #[inline(always)]
            fn blocks<const LENGTH: usize>(self) -> impl Iterator<Item = Self> {
                let ($first, $($rest),+) = self;
                $first.blocks::<LENGTH>()$(.zip($rest.blocks::<LENGTH>()))+.map(#[inline(always)] |$nested| ($first, $($rest),+))
            }
        }
    };
}
tuple!(P Q, (P, Q));
tuple!(P Q R, ((P, Q), R));
tuple!(P Q R S, (((P, Q), R), S));
tuple!(P Q R S T, ((((P, Q), R), S), T));

#[cfg(test)]
mod tests {
    use super::*;

    /// The sums have the same bits as the same order written plainly, and whatever the number of threads.
    #[test]
    fn sums_do_not_depend_on_threads() {
        let x: Vec<f32> = (0..1_000_003).map(|i| (i as f32 * 0.37).sin() + 0.1).collect();
        let one = sum(&x[..], |&x| x);
        let exact: f64 = x.iter().map(|&x| f64::from(x)).sum();
        assert!((one - exact).abs() < 1e-9 * exact.abs(), "{one} {exact}");
        assert_eq!(max(&x), x.iter().copied().fold(f32::MIN, f32::max));
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
            update(&mut w, &g, |w, g| w + g);
            map2(&w, &g, &mut y, |w, g| w - g);
            assert!(y.iter().all(|&y| y == 1.0));
            assert_eq!(sum(&y[..], |&y| y), f64::from(len));
            map(&g, &mut y, |g| -g);
            assert_eq!(max(&y), if len == 0 { f64::NEG_INFINITY } else { 0.0 });
            if len > 0 {
                y[len as usize / 2] = f64::NAN;
                assert!(max(&y).is_nan());
            }
        }
    }

    #[test]
    fn rows_are_added_up_column_by_column() {
        for (rows, columns) in [(3, 0), (0, 3), (1, 1), (7, 5), (9, 64), (5, 130)] {
            let x: Vec<f32> = (0..rows * columns).map(|i| i as f32).collect();
            let mut out = vec![0.5; columns];
            add_rows(&x, &mut out);
            for (j, &out) in out.iter().enumerate() {
                assert_eq!(out, 0.5 + (0..rows).map(|i| x[i * columns + j]).sum::<f32>());
            }
        }
    }
}
