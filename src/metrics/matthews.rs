//! [`Matthews`]: the Matthews correlation coefficient.

use super::{ConfusionMatrix, Metric};
use crate::{Matrix, Result, Scalar};

/// The Matthews correlation coefficient, for any number of classes: see [`ConfusionMatrix::matthews`].
///
/// Unlike accuracy, it is 0 for a constant prediction, even of a frequent class.
///
/// ```
/// use neuropil::metrics::{Matthews, Metric};
/// use ndarray::array;
///
/// let always = array![[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.9, 0.1]];
/// assert_eq!(Matthews.evaluate(&always, &array![[0.0], [0.0], [0.0], [1.0]])?, 0.0);
/// # Ok::<(), neuropil::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Matthews;

impl<A: Scalar> Metric<A> for Matthews {
    fn name(&self) -> String {
        "matthews".into()
    }

    fn evaluate(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<f64> {
        Ok(ConfusionMatrix::new(y, target)?.matthews())
    }
}
