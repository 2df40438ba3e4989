//! [`Huber`]: quadratic for small errors, linear for large ones.

use crate::error::check_setting;
use crate::losses::Pointwise;
use crate::{Matrix, Result, Scalar};

/// The Huber loss of d = y - t: d²/2 for |d| ≤ δ, δ(|d| - δ/2) beyond.
///
/// Its derivative is d clamped to [-δ, δ], which bounds the influence of outliers. It is δ times
/// [`SmoothL1`](crate::losses::SmoothL1) with β = δ.
///
/// From P. J. Huber, "Robust Estimation of a Location Parameter" (1964).
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let loss = Huber { delta: 1.0 };
/// assert_eq!(loss.per_sample(&array![[0.5], [3.0]], &array![[0.0], [0.0]])?, array![0.125, 2.5]);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// [`Error::Setting`](crate::Error::Setting) unless δ > 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Huber {
    /// The threshold between the quadratic and linear parts; 1 by default.
    pub delta: f64,
}

impl Default for Huber {
    fn default() -> Self {
        Self { delta: 1.0 }
    }
}

impl Pointwise for Huber {
    #[inline(always)]
    fn value<A: Scalar>(&self, y: A, t: A) -> A {
        let (delta, half) = (A::of(self.delta), A::of(0.5));
        let d = (y - t).abs();
        if d <= delta { half * d * d } else { delta * (d - half * delta) }
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, y: A, t: A) -> A {
        let delta = A::of(self.delta);
        (y - t).minimum(delta).maximum(-delta)
    }

    fn domain<A: Scalar>(&self, _: &Matrix<A>, _: &Matrix<A>) -> Result<()> {
        let ok = self.delta > 0.0 && self.delta.is_finite();
        check_setting("Huber's delta", self.delta, "above 0 and finite", ok)
    }
}
