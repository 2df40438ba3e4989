//! [`MinMaxScaler`]: scales columns to the range 0 to 1, or another one.

use ndarray::Array2;

use super::columns::{change, check_finite, check_same_length, learn};
use crate::error::check_setting;
use crate::layers::Rescale;
use crate::{Matrix, Result, Scalar};

const NAME: &str = "MinMaxScaler";

/// Scales each column to a range, by default [0, 1]: low + (x - min) / (max - min) · (high - low).
///
/// Minimum and maximum are fitted to the training data alone; later values may lie outside, and are not clipped. A
/// constant column becomes `low`. Missing values (NaN) are ignored in fitting and stay missing.
///
/// ```
/// use neuropil::data::MinMaxScaler;
/// use ndarray::array;
///
/// let train = array![[1.0, 7.0], [3.0, 7.0]];
/// let scaler = MinMaxScaler::fit(&train)?;
/// assert_eq!(scaler.transform(&train)?, array![[0.0, 0.0], [1.0, 0.0]]);
/// assert_eq!(scaler.range(-1.0, 1.0)?.transform(&array![[4.0, 7.0]])?, array![[2.0, -1.0]]);
/// # Ok::<(), neuropil::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct MinMaxScaler {
    min: Vec<f64>,
    max: Vec<f64>,
    range: [f64; 2],
}

impl MinMaxScaler {
    /// Fits minimum and maximum of each column of `x`.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) without rows; [`Error::Column`](crate::Error::Column) for a column
    /// without values, with infinite ones, or with an infinite range.
    pub fn fit<A: Scalar>(x: &Matrix<A>) -> Result<Self> {
        let learned = learn(NAME, x, |x| {
            let (min, max) = (x.iter().copied().fold(x[0], f64::min), x.iter().copied().fold(x[0], f64::max));
            if (max - min).is_finite() { Ok((min, max)) } else { Err("its numbers are too far apart") }
        })?;
        let (min, max) = learned.into_iter().unzip();
        Ok(Self { min, max, range: [0.0, 1.0] })
    }

    /// Creates the scaler with these parameters, as returned by [`min`](Self::min) and [`max`](Self::max), and the
    /// range [0, 1].
    ///
    /// # Errors
    /// [`Error::Dimensions`](crate::Error::Dimensions) unless both have the same length;
    /// [`Error::Setting`](crate::Error::Setting) unless they are finite and no maximum is below its minimum.
    pub fn new(min: Vec<f64>, max: Vec<f64>) -> Result<Self> {
        check_same_length("the maxima of MinMaxScaler", &min, &max)?;
        check_finite("a minimum of MinMaxScaler", &min)?;
        for (&min, &max) in min.iter().zip(&max) {
            let wants = "finite and not below the minimum";
            check_setting("a maximum of MinMaxScaler", max, wants, (max - min).is_finite() && max >= min)?;
        }
        Ok(Self { min, max, range: [0.0, 1.0] })
    }

    /// Sets the output range.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) unless both are finite and `low` is below `high`.
    pub fn range(self, low: f64, high: f64) -> Result<Self> {
        check_setting("the low end of MinMaxScaler", low, "finite", low.is_finite())?;
        let wants = "finite and above the low end";
        check_setting("the high end of MinMaxScaler", high, wants, (high - low).is_finite() && high > low)?;
        Ok(Self { range: [low, high], ..self })
    }

    /// The minimum of each column.
    pub fn min(&self) -> &[f64] {
        &self.min
    }

    /// The maximum of each column.
    pub fn max(&self) -> &[f64] {
        &self.max
    }

    /// The output range, `[low, high]`.
    pub fn ends(&self) -> [f64; 2] {
        self.range
    }

    /// The scaler as the first layer of a network, which is then saved with it.
    ///
    /// ```
    /// use neuropil::data::MinMaxScaler;
    /// use neuropil::prelude::*;
    /// use ndarray::array;
    ///
    /// let x = array![[1.0, 10.0], [3.0, 30.0]];
    /// let scaler = MinMaxScaler::fit(&x)?.range(-1.0, 1.0)?;
    /// let network = Sequential::<f64>::new(2).with(scaler.layer())?;
    /// assert_eq!(network.predict(&x)?, array![[-1.0, -1.0], [1.0, 1.0]]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn layer<A: Scalar>(&self) -> Rescale<A> {
        let [low, high] = self.range;
        Rescale::from_pairs((0..self.min.len()).map(|column| {
            let scale = (high - low) / self.width(column);
            (self.min[column] - low / scale, scale)
        }))
    }

    fn width(&self, column: usize) -> f64 {
        let width = self.max[column] - self.min[column];
        if width == 0.0 { 1.0 } else { width }
    }

    /// Scales the columns of `x`.
    ///
    /// # Errors
    /// [`Error::Dimensions`](crate::Error::Dimensions) unless `x` has the fitted number of columns.
    pub fn transform<A: Scalar>(&self, x: &Matrix<A>) -> Result<Array2<A>> {
        let [low, high] = self.range;
        change(NAME, x, self.min.len(), |column, x| {
            let t = (x - self.min[column]) / self.width(column);
            // Exact at both ends.
            low * (1.0 - t) + high * t
        })
    }

    /// Undoes [`transform`](Self::transform).
    ///
    /// # Errors
    /// Those of [`transform`](Self::transform).
    pub fn inverse<A: Scalar>(&self, y: &Matrix<A>) -> Result<Array2<A>> {
        let [low, high] = self.range;
        change(NAME, y, self.min.len(), |column, y| self.min[column] + (y - low) / (high - low) * self.width(column))
    }
}
