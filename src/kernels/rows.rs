//! [`Rows`]: passes over the rows of several matrices, which may have different widths.

use super::parallel::split_items;
use super::simd::{self, vectorize_with};
use super::streams::Streams;

/// Streams split into rows of a given width (samples, steps, or planes of images); itself a stream of rows. The last
/// row may be shorter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<S>(pub S, pub usize);

impl<S: Streams> Streams for Rows<S> {
    type Item = S;
    #[inline(always)]
    fn len(&self) -> usize {
        self.0.len().div_ceil(self.1.max(1))
    }
    #[inline(always)]
    fn split_at(self, middle: usize) -> (Self, Self) {
        let Self(streams, width) = self;
        let middle = (middle * width).min(streams.len());
        let (before, after) = streams.split_at(middle);
        (Self(before, width), Self(after, width))
    }
    #[inline(always)]
    fn items(self) -> impl Iterator<Item = S> {
        let (rows, width) = (self.len(), self.1);
        let mut rest = Some(self.0);
        (0..rows).map_while(move |_| {
            let streams = rest.take()?;
            let end = width.min(streams.len());
            let (row, after) = streams.split_at(end);
            rest = Some(after);
            Some(row)
        })
    }
    #[inline(always)]
    fn blocks<const N: usize>(self) -> impl Iterator<Item = Self> {
        let width = self.1;
        let whole = self.0.len() / (N * width).max(1) * N;
        let blocks = self.split_at(whole).0;
        Self(blocks.0, N * width).items().map(move |block| Self(block, width))
    }
}

/// Calls `f` with each row of `rows`, a [`Rows`] or a tuple of them, on several threads if that pays; a row takes about
/// `work` operations. Mark `f` `#[inline(always)]`, so that it vectorizes.
#[inline(always)]
pub(crate) fn each_row<S: Streams>(rows: S, work: usize, f: impl Fn(S::Item) + Copy + Sync) {
    split_items(rows, work, &|part: S| {
        vectorize_with(
            (part, f),
            #[inline(always)]
            |(part, f)| simd::rows::each(part, f),
        );
    });
}
