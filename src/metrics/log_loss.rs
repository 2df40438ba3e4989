//! [`log_loss`]: how surprised probabilities are by the truth.

use super::{Metric, check_probabilities, truths};
use crate::{Matrix, Result, Scalar};

/// The mean of -ln p over the samples, where p is the probability that `y` gives to the sample's class.
///
/// `y` is (samples, classes), each row adding up to 1, or (samples, 1) with the probability of class 1; `target` is
/// (samples, 1). Probabilities are kept 2.2e-16 away from 0 and 1, as scikit-learn does for `f64`.
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
/// [`Error::Target`](crate::Error::Target) when the target is not one column of class indices, or outputs are not
/// probabilities: of logits see [`FromLogits`](super::FromLogits). [`Error::NonFinite`](crate::Error::NonFinite) when an
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
