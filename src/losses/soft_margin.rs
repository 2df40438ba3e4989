//! [`SoftMargin`]: the logistic loss for targets of 1 and -1.

use crate::losses::hinge_embedding::{PLUS_MINUS_1, is_plus_minus_1};
use crate::losses::{Pointwise, check_each};
use crate::{Matrix, Result, Scalar};

/// The soft margin loss ln(1 + e^(-t·y)) for targets of 1 and -1, averaged over all elements.
///
/// It is [`BceWithLogits`](crate::losses::BceWithLogits) with targets -1 and 1 instead of 0 and 1.
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let loss = SoftMargin.per_sample(&array![[0.0], [-800.0]], &array![[1.0], [1.0]])?;
/// assert_eq!(loss, array![std::f64::consts::LN_2, 800.0]);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// [`Error::Target`](crate::Error::Target) for targets other than 1 and -1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SoftMargin;

impl Pointwise for SoftMargin {
    #[inline(always)]
    fn value<A: Scalar>(&self, y: A, t: A) -> A {
        let x = -t * y;
        x.maximum(A::ZERO) + (-x.abs()).exp().ln_1p()
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, y: A, t: A) -> A {
        let x = -t * y;
        // -t·σ(x), with the exponential of the value.
        let z = (-x.abs()).exp();
        -t * (if x < A::ZERO { z } else { A::ONE }) / (A::ONE + z)
    }

    fn domain<A: Scalar>(&self, _: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
        check_each(self, PLUS_MINUS_1, target, is_plus_minus_1)
    }
}
