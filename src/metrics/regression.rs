//! [`MeanSquaredError`], [`RootMeanSquaredError`], [`MeanAbsoluteError`] and [`R2`]: the errors of predicted values.

use ndarray::Zip;

use super::Metric;
use crate::error::target_shape;
use crate::{Error, Matrix, Result, Scalar};

/// The mean of (y - t)² over all elements.
///
/// ```
/// use neuropil::metrics::{MeanSquaredError, Metric};
/// use ndarray::array;
///
/// assert_eq!(MeanSquaredError.evaluate(&array![[1.0], [3.0]], &array![[1.0], [5.0]])?, 2.0);
/// # Ok::<(), neuropil::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MeanSquaredError;

/// The square root of the [`MeanSquaredError`], in the unit of the target.
///
/// ```
/// use neuropil::metrics::{Metric, RootMeanSquaredError};
/// use ndarray::array;
///
/// assert_eq!(RootMeanSquaredError.evaluate(&array![[1.0], [3.0]], &array![[3.0], [5.0]])?, 2.0);
/// # Ok::<(), neuropil::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RootMeanSquaredError;

/// The mean of |y - t| over all elements.
///
/// ```
/// use neuropil::metrics::{MeanAbsoluteError, Metric};
/// use ndarray::array;
///
/// assert_eq!(MeanAbsoluteError.evaluate(&array![[1.0], [3.0]], &array![[2.0], [6.0]])?, 2.0);
/// # Ok::<(), neuropil::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MeanAbsoluteError;

/// The coefficient of determination, 1 - Σ(y - t)²/Σ(t - mean t)²: 1 is perfect, 0 is as good as predicting the mean;
/// averaged over columns.
///
/// As in scikit-learn, a constant target gives 1 if it is matched exactly, else 0, and fewer than two samples give NaN.
///
/// ```
/// use neuropil::metrics::{Metric, R2};
/// use ndarray::array;
///
/// assert_eq!(R2.evaluate(&array![[1.0], [2.0], [2.0]], &array![[1.0], [2.0], [3.0]])?, 0.5);
/// # Ok::<(), neuropil::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct R2;

/// The mean of `term(y, t)` over all elements; NaN if empty.
fn mean<A: Scalar>(metric: &str, y: &Matrix<A>, target: &Matrix<A>, term: impl Fn(f64, f64) -> f64) -> Result<f64> {
    check(metric, y, target)?;
    let mut sum = 0.0;
    Zip::from(y).and(target).for_each(|y, t| sum += term(y.to_f64(), t.to_f64()));
    Ok(sum / y.len() as f64)
}

fn check<A: Scalar>(metric: &str, y: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
    if y.dim() == target.dim() {
        return Ok(());
    }
    let text = |(rows, columns): (usize, usize)| format!("{rows} x {columns}");
    let (wants, got) = (format!("a target like the outputs, {}", text(y.dim())), target_shape(y.nrows(), target.dim()));
    Err(Error::Target { who: metric.into(), wants, got, row: None })
}

impl<A: Scalar> Metric<A> for MeanSquaredError {
    fn name(&self) -> String {
        "mse".into()
    }

    fn evaluate(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<f64> {
        mean("MeanSquaredError", y, target, |y, t| (y - t) * (y - t))
    }

    fn higher_is_better(&self) -> bool {
        false
    }
}

impl<A: Scalar> Metric<A> for RootMeanSquaredError {
    fn name(&self) -> String {
        "rmse".into()
    }

    fn evaluate(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<f64> {
        mean("RootMeanSquaredError", y, target, |y, t| (y - t) * (y - t)).map(f64::sqrt)
    }

    fn higher_is_better(&self) -> bool {
        false
    }
}

impl<A: Scalar> Metric<A> for MeanAbsoluteError {
    fn name(&self) -> String {
        "mae".into()
    }

    fn evaluate(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<f64> {
        mean("MeanAbsoluteError", y, target, |y, t| (y - t).abs())
    }

    fn higher_is_better(&self) -> bool {
        false
    }
}

impl<A: Scalar> Metric<A> for R2 {
    fn name(&self) -> String {
        "r2".into()
    }

    fn evaluate(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<f64> {
        check("R2", y, target)?;
        if y.nrows() < 2 {
            return Ok(f64::NAN);
        }
        let columns = y.columns().into_iter().zip(target.columns()).map(|(y, t)| {
            let error: f64 = y.iter().zip(t).map(|(y, t)| (y.to_f64() - t.to_f64()).powi(2)).sum();
            // The rounded mean of equal values may differ from them.
            if t.iter().all(|other| *other == t[0]) && !error.is_nan() {
                return if error == 0.0 { 1.0 } else { 0.0 };
            }
            let mean = t.iter().map(|t| t.to_f64()).sum::<f64>() / t.len() as f64;
            1.0 - error / t.iter().map(|t| (t.to_f64() - mean).powi(2)).sum::<f64>()
        });
        Ok(columns.sum::<f64>() / y.ncols() as f64)
    }
}
