//! Splits long passes over the threads of the current rayon pool.

use super::simd::Streams;

/// A thread gets at least this many positions.
#[cfg(feature = "parallel")]
const GRAIN: usize = 1 << 16;

/// Calls `f` on all of `streams`, in parts on several threads if that pays.
#[inline(always)]
pub(crate) fn split<S: Streams>(streams: S, f: &(impl Fn(S) + Sync)) {
    #[cfg(feature = "parallel")]
    if streams.len() >= 2 * GRAIN {
        return split_between(streams, rayon::current_num_threads(), f);
    }
    f(streams);
}

#[cfg(feature = "parallel")]
fn split_between<S: Streams>(streams: S, threads: usize, f: &(impl Fn(S) + Sync)) {
    let len = streams.len();
    if threads < 2 || len < 2 * GRAIN {
        return f(streams);
    }
    // A multiple of 64 positions: two threads do not write to one cache line.
    let middle = (len / threads * (threads / 2)).next_multiple_of(64);
    let (left, right) = streams.split_at(middle);
    rayon::join(|| split_between(left, threads / 2, f), || split_between(right, threads - threads / 2, f));
}

/// Folds `f` of blocks of `streams` as a tree whose form depends on the length alone.
#[inline(always)]
pub(crate) fn fold<S: Streams>(
    streams: S,
    block: usize,
    f: &(impl Fn(S) -> f64 + Sync),
    join: impl Fn(f64, f64) -> f64 + Sync + Copy,
) -> f64 {
    #[cfg(feature = "parallel")]
    let threads = if streams.len() >= 2 * GRAIN { rayon::current_num_threads() } else { 1 };
    #[cfg(not(feature = "parallel"))]
    let threads = 1;
    fold_between(streams, block, threads, f, join)
}

fn fold_between<S: Streams>(
    streams: S,
    block: usize,
    threads: usize,
    f: &(impl Fn(S) -> f64 + Sync),
    join: impl Fn(f64, f64) -> f64 + Sync + Copy,
) -> f64 {
    let blocks = streams.len().div_ceil(block);
    if blocks < 2 {
        return f(streams);
    }
    let (left, right) = streams.split_at(blocks / 2 * block);
    #[cfg(feature = "parallel")]
    if threads > 1 && left.len() >= GRAIN {
        let (left, right) = rayon::join(
            || fold_between(left, block, threads / 2, f, join),
            || fold_between(right, block, threads - threads / 2, f, join),
        );
        return join(left, right);
    }
    join(fold_between(left, block, threads, f, join), fold_between(right, block, threads, f, join))
}
