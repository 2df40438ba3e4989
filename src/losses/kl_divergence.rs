//! [`KlDivergence`]: how far one distribution is from another.

use crate::losses::{Loss, pointwise::rows};
use crate::{Matrix, Scalar};

/// The Kullback-Leibler divergence of a wanted distribution t from log-probabilities y: Σ t·(ln t - y).
///
/// The outputs are logarithms of probabilities, such as [`LogSoftmax`](crate::layers::LogSoftmax) gives; the target
/// holds probabilities, or after [`log_target`](Self::log_target) logarithms as well. Where t = 0 the loss is 0. Its slope is
/// -t: the loss differs from a cross-entropy only by the target's own entropy.
///
/// As in `PyTorch`, the mean is over all numbers, which is not the divergence that textbooks mean: that is the sum over
/// a row, averaged over the samples, and [`batch_mean`](Self::batch_mean) gives it.
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
/// Evaluating it is [`Error::Target`](crate::Error::Target) unless target and outputs have the same shape.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KlDivergence {
    log_target: bool,
    batch_mean: bool,
}

impl KlDivergence {
    /// The divergence from probabilities, averaged over all numbers.
    pub fn new() -> Self {
        Self::default()
    }

    /// The targets are logarithms of probabilities, too.
    pub fn log_target(mut self) -> Self {
        self.log_target = true;
        self
    }

    /// The mean divides by the number of samples: the true divergence.
    pub fn batch_mean(mut self) -> Self {
        self.batch_mean = true;
        self
    }
}

/// t·(ln t - y), and its derivative by y.
#[inline(always)]
fn terms<A: Scalar>(y: A, t: A, log_t: A) -> (A, A) {
    // For t = 0 the limit, even where y is -∞; only NaN stays.
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
