//! [`Mae`]: the mean absolute error.

use crate::Scalar;
use crate::losses::Pointwise;

/// The mean absolute error, |y - t| averaged over all elements; also called L1.
///
/// Its derivative is the sign of y - t, and 0 where y = t.
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let loss = Mae.evaluate(&array![[0.5, -0.25, 0.75]], &array![[1.0, 0.25, 0.25]])?;
/// assert_eq!(loss, 0.5);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mae;

impl Pointwise for Mae {
    #[inline(always)]
    fn value<A: Scalar>(&self, y: A, t: A) -> A {
        (y - t).abs()
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, y: A, t: A) -> A {
        sign(y - t)
    }
}

/// 1, -1 or 0; NaN for NaN.
#[inline(always)]
pub(crate) fn sign<A: Scalar>(d: A) -> A {
    let below = if d < A::ZERO { -A::ONE } else { d };
    if d > A::ZERO { A::ONE } else { below }
}
