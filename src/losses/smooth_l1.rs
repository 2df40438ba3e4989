//! [`SmoothL1`]: quadratic for small errors, linear for large ones.

use crate::error::check_setting;
use crate::losses::{Pointwise, mae::sign};
use crate::{Matrix, Result, Scalar};

/// The smooth L1 loss of d = y - t: d²/(2β) for |d| < β, |d| - β/2 beyond.
///
/// Its derivative is d/β clamped to [-1, 1]. With β = 0 it is [`Mae`](crate::losses::Mae).
///
/// From R. Girshick, "Fast R-CNN" (2015), there with β = 1.
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let loss = SmoothL1 { beta: 0.5 };
/// assert_eq!(loss.per_sample(&array![[0.25], [3.0]], &array![[0.0], [0.0]])?, array![0.0625, 2.75]);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// [`Error::Setting`](crate::Error::Setting) for a β that is negative or not finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SmoothL1 {
    /// The threshold between the quadratic and linear parts; 1 by default.
    pub beta: f64,
}

impl Default for SmoothL1 {
    fn default() -> Self {
        Self { beta: 1.0 }
    }
}

impl Pointwise for SmoothL1 {
    #[inline(always)]
    fn value<A: Scalar>(&self, y: A, t: A) -> A {
        let (beta, half) = (A::of(self.beta), A::of(0.5));
        let d = (y - t).abs();
        if d < beta { half * d * d / beta } else { d - half * beta }
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, y: A, t: A) -> A {
        let beta = A::of(self.beta);
        let d = y - t;
        if d.abs() < beta { d / beta } else { sign(d) }
    }

    fn domain<A: Scalar>(&self, _: &Matrix<A>, _: &Matrix<A>) -> Result<()> {
        let ok = self.beta >= 0.0 && self.beta.is_finite();
        check_setting("SmoothL1's beta", self.beta, "at least 0 and finite", ok)
    }
}
