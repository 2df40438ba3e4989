//! [`Imputer`]: fills in missing values.

use ndarray::Array2;

use super::columns::{change, check_finite, learn, mean};
use crate::{Matrix, Result, Scalar};

const NAME: &str = "Imputer";

/// Replaces missing values (NaN) with one value per column.
///
/// The values are fitted to the training data alone. The network cannot see that a value was missing; where that may
/// matter, add an indicator column.
///
/// ```
/// use neuropil::data::Imputer;
/// use ndarray::array;
///
/// let train = array![[1.0], [2.0], [f64::NAN], [9.0]];
/// assert_eq!(Imputer::mean(&train)?.values(), [4.0]);
/// let imputer = Imputer::median(&train)?;
/// assert_eq!(imputer.transform(&array![[f64::NAN], [5.0]])?, array![[2.0], [5.0]]);
/// # Ok::<(), neuropil::Error>(())
/// ```
///
/// # Errors
/// Fitting returns [`Error::Setting`](crate::Error::Setting) without rows, and [`Error::Column`](crate::Error::Column)
/// for a column without values or with infinite ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Imputer {
    values: Vec<f64>,
}

impl Imputer {
    /// Fits the mean of each column of `x`.
    ///
    /// # Errors
    /// See [above](Self); also for a column whose sum is infinite.
    pub fn mean<A: Scalar>(x: &Matrix<A>) -> Result<Self> {
        let values = learn(NAME, x, |x| {
            let mean = mean(x);
            if mean.is_finite() { Ok(mean) } else { Err("its numbers are too large to be added") }
        })?;
        Ok(Self { values })
    }

    /// Fits the median of each column of `x`, the mean of the middle two for an even number of values.
    ///
    /// # Errors
    /// See [above](Self).
    pub fn median<A: Scalar>(x: &Matrix<A>) -> Result<Self> {
        let values = learn(NAME, x, |x| {
            x.sort_unstable_by(f64::total_cmp);
            Ok(x[(x.len() - 1) / 2].midpoint(x[x.len() / 2]))
        })?;
        Ok(Self { values })
    }

    /// Fits the most frequent value of each column of `x`; ties take the smallest.
    ///
    /// # Errors
    /// See [above](Self).
    pub fn most_frequent<A: Scalar>(x: &Matrix<A>) -> Result<Self> {
        let values = learn(NAME, x, |x| {
            x.sort_unstable_by(f64::total_cmp);
            // The last of the longest runs, from the largest value down, is the smallest value.
            Ok(x.chunk_by(|a, b| a == b).rev().max_by_key(|run| run.len()).map_or(f64::NAN, |run| run[0]))
        })?;
        Ok(Self { values })
    }

    /// Creates an imputer with these values, one per column, such as those returned by [`values`](Self::values).
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) unless all are finite.
    pub fn constant(values: Vec<f64>) -> Result<Self> {
        check_finite("a value of Imputer", &values)?;
        Ok(Self { values })
    }

    /// The replacement for each column.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Returns `x` with its missing values replaced.
    ///
    /// # Errors
    /// [`Error::Dimensions`](crate::Error::Dimensions) unless `x` has one column per value.
    pub fn transform<A: Scalar>(&self, x: &Matrix<A>) -> Result<Array2<A>> {
        change(NAME, x, self.values.len(), |column, x| if x.is_nan() { self.values[column] } else { x })
    }
}
