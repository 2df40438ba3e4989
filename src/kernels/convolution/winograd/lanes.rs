//! Copies and transforms of many tiles.

use std::array::from_fn;

use super::LANES;
use crate::Scalar;

/// Copies a row, usually too short to be worth a function call.
#[inline(always)]
pub(super) fn copy<A: Copy>(from: &[A], to: &mut [A]) {
    const SHORT: usize = 8;
    if from.len() < SHORT {
        return to.copy_from_slice(from);
    }
    for (from, to) in from.as_chunks::<SHORT>().0.iter().zip(to.as_chunks_mut::<SHORT>().0) {
        *to = *from;
    }
    // The end, overlapping elements already copied.
    if let (Some(from), Some(to)) = (from.last_chunk::<SHORT>(), to.last_chunk_mut::<SHORT>()) {
        *to = *from;
    }
}

/// Applies f to N elements of a tile, for [`LANES`] tiles; `at` has the indices for the first tile.
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

/// Adds `more` to the elements from index `at` on.
#[inline(always)]
pub(super) fn add<A: Scalar>(numbers: &mut [A], at: usize, more: &[A; LANES]) {
    let to = numbers[at..].first_chunk_mut::<LANES>().expect("room for all lanes");
    // All sums are computed before the first store, to stay in vector registers.
    *to = from_fn(|lane| to[lane] + more[lane]);
}

/// Elements of each half that are split or joined at a time: enough for the compiler to vectorize.
const SPLIT: usize = 64;

/// Writes the elements with even indices, then those with odd ones, for a multiple of 2 · [`SPLIT`] elements.
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
