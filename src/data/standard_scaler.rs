//! [`StandardScaler`]: standardizes columns to mean 0 and standard deviation 1.

use ndarray::Array2;

use super::columns::{change, check_finite, check_same_length, learn, mean};
use crate::error::check_setting;
use crate::layers::Rescale;
use crate::{Matrix, Result, Scalar};

const NAME: &str = "StandardScaler";

/// Standardizes each column to mean 0 and standard deviation 1: (x - mean) / deviation.
///
/// Both are fitted to the training data alone, and then applied to validation data, test data or a single sample. The
/// standard deviation is that of the population (division by n, as in scikit-learn). A constant column becomes 0.
/// Missing values (NaN) are ignored in fitting and stay missing.
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
    /// Fits mean and standard deviation of each column of `x`.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) without rows; [`Error::Column`](crate::Error::Column) for a column
    /// without values, or with values whose squares are infinite.
    pub fn fit<A: Scalar>(x: &Matrix<A>) -> Result<Self> {
        let learned = learn(NAME, x, |x| {
            let mean = mean(x);
            let deviation = (x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64).sqrt();
            if deviation.is_finite() { Ok((mean, deviation)) } else { Err("its numbers are too large to be squared") }
        })?;
        let (mean, deviation) = learned.into_iter().unzip();
        Ok(Self { mean, deviation })
    }

    /// Creates the scaler with these parameters, as returned by [`mean`](Self::mean) and
    /// [`deviation`](Self::deviation).
    ///
    /// # Errors
    /// [`Error::Dimensions`](crate::Error::Dimensions) unless both have the same length;
    /// [`Error::Setting`](crate::Error::Setting) unless they are finite and no deviation is negative.
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

    /// The standard deviation of each column; 0 for a constant one.
    pub fn deviation(&self) -> &[f64] {
        &self.deviation
    }

    /// The scaler as the first layer of a network, which is then saved with it.
    ///
    /// ```
    /// use neuropil::data::StandardScaler;
    /// use neuropil::prelude::*;
    /// use ndarray::array;
    ///
    /// let x = array![[1.0, 10.0], [3.0, 30.0]];
    /// let scaler = StandardScaler::fit(&x)?;
    /// let network = Sequential::<f64>::new(2).with(scaler.layer())?;
    /// assert_eq!(network.predict(&x)?, scaler.transform(&x)?);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn layer<A: Scalar>(&self) -> Rescale<A> {
        Rescale::from_pairs((0..self.mean.len()).map(|column| (self.mean[column], 1.0 / self.scale(column))))
    }

    fn scale(&self, column: usize) -> f64 {
        if self.deviation[column] == 0.0 { 1.0 } else { self.deviation[column] }
    }

    /// Standardizes the columns of `x`.
    ///
    /// # Errors
    /// [`Error::Dimensions`](crate::Error::Dimensions) unless `x` has the fitted number of columns.
    pub fn transform<A: Scalar>(&self, x: &Matrix<A>) -> Result<Array2<A>> {
        change(NAME, x, self.mean.len(), |column, x| (x - self.mean[column]) / self.scale(column))
    }

    /// Undoes [`transform`](Self::transform).
    ///
    /// # Errors
    /// Those of [`transform`](Self::transform).
    pub fn inverse<A: Scalar>(&self, y: &Matrix<A>) -> Result<Array2<A>> {
        change(NAME, y, self.mean.len(), |column, y| y * self.scale(column) + self.mean[column])
    }
}
