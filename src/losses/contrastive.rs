//! [`Contrastive`]: pulls similar pairs together and pushes dissimilar ones apart.

use crate::error::check_setting;
use crate::losses::hinge_embedding::like;
use crate::losses::{Pointwise, check_each};
use crate::{Matrix, Result, Scalar};

/// The contrastive loss of a distance y: y² for a similar pair (t = 1), max(0, margin - y)² for a dissimilar one (t =
/// 0).
///
/// In one formula, t·y² + (1 - t)·max(0, margin - y)². Its derivative is 2y for a similar pair and -2·max(0, margin -
/// y) for a dissimilar one, which is 0 beyond the margin. It trains siamese networks, which end with a
/// [`Distance`](crate::joins::Distance).
///
/// From R. Hadsell, S. Chopra and Y. `LeCun`, "Dimensionality Reduction by Learning an Invariant Mapping" (2006), which
/// has a factor 1/2, and Y = 1 - t.
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let loss = Contrastive { margin: 1.0 };
/// assert_eq!(loss.per_sample(&array![[0.5], [0.25]], &array![[1.0], [0.0]])?, array![0.25, 0.5625]);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// [`Error::Target`](crate::Error::Target) for targets other than 1, 0 and NaN, and
/// [`Error::Setting`](crate::Error::Setting) unless the margin is above 0 and finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contrastive {
    /// The minimum distance of dissimilar pairs; 1 by default.
    pub margin: f64,
}

impl Default for Contrastive {
    fn default() -> Self {
        Self { margin: 1.0 }
    }
}

impl Contrastive {
    /// How far the distance falls short of the margin.
    #[inline(always)]
    fn shortfall<A: Scalar>(self, y: A) -> A {
        (A::of(self.margin) - y).maximum(A::ZERO)
    }
}

impl Pointwise for Contrastive {
    #[inline(always)]
    fn value<A: Scalar>(&self, y: A, t: A) -> A {
        let short = self.shortfall(y);
        select(t, y * y, short * short)
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, y: A, t: A) -> A {
        A::of(2.0) * select(t, y, -self.shortfall(y))
    }

    fn domain<A: Scalar>(&self, _: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
        let ok = self.margin > 0.0 && self.margin.is_finite();
        check_setting("Contrastive's margin", self.margin, "above 0 and finite", ok)?;
        check_each(self, "targets of 1 or 0", target, |t| t == A::ZERO || t == A::ONE || t.is_nan())
    }
}

/// `yes` for t = 1, `no` for t = 0, NaN for NaN. A sum weighted by t would turn an infinite distance into NaN.
#[inline(always)]
fn select<A: Scalar>(t: A, yes: A, no: A) -> A {
    like(t + t - A::ONE, yes, no)
}
