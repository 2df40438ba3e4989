//! Splits long passes over the threads of the current rayon pool.

use super::simd::Streams;

/// A thread gets at least this many positions.
const GRAIN: usize = 1 << 16;

/// Calls `f` on all of `streams`, in parts on several threads if that pays.
#[inline(always)]
pub(crate) fn split<S: Streams>(streams: S, f: &(impl Fn(S) + Sync)) {
    match threads(streams.len()) {
        1 => f(streams),
        threads => split_between(streams, threads, f),
    }
}

fn split_between<S: Streams>(streams: S, threads: usize, f: &(impl Fn(S) + Sync)) {
    let len = streams.len();
    if threads < 2 || len < 2 * GRAIN {
        return f(streams);
    }
    let few = threads / 2;
    // Two threads should not write to one cache line.
    let (left, right) = streams.split_at((len / threads * few).next_multiple_of(64));
    both(true, || split_between(left, few, f), || split_between(right, threads - few, f));
}

/// Joins `f` of blocks of `streams` as a tree whose form depends on the length alone.
#[inline(always)]
pub(crate) fn fold<S: Streams>(
    streams: S,
    block: usize,
    f: &(impl Fn(S) -> f64 + Sync),
    join: impl Fn(f64, f64) -> f64 + Sync + Copy,
) -> f64 {
    let threads = threads(streams.len());
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
    let apart = threads > 1 && left.len() >= GRAIN;
    let few = threads / 2;
    let (left, right) =
        both(apart, || fold_between(left, block, few, f, join), || fold_between(right, block, threads - few, f, join));
    join(left, right)
}

/// How many threads there are for a pass over `len` positions; a short one does not even ask the pool.
#[inline(always)]
pub(crate) fn threads(len: usize) -> usize {
    #[cfg(feature = "parallel")]
    if len >= 2 * GRAIN {
        return rayon::current_num_threads();
    }
    let _ = len;
    1
}

/// Calls two functions, each on a thread of its own if they are to run `apart`.
pub(crate) fn both<R: Send>(apart: bool, a: impl FnOnce() -> R + Send, b: impl FnOnce() -> R + Send) -> (R, R) {
    #[cfg(feature = "parallel")]
    if apart {
        return rayon::join(a, b);
    }
    let _ = apart;
    (a(), b())
}

/// The same as [`split`], in parts that hold whole rows of `width` positions.
pub(crate) fn split_rows<S: Streams>(streams: S, width: usize, f: &(impl Fn(S) + Sync)) {
    #[cfg(not(feature = "parallel"))]
    let _ = width;
    #[cfg(feature = "parallel")]
    if streams.len() >= 2 * GRAIN {
        return split_rows_between(streams, width, rayon::current_num_threads(), f);
    }
    f(streams);
}

#[cfg(feature = "parallel")]
fn split_rows_between<S: Streams>(streams: S, width: usize, threads: usize, f: &(impl Fn(S) + Sync)) {
    let rows = streams.len() / width;
    if threads < 2 || rows < 2 || streams.len() < 2 * GRAIN {
        return f(streams);
    }
    let (left, right) = streams.split_at((rows / threads * (threads / 2)).max(1) * width);
    rayon::join(
        || split_rows_between(left, width, threads / 2, f),
        || split_rows_between(right, width, threads - threads / 2, f),
    );
}
