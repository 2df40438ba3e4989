//! [`Imputer`]: numbers for those that are missing.

use ndarray::Array2;

use super::columns::{change, check_finite, learn, mean};
use crate::{Matrix, Result, Scalar};

const NAME: &str = "Imputer";

/// Puts a number where one is missing (NaN), the same in all of a column.
///
/// Which number, is learned from the training data alone. Nothing remains of the fact that a number was missing; where that
/// may matter, give the network a column that says so.
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
/// Learning is [`Error::Setting`](crate::Error::Setting) when there are no rows, and
/// [`Error::Column`](crate::Error::Column) for a column without numbers or with infinite ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Imputer {
    values: Vec<f64>,
}

impl Imputer {
    /// Fills each column with its mean in `x`.
    ///
    /// # Errors
    /// See [above](Self); and for a column whose sum is infinite.
    pub fn mean<A: Scalar>(x: &Matrix<A>) -> Result<Self> {
        let values = learn(NAME, x, |x| {
            let mean = mean(x);
            if mean.is_finite() { Ok(mean) } else { Err("its numbers are too large to be added") }
        })?;
        Ok(Self { values })
    }

    /// Fills each column with its median in `x`, which lies halfway between the middle two of an even number.
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

    /// Fills each column with the number that is most frequent in `x`, the smallest of several.
    ///
    /// # Errors
    /// See [above](Self).
    pub fn most_frequent<A: Scalar>(x: &Matrix<A>) -> Result<Self> {
        let values = learn(NAME, x, |x| {
            x.sort_unstable_by(f64::total_cmp);
            // The last of the longest runs from above is the smallest number.
            Ok(x.chunk_by(|a, b| a == b).rev().max_by_key(|run| run.len()).map_or(f64::NAN, |run| run[0]))
        })?;
        Ok(Self { values })
    }

    /// Fills the columns with these numbers, one for each: those of your choice, or [`values`](Self::values) from before.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) unless all are finite.
    pub fn constant(values: Vec<f64>) -> Result<Self> {
        check_finite("a value of Imputer", &values)?;
        Ok(Self { values })
    }

    /// The number for each column.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The columns of `x` without missing numbers.
    ///
    /// # Errors
    /// [`Error::Dimensions`](crate::Error::Dimensions) unless there are as many columns as values.
    pub fn transform<A: Scalar>(&self, x: &Matrix<A>) -> Result<Array2<A>> {
        change(NAME, x, self.values.len(), |column, x| if x.is_nan() { self.values[column] } else { x })
    }
}
