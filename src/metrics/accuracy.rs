//! [`accuracy`]: the fraction of correct predictions.

use super::{Metric, answers};
use crate::{Matrix, Result, Scalar};

/// The fraction of samples whose class has the highest score; NaN for no samples.
///
/// `y` is (samples, classes), `target` (samples, 1).
///
/// ```
/// use ndarray::array;
///
/// let y = array![[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]];
/// let right = neuropil::metrics::accuracy(&y, &array![[1.0], [0.0], [0.0], [0.0]])?;
/// assert_eq!(right, 0.75);
/// # Ok::<(), neuropil::Error>(())
/// ```
///
/// # Errors
/// [`Error::Target`](crate::Error::Target) if the target is not one column of class indices, or the outputs do not have
/// one score per class, for at least two classes; [`Error::NonFinite`](crate::Error::NonFinite) if a score is NaN.
pub fn accuracy<A: Scalar>(y: &Matrix<A>, target: &Matrix<A>) -> Result<f64> {
    let answers = answers("accuracy", y, target)?;
    let right = answers.iter().filter(|(truth, answer)| truth == answer).count();
    Ok(right as f64 / answers.len() as f64)
}

/// The [`accuracy`] as a [`Metric`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Accuracy;

impl<A: Scalar> Metric<A> for Accuracy {
    fn name(&self) -> String {
        "accuracy".into()
    }

    fn evaluate(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<f64> {
        accuracy(y, target)
    }
}
