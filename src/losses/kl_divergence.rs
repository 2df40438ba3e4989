//! [`KlDivergence`]: the Kullback-Leibler divergence.

use crate::losses::{Loss, pointwise::rows};
use crate::{Matrix, Scalar};

/// The Kullback-Leibler divergence of a target distribution t from log-probabilities y: Σ t·(ln t - y).
///
/// The outputs are log-probabilities, such as those of [`LogSoftmax`](crate::layers::LogSoftmax); the target holds
/// probabilities, or log-probabilities with [`log_target`](Self::log_target). The loss is 0 where t = 0. Its derivative
/// is -t. The loss differs from the cross-entropy only by the entropy of the target.
///
/// As in `PyTorch`, the mean is over all elements. Use [`batch_mean`](Self::batch_mean) for the mathematical
/// definition, the sum over a row averaged over samples.
///
/// From S. Kullback and R. A. Leibler, "On Information and Sufficiency" (1951).
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let log_p = array![[0.5, 0.5]].mapv(f64::ln);
/// let loss = KlDivergence::new().batch_mean();
/// assert_eq!(loss.evaluate(&log_p, &array![[0.5, 0.5]])?, 0.0);
/// assert_eq!(loss.evaluate(&log_p, &array![[1.0, 0.0]])?, std::f64::consts::LN_2);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// [`Error::Target`](crate::Error::Target) unless target and outputs have the same shape.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KlDivergence {
    log_target: bool,
    batch_mean: bool,
}

impl KlDivergence {
    /// Creates a loss on target probabilities, averaged over all elements.
    pub fn new() -> Self {
        Self::default()
    }

    /// Interprets targets as log-probabilities.
    pub fn log_target(mut self) -> Self {
        self.log_target = true;
        self
    }

    /// Divides by the number of samples instead of elements.
    pub fn batch_mean(mut self) -> Self {
        self.batch_mean = true;
        self
    }
}

/// t·(ln t - y), and its derivative with respect to y.
#[inline(always)]
fn terms<A: Scalar>(y: A, t: A, log_t: A) -> (A, A) {
    // The limit for t = 0, even where y is -∞; NaN propagates.
    let nothing = if y.is_nan() { y } else { A::ZERO };
    let value = t * (log_t - y);
    (if t == A::ZERO { nothing } else { value }, -t)
}

impl<A: Scalar> Loss<A> for KlDivergence {
    fn rows(&self, y: &Matrix<A>, target: &Matrix<A>, loss: &mut [A], dy: Option<&mut Matrix<A>>) {
        if self.log_target {
            rows(
                y,
                target,
                loss,
                dy,
                #[inline(always)]
                |y, log_t| terms(y, log_t.exp(), log_t),
            );
        } else {
            rows(
                y,
                target,
                loss,
                dy,
                #[inline(always)]
                |y, t| terms(y, t, t.ln()),
            );
        }
    }

    fn counts(&self, y: &Matrix<A>, _: &Matrix<A>, counts: &mut [A]) {
        counts.fill(if self.batch_mean { A::ONE } else { A::of(y.ncols() as f64) });
    }
}
