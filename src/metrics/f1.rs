//! [`F1`]: the harmonic mean of precision and recall.

use super::{Average, ConfusionMatrix, Metric};
use crate::{Matrix, Result, Scalar};

/// The harmonic mean of precision and recall: 2·TP/(2·TP + FP + FN).
///
/// See [`ConfusionMatrix::f1`], also for networks with one output.
///
/// ```
/// use neuropil::metrics::{Average, Metric, F1};
/// use ndarray::array;
///
/// let y = array![[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]];
/// let f1 = F1(Average::Class(1)).evaluate(&y, &array![[1.0], [0.0], [0.0], [0.0]])?;
/// assert_eq!(f1, 2.0 / 3.0);
/// # Ok::<(), neuropil::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct F1(pub Average);

impl<A: Scalar> Metric<A> for F1 {
    fn name(&self) -> String {
        format!("f1_{}", self.0)
    }

    fn evaluate(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<f64> {
        self.0.check("F1", y.ncols())?;
        Ok(ConfusionMatrix::new(y, target)?.f1(self.0))
    }
}
