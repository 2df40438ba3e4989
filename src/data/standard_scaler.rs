//! [`StandardScaler`]: columns with mean 0 and standard deviation 1.

use ndarray::Array2;

use super::columns::{change, check_finite, check_same_length, learn, mean};
use crate::error::check_setting;
use crate::{Matrix, Result, Scalar};

const NAME: &str = "StandardScaler";

/// Gives each column the mean 0 and the standard deviation 1: (x - mean) / deviation.
///
/// Both are learned from the training data alone, and then applied to whatever comes: validation data, test data, a single
/// sample. The deviation is that of the training data themselves (divided by n, as in scikit-learn). A constant column is
/// only shifted to 0. Missing numbers (NaN) play no part in learning and stay missing.
///
/// ```
/// use neuropil::data::StandardScaler;
/// use ndarray::array;
///
/// let train = array![[1.0, 7.0], [3.0, 7.0]];
/// let scaler = StandardScaler::fit(&train)?;
/// assert_eq!(scaler.transform(&train)?, array![[-1.0, 0.0], [1.0, 0.0]]);
/// let test = array![[4.0, 8.0]];
/// assert_eq!(scaler.transform(&test)?, array![[2.0, 1.0]]);
/// assert_eq!(scaler.inverse(&array![[2.0, 1.0]])?, test);
/// # Ok::<(), neuropil::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct StandardScaler {
    mean: Vec<f64>,
    deviation: Vec<f64>,
}

impl StandardScaler {
    /// Learns mean and deviation of each column of `x`.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) when there are no rows; [`Error::Column`](crate::Error::Column) for a column
    /// without numbers, with infinite ones, or with such large ones that their squares are.
    pub fn fit<A: Scalar>(x: &Matrix<A>) -> Result<Self> {
        let learned = learn(NAME, x, |x| {
            let mean = mean(x);
            let deviation = (x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64).sqrt();
            if deviation.is_finite() { Ok((mean, deviation)) } else { Err("its numbers are too large to be squared") }
        })?;
        let (mean, deviation) = learned.into_iter().unzip();
        Ok(Self { mean, deviation })
    }

    /// The scaler with these parameters of its columns, as [`mean`](Self::mean) and [`deviation`](Self::deviation) gave them.
    ///
    /// # Errors
    /// [`Error::Dimensions`](crate::Error::Dimensions) unless there are as many of both;
    /// [`Error::Setting`](crate::Error::Setting) unless they are finite, and deviations not negative.
    pub fn new(mean: Vec<f64>, deviation: Vec<f64>) -> Result<Self> {
        check_same_length("the deviations of StandardScaler", &mean, &deviation)?;
        check_finite("a mean of StandardScaler", &mean)?;
        for &x in &deviation {
            check_setting("a deviation of StandardScaler", x, "at least 0 and finite", x >= 0.0 && x.is_finite())?;
        }
        Ok(Self { mean, deviation })
    }

    /// The mean of each column.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The standard deviation of each column, 0 for a constant one.
    pub fn deviation(&self) -> &[f64] {
        &self.deviation
    }

    /// What the differences from the mean are divided by.
    fn scale(&self, column: usize) -> f64 {
        if self.deviation[column] == 0.0 { 1.0 } else { self.deviation[column] }
    }

    /// The scaled columns of `x`.
    ///
    /// # Errors
    /// [`Error::Dimensions`](crate::Error::Dimensions) unless there are as many columns as were learned from.
    pub fn transform<A: Scalar>(&self, x: &Matrix<A>) -> Result<Array2<A>> {
        change(NAME, x, self.mean.len(), |column, x| (x - self.mean[column]) / self.scale(column))
    }

    /// The columns whose [`transform`](Self::transform) is `y`.
    ///
    /// # Errors
    /// As [`transform`](Self::transform).
    pub fn inverse<A: Scalar>(&self, y: &Matrix<A>) -> Result<Array2<A>> {
        change(NAME, y, self.mean.len(), |column, y| y * self.scale(column) + self.mean[column])
    }
}
