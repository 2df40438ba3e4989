//! [`log_loss`]: the cross-entropy of predicted probabilities.

use super::{Metric, check_probabilities, truths};
use crate::{Matrix, Result, Scalar};

/// The mean of -ln p over samples, where p is the predicted probability of the true class.
///
/// `y` is (samples, classes), with rows that sum to 1, or (samples, 1) with the probability of class 1; `target` is
/// (samples, 1). Probabilities are clamped to [2.2e-16, 1 - 2.2e-16], as in scikit-learn for `f64`.
///
/// ```
/// use ndarray::array;
///
/// let loss = neuropil::metrics::log_loss(&array![[0.5], [0.25]], &array![[1.0], [0.0]])?;
/// assert_eq!(loss, -(0.5_f64.ln() + 0.75_f64.ln()) / 2.0);
/// # Ok::<(), neuropil::Error>(())
/// ```
///
/// # Errors
/// [`Error::Target`](crate::Error::Target) if the target is not one column of class indices, or outputs are not
/// probabilities: for logits see [`FromLogits`](super::FromLogits). [`Error::NonFinite`](crate::Error::NonFinite) if an
/// output is NaN.
pub fn log_loss<A: Scalar>(y: &Matrix<A>, target: &Matrix<A>) -> Result<f64> {
    let (samples, outputs) = y.dim();
    check_probabilities("LogLoss", y)?;
    let truths = truths("LogLoss", target, samples, outputs.max(2))?;
    let surprise = y.rows().into_iter().zip(truths).map(|(row, truth)| {
        let p = match truth {
            0 if outputs == 1 => 1.0 - row[0].to_f64(),
            _ if outputs == 1 => row[0].to_f64(),
            class => row[class].to_f64(),
        };
        -p.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()
    });
    Ok(surprise.sum::<f64>() / samples as f64)
}

/// The [`log_loss`] as a [`Metric`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogLoss;

impl<A: Scalar> Metric<A> for LogLoss {
    fn name(&self) -> String {
        "log_loss".into()
    }

    fn evaluate(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<f64> {
        log_loss(y, target)
    }

    fn higher_is_better(&self) -> bool {
        false
    }
}
