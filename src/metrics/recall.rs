//! [`Recall`]: the fraction of samples of a class that are found.

use super::{Average, ConfusionMatrix, Metric};
use crate::{Matrix, Result, Scalar};

/// The fraction of samples of a class that are found: TP/(TP + FN).
///
/// See [`ConfusionMatrix::recall`], also for networks with one output.
///
/// ```
/// use neuropil::metrics::{Average, Metric, Recall};
/// use ndarray::array;
///
/// let y = array![[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]];
/// let recall = Recall(Average::Class(1)).evaluate(&y, &array![[1.0], [0.0], [0.0], [0.0]])?;
/// assert_eq!(recall, 1.0);
/// # Ok::<(), neuropil::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recall(pub Average);

impl<A: Scalar> Metric<A> for Recall {
    fn name(&self) -> String {
        format!("recall_{}", self.0)
    }

    fn evaluate(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<f64> {
        self.0.check("Recall", y.ncols())?;
        Ok(ConfusionMatrix::new(y, target)?.recall(self.0))
    }
}
