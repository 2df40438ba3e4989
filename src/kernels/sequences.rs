//! [`Sequences`]: moves the steps of padded sequences.

use ndarray::Array2;

use super::{flat, flat_mut, resize};
use crate::{Matrix, Result, Scalar};

/// Sequences of known lengths in the rows of a matrix, padded to equal numbers of steps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sequences<'a> {
    lengths: &'a [usize],
    /// The number of steps of a padded sequence.
    steps: usize,
    /// The number of steps that [`gather`](Self::gather) keeps in each row; `None` if each step is a row of its own.
    longest: Option<usize>,
}

impl<'a> Sequences<'a> {
    /// To gather each step into a row of its own.
    pub(crate) fn each_step(lengths: &'a [usize], steps: usize) -> Self {
        Self { lengths, steps: steps.max(1), longest: None }
    }

    /// To gather rows that end with the longest sequence.
    pub(crate) fn to_the_longest(lengths: &'a [usize], steps: usize) -> Self {
        let longest = lengths.iter().copied().max().unwrap_or(0).clamp(1, steps.max(1));
        Self { lengths, steps: steps.max(1), longest: Some(longest) }
    }

    /// The number of steps in a row before and after.
    pub(crate) fn steps(&self) -> usize {
        self.steps
    }

    pub(crate) fn kept(&self) -> usize {
        self.longest.unwrap_or(1)
    }

    /// The lengths, one per row.
    pub(crate) fn lengths(&self) -> &'a [usize] {
        self.lengths
    }

    /// The row whose sequence has the step that was gathered into row `at` of its own.
    pub(crate) fn row_of(&self, at: usize) -> usize {
        let ends = (0..self.lengths.len()).scan(0, |end, row| {
            *end += self.length(row);
            Some(*end)
        });
        ends.take_while(|&end| end <= at).count()
    }

    /// Sets the padding of `y` to 0.
    pub(crate) fn clear_padding<A: Scalar>(&self, y: &mut Matrix<A>) {
        let width = y.ncols() / self.steps;
        for (row, y) in flat_mut(y).chunks_exact_mut((self.steps * width).max(1)).enumerate() {
            y[self.length(row) * width..].fill(A::ZERO);
        }
    }

    fn length(&self, row: usize) -> usize {
        self.lengths[row].min(self.steps)
    }

    /// Copies the steps before the padding. What padding is left, in rows of several steps, is 0.
    pub(crate) fn gather<A: Scalar>(&self, from: &Matrix<A>, to: &mut Array2<A>) -> Result<()> {
        let width = from.ncols() / self.steps;
        match self.longest {
            Some(longest) => resize(to, from.nrows(), longest * width)?,
            None => resize(to, (0..from.nrows()).map(|row| self.length(row)).sum(), width)?,
        }
        let (from, mut to) = (flat(from), flat_mut(to));
        for (row, from) in from.chunks_exact((self.steps * width).max(1)).enumerate() {
            let length = self.length(row);
            let (own, rest) = to.split_at_mut(self.longest.unwrap_or(length) * width);
            let (own, padding) = own.split_at_mut(length * width);
            own.copy_from_slice(&from[..length * width]);
            padding.fill(A::ZERO);
            to = rest;
        }
        Ok(())
    }

    /// The inverse of [`gather`](Self::gather), with 0 in padding.
    pub(crate) fn scatter<A: Scalar>(&self, from: &Matrix<A>, to: &mut Matrix<A>) {
        let width = to.ncols() / self.steps;
        let mut from = flat(from);
        for (row, to) in flat_mut(to).chunks_exact_mut((self.steps * width).max(1)).enumerate() {
            let length = self.length(row);
            let (own, rest) = from.split_at(self.longest.unwrap_or(length) * width);
            let (to, padding) = to.split_at_mut(length * width);
            to.copy_from_slice(&own[..length * width]);
            padding.fill(A::ZERO);
            from = rest;
        }
    }
}
