//! Passes over rows whose numbers belong to channels, with constants or sums for each channel; for calling inside
//! [`vectorize`](super::simd::vectorize).
//!
//! With `apart` 1, channel c is each number c of every run of as many numbers as there are channels (features of
//! samples, of steps); else it is plane c of `apart` numbers (images): see [`channels_of`](super::channels_of).

use super::parallel::split_items;
use super::rows::Rows;
use super::simd::{rows, vectorize_with};
use super::streams::Streams;

/// Calls `f` with the items at every position, and with the constants of its channel.
#[inline(always)]
pub(crate) fn each<S: Streams, K: Streams<Item: Copy> + Copy>(
    streams: S,
    apart: usize,
    constants: K,
    f: impl Fn(S::Item, K::Item),
) {
    let channels = constants.len();
    for sample in Rows(streams, channels * apart).items() {
        if apart == 1 {
            rows::each(
                (sample, constants),
                #[inline(always)]
                |(item, k)| f(item, k),
            );
        } else {
            for (plane, k) in Rows(sample, apart).items().zip(constants.items()) {
                rows::each(
                    plane,
                    #[inline(always)]
                    |item| f(item, k),
                );
            }
        }
    }
}

/// Adds what `f` returns to the sum of its channel.
#[inline(always)]
pub(crate) fn add_sums<S: Streams, K: Streams<Item: Copy> + Copy>(
    streams: S,
    apart: usize,
    constants: K,
    sums: &mut [f64],
    f: impl Fn(S::Item, K::Item) -> f64,
) {
    let channels = constants.len();
    for sample in Rows(streams, channels * apart).items() {
        if apart == 1 {
            rows::each(
                (sample, constants, &mut *sums),
                #[inline(always)]
                |(item, k, sum)| *sum += f(item, k),
            );
        } else {
            for ((plane, k), sum) in Rows(sample, apart).items().zip(constants.items()).zip(&mut *sums) {
                *sum += rows::sum(
                    plane,
                    #[inline(always)]
                    |item| f(item, k),
                );
            }
        }
    }
}

/// The same as [`add_sums`] for two sums of each channel; those of all channels follow each other.
#[inline(always)]
pub(crate) fn add_pairs<S: Streams + Copy, K: Streams<Item: Copy> + Copy>(
    streams: S,
    apart: usize,
    constants: K,
    sums: &mut [f64],
    f: impl Fn(S::Item, K::Item) -> (f64, f64),
) {
    let channels = constants.len();
    let (first, second) = sums.split_at_mut(channels);
    for sample in Rows(streams, channels * apart).items() {
        if apart == 1 {
            rows::each(
                (sample, constants, &mut *first, &mut *second),
                #[inline(always)]
                |(item, k, first, second)| {
                    let (a, b) = f(item, k);
                    *first += a;
                    *second += b;
                },
            );
        } else {
            let planes = Rows(sample, apart).items().zip(constants.items());
            for ((plane, k), (first, second)) in planes.zip(first.iter_mut().zip(&mut *second)) {
                *first += rows::sum(
                    plane,
                    #[inline(always)]
                    |item| f(item, k).0,
                );
                *second += rows::sum(
                    plane,
                    #[inline(always)]
                    |item| f(item, k).1,
                );
            }
        }
    }
}

/// Blocks of lines for [`block_sums`] hold about so many numbers.
const BLOCK: usize = 1 << 16;

/// The sums that `add` makes of lines of `width` numbers: of fixed blocks of lines, which are then added from first to
/// last, so that they have the same bits for any number of threads.
pub(crate) fn block_sums<S: Streams>(
    lines: S,
    width: usize,
    partial: &mut Vec<f64>,
    sums: &mut [f64],
    add: impl Fn(S, &mut [f64]) + Copy + Sync,
) {
    let (block, count) = ((BLOCK / width).max(1), sums.len());
    partial.clear();
    partial.resize(lines.len().div_ceil(block) * count, 0.0);
    let blocks = (Rows(lines, block), Rows(&mut partial[..], count));
    split_items(blocks, block * width, &|part: (Rows<S>, Rows<&mut [f64]>)| {
        vectorize_with(
            (part, add),
            #[inline(always)]
            |(part, add)| {
                for (lines, sums) in part.items() {
                    add(lines, sums);
                }
            },
        );
    });
    sums.fill(0.0);
    for partial in partial.chunks_exact(count) {
        for (sum, partial) in sums.iter_mut().zip(partial) {
            *sum += partial;
        }
    }
}
