//! Splits long passes over the threads of the current rayon pool.

use std::ops::Range;

use super::simd::{Streams, rows, vectorize_with};

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
    split_lines(Lines::new(streams, width), width, &|part: Lines<S>| f(part.streams));
}

/// The same as [`split`] for streams at whose positions there is more than a number: about `width` numbers each.
pub(crate) fn split_lines<S: Streams>(lines: S, width: usize, f: &(impl Fn(S) + Sync)) {
    let threads = threads(lines.len().saturating_mul(width));
    split_lines_between(lines, width, threads, f);
}

fn split_lines_between<S: Streams>(lines: S, width: usize, threads: usize, f: &(impl Fn(S) + Sync)) {
    let len = lines.len();
    if threads < 2 || len < 2 || len * width < 2 * GRAIN {
        return f(lines);
    }
    let few = threads / 2;
    let (left, right) = lines.split_at((len / threads * few).max(1));
    both(true, || split_lines_between(left, width, few, f), || split_lines_between(right, width, threads - few, f));
}

/// Calls `f` with the items at every position of `lines`, in vector instructions: mark it `#[inline(always)]`.
#[inline(always)]
pub(crate) fn each_line<S: Streams>(lines: S, width: usize, f: impl Fn(S::Item) + Copy + Sync) {
    split_lines(lines, width, &|part: S| {
        vectorize_with(
            (part, f),
            #[inline(always)]
            |(part, f)| rows::each(part, f),
        );
    });
}

/// Streams cut into lines of `width` positions: a stream itself, with a line at each position. So matrices of different
/// widths can be gone through together, row by row. The last line is shorter if there is not enough for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lines<S> {
    pub(crate) streams: S,
    width: usize,
}

impl<S: Streams> Lines<S> {
    #[inline(always)]
    pub(crate) fn new(streams: S, width: usize) -> Self {
        Self { streams, width: width.max(1) }
    }
}

impl<S: Streams> Streams for Lines<S> {
    type Item = S;
    #[inline(always)]
    fn len(&self) -> usize {
        self.streams.len().div_ceil(self.width)
    }
    #[inline(always)]
    fn split_at(self, middle: usize) -> (Self, Self) {
        let Self { streams, width } = self;
        let middle = (middle * width).min(streams.len());
        let (before, after) = streams.split_at(middle);
        (Self { streams: before, width }, Self { streams: after, width })
    }
    #[inline(always)]
    fn items(self) -> impl Iterator<Item = S> {
        let Self { streams, width } = self;
        let mut rest = Some(streams);
        std::iter::from_fn(move || {
            let streams = rest.take().filter(|streams| streams.len() > 0)?;
            let middle = width.min(streams.len());
            let (line, after) = streams.split_at(middle);
            rest = Some(after);
            Some(line)
        })
    }
    #[inline(always)]
    fn blocks<const N: usize>(self) -> impl Iterator<Item = Self> {
        let width = self.width;
        let whole = self.streams.len() / (N * width) * N;
        let blocks = Lines::new(self.split_at(whole).0.streams, N * width);
        blocks.items().map(move |streams| Self { streams, width })
    }
}

/// So many multiplications or moves are worth a thread of their own.
const PER_THREAD: usize = 1 << 19;

/// In how many parts to do `items` things of `work` operations each.
pub(crate) fn parts(items: usize, work: usize) -> usize {
    #[cfg(feature = "parallel")]
    {
        let affordable = items.saturating_mul(work) / PER_THREAD;
        if affordable >= 2 {
            return affordable.min(rayon::current_num_threads()).min(items).max(1);
        }
    }
    let _ = (items, work, PER_THREAD);
    1
}

/// What [`share`] gives to a part: a slice with so many numbers an item; of the last item some may be missing.
#[derive(Debug)]
pub(crate) struct Shared<'a, T>(pub &'a mut [T], pub usize);

impl<T> Shared<'_, T> {
    fn split(self, items: usize) -> (Self, Self) {
        let (left, right) = self.0.split_at_mut(self.0.len().min(items.saturating_mul(self.1)));
        (Shared(left, self.1), Shared(right, self.1))
    }
}

/// Calls `f` once for each of `scratch`, on several threads, with a run of the items and what these have of `a` and `b`.
pub(crate) fn share<P: Send, Q: Send, T: Send>(
    items: Range<usize>,
    a: Shared<'_, P>,
    b: Shared<'_, Q>,
    scratch: &mut [T],
    f: &(impl Fn(Range<usize>, &mut [P], &mut [Q], &mut T) + Sync),
) {
    if let [scratch] = scratch {
        return f(items, a.0, b.0, scratch);
    }
    let middle = scratch.len() / 2;
    let left = items.len() * middle / scratch.len();
    let (scratch_left, scratch_right) = scratch.split_at_mut(middle);
    let ((a_left, a_right), (b_left, b_right)) = (a.split(left), b.split(left));
    let (from, to) = (items.start, items.end);
    both(
        true,
        || share(from..from + left, a_left, b_left, scratch_left, f),
        || share(from + left..to, a_right, b_right, scratch_right, f),
    );
}
