//! [`BinaryAccuracy`]: accuracy for networks with one output.

use super::{ConfusionMatrix, Metric};
use crate::{Matrix, Result, Scalar};

/// The fraction of samples whose class is predicted correctly, as 1 if the output is above the threshold, else 0; NaN
/// for no samples.
///
/// ```
/// use neuropil::metrics::{BinaryAccuracy, Metric};
/// use ndarray::array;
///
/// let right = BinaryAccuracy::LOGITS.evaluate(&array![[3.0], [-0.5], [0.1]], &array![[1.0], [0.0], [0.0]])?;
/// assert_eq!(right, 2.0 / 3.0);
/// # Ok::<(), neuropil::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BinaryAccuracy {
    /// Outputs above this threshold predict class 1.
    pub threshold: f64,
}

impl BinaryAccuracy {
    /// The threshold 0.5, for probabilities.
    pub const PROBABILITIES: Self = Self { threshold: 0.5 };
    /// The threshold 0, for logits.
    pub const LOGITS: Self = Self { threshold: 0.0 };
}

impl<A: Scalar> Metric<A> for BinaryAccuracy {
    fn name(&self) -> String {
        "accuracy".into()
    }

    fn evaluate(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<f64> {
        Ok(ConfusionMatrix::binary(y, target, self.threshold)?.accuracy())
    }
}
