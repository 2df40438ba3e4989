//! [`each_row`]: a pass over rows of several matrices side by side, which may be of different widths.

use super::{parallel, simd};
use simd::Streams;

/// A stream whose items are rows of so many positions: samples, or the planes of images.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<S>(pub S, pub usize);

impl<S: Streams> Streams for Rows<S> {
    type Item = S;
    #[inline(always)]
    fn len(&self) -> usize {
        self.0.len() / self.1.max(1)
    }
    #[inline(always)]
    fn split_at(self, middle: usize) -> (Self, Self) {
        let (left, right) = self.0.split_at(middle * self.1);
        (Self(left, self.1), Self(right, self.1))
    }
    #[inline(always)]
    fn items(self) -> impl Iterator<Item = S> {
        let (rows, width) = (self.len(), self.1);
        let mut rest = Some(self.0);
        (0..rows).map_while(move |_| {
            let (row, after) = rest.take()?.split_at(width);
            rest = Some(after);
            Some(row)
        })
    }
    #[inline(always)]
    fn blocks<const N: usize>(self) -> impl Iterator<Item = Self> {
        let width = self.1;
        Rows(self.0, N * width).items().map(move |block| Self(block, width))
    }
}

/// Calls `f` with each row of `rows`, a [`Rows`] or a tuple of them, with vector instructions; in parts on several
/// threads if that pays, when a row takes `work` moves.
#[inline(always)]
pub(crate) fn each_row<S: Streams>(rows: S, work: usize, f: impl Fn(S::Item) + Copy + Sync) {
    parallel::split_lines(rows, work, &|part: S| {
        let mut part = Some(part);
        simd::vectorize(
            #[inline(always)]
            || {
                if let Some(part) = part.take() {
                    simd::rows::each(part, f);
                }
            },
        );
    });
}
