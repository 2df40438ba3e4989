//! [`Precision`]: the fraction of correct predictions of a class.

use super::{Average, ConfusionMatrix, Metric};
use crate::{Matrix, Result, Scalar};

/// The fraction of predictions of a class that are correct: TP/(TP + FP).
///
/// See [`ConfusionMatrix::precision`], also for networks with one output.
///
/// ```
/// use neuropil::metrics::{Average, Metric, Precision};
/// use ndarray::array;
///
/// let y = array![[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]];
/// let precision = Precision(Average::Class(1)).evaluate(&y, &array![[1.0], [0.0], [0.0], [0.0]])?;
/// assert_eq!(precision, 0.5);
/// # Ok::<(), neuropil::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Precision(pub Average);

impl<A: Scalar> Metric<A> for Precision {
    fn name(&self) -> String {
        format!("precision_{}", self.0)
    }

    fn evaluate(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<f64> {
        self.0.check("Precision", y.ncols())?;
        Ok(ConfusionMatrix::new(y, target)?.precision(self.0))
    }
}
