//! Splits long passes over the threads of the current rayon pool.

use std::ops::Range;

use super::streams::Streams;

/// The minimum number of positions per thread.
const GRAIN: usize = 1 << 16;

/// Calls `f` on all of `streams`, split over threads if that pays.
#[inline(always)]
pub(crate) fn split<S: Streams>(streams: S, f: &(impl Fn(S) + Sync)) {
    match threads(streams.len()) {
        1 => f(streams),
        threads => split_between(streams, threads, f),
    }
}

// From here on, `f` is dynamic, so that these functions are compiled once per kind of streams, not once per pass.
fn split_between<S: Streams>(streams: S, threads: usize, f: &(dyn Fn(S) + Sync)) {
    let len = streams.len();
    if threads < 2 || len < 2 * GRAIN {
        return f(streams);
    }
    let few = threads / 2;
    // Threads should not share cache lines.
    let (left, right) = streams.split_at((len / threads * few).next_multiple_of(64));
    both(true, || split_between(left, few, f), || split_between(right, threads - few, f));
}

/// Reduces the results of `f` on blocks of `streams` by a tree whose shape depends only on the length.
#[inline(always)]
pub(crate) fn fold<S: Streams>(
    streams: S,
    block: usize,
    f: &(impl Fn(S) -> f64 + Sync),
    join: impl Fn(f64, f64) -> f64 + Sync,
) -> f64 {
    if streams.len() <= block {
        return f(streams);
    }
    let threads = threads(streams.len());
    fold_between(streams, block, threads, f, &join)
}

fn fold_between<S: Streams>(
    streams: S,
    block: usize,
    threads: usize,
    f: &(dyn Fn(S) -> f64 + Sync),
    join: &(dyn Fn(f64, f64) -> f64 + Sync),
) -> f64 {
    let blocks = streams.len().div_ceil(block);
    if blocks < 2 {
        return f(streams);
    }
    let (left, right) = streams.split_at(blocks / 2 * block);
    let parallel = threads > 1 && left.len() >= GRAIN;
    let few = threads / 2;
    let (left, right) = both(
        parallel,
        || fold_between(left, block, few, f, join),
        || fold_between(right, block, threads - few, f, join),
    );
    join(left, right)
}

/// The number of threads for a pass over `len` positions; a short one does not query the pool.
#[inline(always)]
pub(crate) fn threads(len: usize) -> usize {
    #[cfg(feature = "parallel")]
    if len >= 2 * GRAIN {
        return rayon::current_num_threads();
    }
    let _ = len;
    1
}

/// Calls two functions, in `parallel` or sequentially.
pub(crate) fn both<R: Send>(parallel: bool, a: impl FnOnce() -> R + Send, b: impl FnOnce() -> R + Send) -> (R, R) {
    #[cfg(feature = "parallel")]
    if parallel {
        let (mut a, mut b) = (Pending(Some(a), None), Pending(Some(b), None));
        join(&mut a, &mut b);
        return (a.1.expect("it was called"), b.1.expect("it was called"));
    }
    let _ = parallel;
    (a(), b())
}

/// A function to call once, and its result.
#[cfg(feature = "parallel")]
struct Pending<F, R>(Option<F>, Option<R>);

#[cfg(feature = "parallel")]
trait Call: Send {
    fn call(&mut self);
}

#[cfg(feature = "parallel")]
impl<R: Send, F: FnOnce() -> R + Send> Call for Pending<F, R> {
    fn call(&mut self) {
        self.1 = self.0.take().map(|f| f());
    }
}

/// Not generic, so that the pool's code is compiled once, not for each pass.
#[cfg(feature = "parallel")]
fn join(a: &mut dyn Call, b: &mut dyn Call) {
    rayon::join(|| a.call(), || b.call());
}

/// Like [`split`], for items of `work` operations each, such as rows.
#[inline(always)]
pub(crate) fn split_items<S: Streams>(streams: S, work: usize, f: &(impl Fn(S) + Sync)) {
    match threads(streams.len().saturating_mul(work)) {
        1 => f(streams),
        threads => split_items_between(streams, work, threads, f),
    }
}

fn split_items_between<S: Streams>(streams: S, work: usize, threads: usize, f: &(dyn Fn(S) + Sync)) {
    let len = streams.len();
    if threads < 2 || len < 2 || len * work < 2 * GRAIN {
        return f(streams);
    }
    let few = threads / 2;
    let (left, right) = streams.split_at((len / threads * few).max(1));
    both(true, || split_items_between(left, work, few, f), || split_items_between(right, work, threads - few, f));
}

/// The minimum multiplications or moves per thread.
const PER_THREAD: usize = 1 << 19;

/// The number of parts in which to process `items` of `work` operations each.
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

/// A slice that [`share`] splits, and its elements per item; the last item may have fewer.
#[derive(Debug)]
pub(crate) struct Shared<'a, T>(pub &'a mut [T], pub usize);

impl<T> Shared<'_, T> {
    fn split(self, items: usize) -> (Self, Self) {
        let (left, right) = self.0.split_at_mut(self.0.len().min(items.saturating_mul(self.1)));
        (Shared(left, self.1), Shared(right, self.1))
    }
}

/// Calls `f` once for each of `scratch`, on several threads, with a range of items and their parts of `a` and `b`.
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
