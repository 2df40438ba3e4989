//! Passes over rows whose numbers belong to channels, with constants or sums for each channel; for calling inside
//! [`vectorize`](super::simd::vectorize).
//!
//! With a `stride` of 1 the channels of a position lie side by side (features of samples or of steps); else channel c
//! is plane c of `stride` numbers (images): see [`channels_of`](super::channels_of).

use super::parallel::split_items;
use super::rows::Rows;
use super::simd::{rows, vectorize_with};
use super::streams::Streams;

/// Calls `f` with the items at every position, and with the constants of its channel.
#[inline(always)]
pub(crate) fn each<S: Streams, K: Streams<Item: Copy> + Copy>(
    streams: S,
    stride: usize,
    constants: K,
    f: impl Fn(S::Item, K::Item),
) {
    let channels = constants.len();
    for sample in Rows(streams, channels * stride).items() {
        if stride == 1 {
            rows::each(
                (sample, constants),
                #[inline(always)]
                |(item, k)| f(item, k),
            );
        } else {
            for (plane, k) in Rows(sample, stride).items().zip(constants.items()) {
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
    stride: usize,
    constants: K,
    sums: &mut [f64],
    f: impl Fn(S::Item, K::Item) -> f64,
) {
    let channels = constants.len();
    for sample in Rows(streams, channels * stride).items() {
        if stride == 1 {
            rows::each(
                (sample, constants, &mut *sums),
                #[inline(always)]
                |(item, k, sum)| *sum += f(item, k),
            );
        } else {
            for ((plane, k), sum) in Rows(sample, stride).items().zip(constants.items()).zip(&mut *sums) {
                *sum += rows::sum(
                    plane,
                    #[inline(always)]
                    |item| f(item, k),
                );
            }
        }
    }
}

/// As [`add_sums`], for two sums of each channel: `sums` has the first ones of all channels, then the second ones.
#[inline(always)]
pub(crate) fn add_pairs<S: Streams + Copy, K: Streams<Item: Copy> + Copy>(
    streams: S,
    stride: usize,
    constants: K,
    sums: &mut [f64],
    f: impl Fn(S::Item, K::Item) -> (f64, f64),
) {
    let channels = constants.len();
    let (first, second) = sums.split_at_mut(channels);
    for sample in Rows(streams, channels * stride).items() {
        if stride == 1 {
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
            let planes = Rows(sample, stride).items().zip(constants.items());
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

/// About how many numbers a block of rows in [`block_sums`] holds.
const BLOCK: usize = 1 << 16;

/// The sums that `add` makes of rows of `width` numbers. Each block of rows has sums of its own, which are then added
/// from first to last; the blocks do not depend on the threads, and so neither do the bits.
pub(crate) fn block_sums<S: Streams>(
    rows: S,
    width: usize,
    partial: &mut Vec<f64>,
    sums: &mut [f64],
    add: impl Fn(S, &mut [f64]) + Copy + Sync,
) {
    let (block, count) = ((BLOCK / width).max(1), sums.len());
    partial.clear();
    partial.resize(rows.len().div_ceil(block) * count, 0.0);
    let blocks = (Rows(rows, block), Rows(&mut partial[..], count));
    split_items(blocks, block * width, &|part: (Rows<S>, Rows<&mut [f64]>)| {
        vectorize_with(
            (part, add),
            #[inline(always)]
            |(part, add)| {
                for (rows, sums) in part.items() {
                    add(rows, sums);
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
