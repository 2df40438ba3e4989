//! [`ConfusionMatrix`]: which classes are taken for which.

use std::fmt;

use ndarray::Array2;

use super::answers;
use crate::{Matrix, Result, Scalar};

/// How often samples of each class (row) were answered with each class (column).
///
/// ```
/// use neuropil::metrics::ConfusionMatrix;
/// use ndarray::array;
///
/// let y = array![[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]];
/// let confusion = ConfusionMatrix::new(&y, &array![[1.0], [0.0], [0.0], [0.0]])?;
/// assert_eq!(confusion.counts(), array![[2, 1], [0, 1]]);
/// println!("{confusion}"); // a table
/// # Ok::<(), neuropil::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfusionMatrix {
    counts: Array2<usize>,
}

impl ConfusionMatrix {
    /// Counts the answers in `y`, (samples, classes), for the `target`, (samples, 1).
    ///
    /// # Errors
    /// [`Error::Target`](crate::Error::Target) when the target is not one column of class indices, or the outputs have not
    /// a score for each of two or more classes; [`Error::NonFinite`](crate::Error::NonFinite) when a score is NaN.
    pub fn new<A: Scalar>(y: &Matrix<A>, target: &Matrix<A>) -> Result<Self> {
        let answers = answers("ConfusionMatrix", y, target)?;
        let mut counts = Array2::zeros((y.ncols(), y.ncols()));
        for answer in answers {
            counts[answer] += 1;
        }
        Ok(Self { counts })
    }

    /// (classes, classes): entry (i, j) counts the samples of class i that were answered with j.
    pub fn counts(&self) -> &Array2<usize> {
        &self.counts
    }
}

/// A table with the classes of the truth downwards, those of the answers to the right, and dots for zeros.
impl fmt::Display for ConfusionMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = self.counts.iter().copied().chain([self.counts.nrows()]).max().unwrap_or(0);
        let width = widest.to_string().len() + 1;
        let first = "truth".len();
        write!(f, "truth")?;
        for class in 0..self.counts.ncols() {
            write!(f, " {class:>width$}")?;
        }
        for (class, row) in self.counts.rows().into_iter().enumerate() {
            write!(f, "\n{class:>first$}")?;
            for &count in row {
                if count == 0 { write!(f, " {:>width$}", ".")? } else { write!(f, " {count:>width$}")? }
            }
        }
        Ok(())
    }
}
