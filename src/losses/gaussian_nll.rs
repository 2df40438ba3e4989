//! [`GaussianNll`]: the Gaussian negative log-likelihood, for predicted means and variances.

use crate::error::check_setting;
use crate::kernels::simd;
use crate::losses::{Loss, check_each, dimensions, flat, flat_mut};
use crate::{Error, Matrix, Result, Scalar};

/// The negative log-likelihood of t under a normal distribution with predicted mean m and variance v: (ln v + (t -
/// m)²/v)/2, averaged over all elements of the target.
///
/// For C target columns, the outputs have 2C: the means, then the variances, kept positive for example by a
/// [`Softplus`](crate::activations::Softplus). Variances are clamped to at least ε = 10⁻⁶; as in `PyTorch`, the
/// derivative there is that at ε, so that they can grow again. [`full`](Self::full) adds the constant ln(2π)/2.
///
/// From D. A. Nix and A. S. Weigend, "Estimating the Mean and Variance of the Target Probability Distribution" (1994).
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let (mean_and_variance, target) = (array![[1.0, 4.0]], array![[3.0]]);
/// let loss = GaussianNll::new().evaluate(&mean_and_variance, &target)?;
/// assert_eq!(loss, 0.5 * (4.0_f64.ln() + 1.0));
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// [`Error::Target`] unless the outputs have twice the columns of the target, and for negative variances;
/// [`Error::Setting`] unless ε > 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GaussianNll {
    full: bool,
    eps: f64,
}

impl GaussianNll {
    /// Creates a loss without the constant term, with ε = 10⁻⁶.
    pub fn new() -> Self {
        Self { full: false, eps: 1e-6 }
    }

    /// Adds the constant ln(2π)/2 per element.
    pub fn full(mut self) -> Self {
        self.full = true;
        self
    }

    /// Sets ε, the minimum variance.
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// The loss of one element, and its derivatives with respect to mean and variance.
    #[inline(always)]
    fn terms<A: Scalar>(&self, mean: A, variance: A, t: A) -> (A, A, A) {
        let half = A::of(0.5);
        let constant = if self.full { A::of(0.5 * std::f64::consts::TAU.ln()) } else { A::ZERO };
        let variance = variance.maximum(A::of(self.eps));
        let precision = A::ONE / variance;
        let d = mean - t;
        let slope = d * precision;
        (half * (variance.ln() + d * slope) + constant, slope, half * (precision - slope * slope))
    }
}

impl Default for GaussianNll {
    fn default() -> Self {
        Self::new()
    }
}

impl<A: Scalar> Loss<A> for GaussianNll {
    fn check(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
        check_setting("GaussianNll's eps", self.eps, "above 0 and finite", self.eps > 0.0 && self.eps.is_finite())?;
        if y.nrows() != target.nrows() || y.ncols() != 2 * target.ncols() {
            let wants = format!("means and variances, {} x {}", target.nrows(), 2 * target.ncols());
            return Err(Error::Target { who: format!("{self:?}"), wants, got: dimensions(y), row: None });
        }
        let (_, variances) = y.view().split_at(ndarray::Axis(1), target.ncols());
        check_each(self, "variances that are not negative", &variances, |variance| {
            variance >= A::ZERO || variance.is_nan()
        })
    }

    fn rows(&self, y: &Matrix<A>, target: &Matrix<A>, loss: &mut [A], dy: Option<&mut Matrix<A>>) {
        let width = target.ncols();
        loss.fill(A::ZERO);
        if width == 0 {
            return;
        }
        let mut dy = dy.map(|dy| flat_mut(dy).chunks_exact_mut(2 * width));
        let rows = flat(y).chunks_exact(2 * width).zip(flat(target).chunks_exact(width));
        for (loss, (y, t)) in loss.iter_mut().zip(rows) {
            let (mean, variance) = y.split_at(width);
            *loss = A::of(if let Some(dy) = dy.as_mut().and_then(Iterator::next) {
                let (by_mean, by_variance) = dy.split_at_mut(width);
                simd::sum(
                    (by_mean, by_variance, mean, variance, t),
                    #[inline(always)]
                    |(by_mean, by_variance, &mean, &variance, &t)| {
                        let value;
                        (value, *by_mean, *by_variance) = self.terms(mean, variance, t);
                        value
                    },
                )
            } else {
                simd::sum(
                    (mean, variance, t),
                    #[inline(always)]
                    |(&mean, &variance, &t)| self.terms(mean, variance, t).0,
                )
            });
        }
    }

    fn counts(&self, _: &Matrix<A>, target: &Matrix<A>, counts: &mut [A]) {
        counts.fill(A::of(target.ncols() as f64));
    }
}
