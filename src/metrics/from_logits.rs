//! [`FromLogits`]: metrics of probabilities for networks that output logits.

use ndarray::Array2;

use super::Metric;
use crate::{Matrix, Result, Scalar};

/// A metric of probabilities, such as [`LogLoss`](super::LogLoss) and [`RocAuc`](super::RocAuc), applied to logits,
/// such as the outputs for [`CrossEntropy`](crate::losses::CrossEntropy) and
/// [`BceWithLogits`](crate::losses::BceWithLogits).
///
/// Applies a softmax to rows, or a sigmoid to a single column, in `f64`.
///
/// ```
/// use neuropil::metrics::{FromLogits, LogLoss, Metric};
/// use ndarray::array;
///
/// let loss = FromLogits(LogLoss).evaluate(&array![[3.0, 3.0], [0.0, -800.0]], &array![[1.0], [0.0]])?;
/// assert!((loss - 2.0_f64.ln() / 2.0).abs() < 1e-15);
/// # Ok::<(), neuropil::Error>(())
/// ```
///
/// # Errors
/// Those of the metric; [`Error::NonFinite`](crate::Error::NonFinite) also if the maximum of a row is infinite.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FromLogits<M>(pub M);

impl<A: Scalar, M: Metric<f64>> Metric<A> for FromLogits<M> {
    fn name(&self) -> String {
        self.0.name()
    }

    fn evaluate(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<f64> {
        self.0.evaluate(&probabilities(y), &target.mapv(A::to_f64))
    }

    fn higher_is_better(&self) -> bool {
        self.0.higher_is_better()
    }

    fn check(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
        self.0.check(&probabilities(y), &target.mapv(A::to_f64))
    }
}

/// The softmax of each row, or the sigmoid of a single column; NaN where an output is NaN, or the maximum of a row is
/// infinite.
fn probabilities<A: Scalar>(y: &Matrix<A>) -> Array2<f64> {
    let mut p = y.mapv(A::to_f64);
    if p.ncols() == 1 {
        p.mapv_inplace(Scalar::sigmoid);
        return p;
    }
    for mut row in p.rows_mut() {
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, Scalar::maximum);
        row.mapv_inplace(|x| Scalar::exp(x - largest));
        let sum = row.sum();
        row /= sum;
    }
    p
}
