//! Passes with constants or sums per channel, to be called inside [`vectorize`](super::simd::vectorize).
//!
//! With a `stride` of 1 the channels of a position are contiguous (features of samples or steps); otherwise channel c
//! is plane c of `stride` elements (images): see [`channels_of`](super::channels_of).

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

/// Adds the results of `f` to the sum of each channel.
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

/// Like [`add_sums`], for two sums per channel: `sums` has the first of all channels, then the second.
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

/// The approximate size of a block of rows in [`block_sums`].
const BLOCK: usize = 1 << 16;

/// The sums of rows of `width` elements by `add`. Blocks of rows are summed separately, then added in order; blocks do
/// not depend on the number of threads, so results are bitwise identical for any number.
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
