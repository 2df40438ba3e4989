//! Copies and transformations on many tiles side by side.

use std::array::from_fn;

use super::LANES;
use crate::Scalar;

/// Copies a row: mostly so short that the call of a function for it would show.
#[inline(always)]
pub(super) fn copy<A: Copy>(from: &[A], to: &mut [A]) {
    const SHORT: usize = 8;
    if from.len() < SHORT {
        return to.copy_from_slice(from);
    }
    for (from, to) in from.as_chunks::<SHORT>().0.iter().zip(to.as_chunks_mut::<SHORT>().0) {
        *to = *from;
    }
    // The end, with some numbers that are there already.
    if let (Some(from), Some(to)) = (from.last_chunk::<SHORT>(), to.last_chunk_mut::<SHORT>()) {
        *to = *from;
    }
}

/// f of N numbers of a tile, for [`LANES`] tiles side by side; `at` has the indices of the first tile's numbers.
#[inline(always)]
pub(super) fn transform<A: Scalar, const N: usize, const M: usize>(
    numbers: &[A],
    at: [usize; N],
    f: impl Fn([A; N]) -> [A; M],
) -> [[A; LANES]; M] {
    let from: [&[A; LANES]; N] = from_fn(|k| numbers[at[k]..].first_chunk().expect("room for all lanes"));
    let mut to = [[A::ZERO; LANES]; M];
    for lane in 0..LANES {
        let results = f(from_fn(|k| from[k][lane]));
        for k in 0..M {
            to[k][lane] = results[k];
        }
    }
    to
}

/// Adds `more` to the numbers from index `at` on.
#[inline(always)]
pub(super) fn add<A: Scalar>(numbers: &mut [A], at: usize, more: &[A; LANES]) {
    let to = numbers[at..].first_chunk_mut::<LANES>().expect("room for all lanes");
    // All sums before the first is stored: in vector registers.
    *to = from_fn(|lane| to[lane] + more[lane]);
}

/// Numbers of either half that are split or joined at a time: enough for the compiler to see a loop.
const SPLIT: usize = 64;

/// The numbers with even indices, then those with odd ones, for a multiple of 2 · [`SPLIT`] numbers.
#[inline(always)]
pub(super) fn split<A: Scalar>(numbers: &[A], halves: &mut [A]) {
    let (even, odd) = halves.split_at_mut(numbers.len() / 2);
    let halves = even.as_chunks_mut::<SPLIT>().0.iter_mut().zip(odd.as_chunks_mut::<SPLIT>().0);
    for ((even, odd), numbers) in halves.zip(numbers.as_chunks::<2>().0.as_chunks::<SPLIT>().0) {
        for i in 0..SPLIT {
            even[i] = numbers[i][0];
            odd[i] = numbers[i][1];
        }
    }
}

/// The inverse of [`split`].
#[inline(always)]
pub(super) fn join<A: Scalar>(halves: &[A], numbers: &mut [A]) {
    let (even, odd) = halves.split_at(halves.len() / 2);
    let halves = even.as_chunks::<SPLIT>().0.iter().zip(odd.as_chunks::<SPLIT>().0);
    for ((even, odd), numbers) in halves.zip(numbers.as_chunks_mut::<2>().0.as_chunks_mut::<SPLIT>().0) {
        for i in 0..SPLIT {
            numbers[i] = [even[i], odd[i]];
        }
    }
}
