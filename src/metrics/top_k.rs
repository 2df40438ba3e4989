//! [`TopK`]: top-k accuracy.

use super::{Metric, SCORES, check_scores, truths};
use crate::error::check_setting;
use crate::{Error, Matrix, Result, Scalar};

/// The fraction of samples whose class is among the k highest scores; NaN for no samples.
///
/// Ties rank the higher class index first, as in scikit-learn.
///
/// ```
/// use neuropil::metrics::{Metric, TopK};
/// use ndarray::array;
///
/// let y = array![[0.5, 0.2, 0.3], [0.1, 0.2, 0.7]];
/// assert_eq!(TopK(2).evaluate(&y, &array![[2.0], [0.0]])?, 0.5);
/// # Ok::<(), neuropil::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopK(pub usize);

impl<A: Scalar> Metric<A> for TopK {
    fn name(&self) -> String {
        format!("top_{}", self.0)
    }

    fn evaluate(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<f64> {
        check_setting("the k of TopK", self.0 as f64, "at least 1", self.0 > 0)?;
        let (samples, classes) = y.dim();
        if classes < 2 {
            let (wants, got) = (SCORES.into(), format!("{samples} x {classes}"));
            return Err(Error::Target { who: "TopK".into(), wants, got, row: None });
        }
        check_scores(y)?;
        let truths = truths("TopK", target, samples, classes)?;
        let found = y.rows().into_iter().zip(truths).filter(|(row, truth)| {
            let own = row[*truth];
            let ahead =
                row.iter().enumerate().filter(|&(class, &score)| score > own || (score == own && class > *truth));
            ahead.count() < self.0
        });
        Ok(found.count() as f64 / samples as f64)
    }
}
