//! [`Perplexity`]: how many tokens a language model hesitates between.

use super::Metric;
use crate::losses::{CrossEntropy, Loss};
use crate::{Matrix, Result, Scalar};

/// exp of the mean [`CrossEntropy`]: a model that is equally unsure between n tokens has perplexity n. NaN for no
/// samples.
///
/// Outputs, targets and settings are those of the loss: `y` is (samples, predictions·classes) with logits, `target`
/// (samples, predictions) with labels. Padded steps have a label that is ignored.
///
/// ```
/// use neuropil::losses::CrossEntropy;
/// use neuropil::metrics::{Metric, Perplexity};
/// use ndarray::array;
///
/// // Two steps of four classes; the second step is padding.
/// let metric = Perplexity(CrossEntropy::new().classes(4).ignore_index(-1));
/// let perplexity = metric.evaluate(&array![[0.0, 0.0, 0.0, 0.0, 9.0, 0.0, 0.0, 0.0]], &array![[2.0, -1.0]])?;
/// assert!((perplexity - 4.0_f64).abs() < 1e-14);
/// # Ok::<(), neuropil::Error>(())
/// ```
///
/// # Errors
/// Those of [`CrossEntropy`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Perplexity(pub CrossEntropy);

impl<A: Scalar> Metric<A> for Perplexity {
    fn name(&self) -> String {
        "perplexity".into()
    }

    fn evaluate(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<f64> {
        let mean = self.0.evaluate(y, target)?.to_f64();
        Ok(if y.nrows() == 0 { f64::NAN } else { mean.exp() })
    }

    fn higher_is_better(&self) -> bool {
        false
    }

    fn check(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
        self.0.check(y, target)
    }
}
