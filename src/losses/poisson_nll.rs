//! [`PoissonNll`]: the Poisson negative log-likelihood, for predicted rates of counts.

use crate::error::check_setting;
use crate::losses::Pointwise;
use crate::{Matrix, Result, Scalar};

/// The negative log-likelihood of counts t under a Poisson distribution, averaged over all elements.
///
/// The outputs y are log-rates: eʸ - t·y. With [`rate`](Self::rate) they are rates: y - t·ln(y + ε) with ε = 10⁻⁸. The
/// constant ln t! is omitted; [`full`](Self::full) adds Stirling's approximation, t·ln t - t + ln(2πt)/2, where t > 1.
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let (log_rate, count) = (array![[0.0]], array![[3.0]]);
/// assert_eq!(PoissonNll::new().evaluate(&log_rate, &count)?, 1.0);
/// assert_eq!(PoissonNll::new().gradient(&log_rate, &count)?, array![[-2.0]]);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// [`Error::Setting`](crate::Error::Setting) for an ε that is negative or not finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PoissonNll {
    rate: bool,
    full: bool,
    eps: f64,
}

impl PoissonNll {
    /// Creates a loss on log-rates, without the constant term.
    pub fn new() -> Self {
        Self { rate: false, full: false, eps: 1e-8 }
    }

    /// Interprets outputs as rates; use a [`Softplus`](crate::activations::Softplus) to keep them positive.
    pub fn rate(mut self) -> Self {
        self.rate = true;
        self
    }

    /// Adds the approximation of ln t!, which does not affect the gradient.
    pub fn full(mut self) -> Self {
        self.full = true;
        self
    }

    /// Sets ε, which is added to a rate before the logarithm; 1e-8 by default.
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }
}

impl Default for PoissonNll {
    fn default() -> Self {
        Self::new()
    }
}

impl Pointwise for PoissonNll {
    #[inline(always)]
    fn value<A: Scalar>(&self, y: A, t: A) -> A {
        let value = if self.rate { y - t * (y + A::of(self.eps)).ln() } else { y.exp() - t * y };
        if !self.full {
            return value;
        }
        let stirling = t * t.ln() - t + A::of(0.5) * (A::of(std::f64::consts::TAU) * t).ln();
        if t > A::ONE { value + stirling } else { value }
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, y: A, t: A) -> A {
        if self.rate { A::ONE - t / (y + A::of(self.eps)) } else { y.exp() - t }
    }

    fn domain<A: Scalar>(&self, _: &Matrix<A>, _: &Matrix<A>) -> Result<()> {
        let ok = self.eps >= 0.0 && self.eps.is_finite();
        check_setting("PoissonNll's eps", self.eps, "at least 0 and finite", ok)
    }
}
