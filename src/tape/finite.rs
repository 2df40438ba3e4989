//! Finds the first value of the data that is not finite.

use crate::optimizers::all_finite;
use crate::{Error, Matrix, Result, Scalar};

/// Returns an error for the first value that is not finite; `first` is the index of the first row.
pub(crate) fn check_finite<A: Scalar>(what: &str, matrix: &Matrix<A>, first: usize) -> Result<()> {
    if matrix.as_slice().is_some_and(all_finite) {
        return Ok(());
    }
    match matrix.indexed_iter().find(|(_, x)| !x.is_finite()) {
        None => Ok(()),
        Some(((row, column), x)) => {
            let what = format!("the {what} of sample {}, column {column},", first + row);
            Err(Error::NonFinite { what, got: x.to_f64(), in_data: true })
        }
    }
}
