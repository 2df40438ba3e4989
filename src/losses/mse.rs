//! [`Mse`]: the mean squared error.

use crate::Scalar;
use crate::losses::Pointwise;

/// The mean squared error, (y - t)² averaged over all elements.
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let loss = Mse.evaluate(&array![[0.5, -0.25, 0.75]], &array![[1.0, 0.25, 0.25]])?;
/// assert_eq!(loss, 0.25);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mse;

impl Pointwise for Mse {
    #[inline(always)]
    fn value<A: Scalar>(&self, y: A, t: A) -> A {
        (y - t) * (y - t)
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, y: A, t: A) -> A {
        let d = y - t;
        d + d
    }
}
