//! [`HingeEmbedding`]: a hinge loss on distances of pairs.

use crate::error::check_setting;
use crate::losses::{Pointwise, check_each};
use crate::{Matrix, Result, Scalar};

/// The hinge embedding loss of a distance y: y for a similar pair (t = 1), max(0, margin - y) for a dissimilar one (t =
/// -1).
///
/// Its derivative at the kink is 0.
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let loss = HingeEmbedding { margin: 1.0 };
/// assert_eq!(loss.per_sample(&array![[0.25], [0.25]], &array![[1.0], [-1.0]])?, array![0.25, 0.75]);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// [`Error::Target`](crate::Error::Target) for targets other than 1 and -1, and
/// [`Error::Setting`](crate::Error::Setting) unless the margin is finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HingeEmbedding {
    /// The minimum distance of dissimilar pairs; 1 by default.
    pub margin: f64,
}

impl Default for HingeEmbedding {
    fn default() -> Self {
        Self { margin: 1.0 }
    }
}

impl Pointwise for HingeEmbedding {
    #[inline(always)]
    fn value<A: Scalar>(&self, y: A, t: A) -> A {
        like(t, y, (A::of(self.margin) - y).maximum(A::ZERO))
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, y: A, t: A) -> A {
        let far = if y.is_nan() { y } else { A::ZERO };
        like(t, A::ONE, if y < A::of(self.margin) { -A::ONE } else { far })
    }

    fn domain<A: Scalar>(&self, _: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
        check_setting("HingeEmbedding's margin", self.margin, "finite", self.margin.is_finite())?;
        check_each(self, PLUS_MINUS_1, target, is_plus_minus_1)
    }
}

/// `yes` for t = 1, `no` for t = -1, NaN for NaN.
#[inline(always)]
pub(crate) fn like<A: Scalar>(t: A, yes: A, no: A) -> A {
    let no = if t < A::ZERO { no } else { t };
    if t > A::ZERO { yes } else { no }
}

/// The targets that losses on pairs require.
pub(crate) const PLUS_MINUS_1: &str = "targets of 1 or -1";

/// Whether a target is 1, -1 or NaN.
#[inline(always)]
pub(crate) fn is_plus_minus_1<A: Scalar>(t: A) -> bool {
    (t.abs() == A::ONE) | t.is_nan()
}
