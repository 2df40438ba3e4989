//! Shared parts of the column transformers: fitting and transforming each column.

use ndarray::Array2;

use crate::error::check_setting;
use crate::{Error, Matrix, Result, Scalar};

/// Applies `learn` to the values of each column, excluding missing ones (NaN).
///
/// `who` names the transformer in errors. Returns an error if there are no rows, or a column has no values or an
/// infinite one.
pub(super) fn learn<A: Scalar, T>(
    who: &'static str,
    x: &Matrix<A>,
    learn: impl Fn(&mut [f64]) -> Result<T, &'static str>,
) -> Result<Vec<T>> {
    check_setting(&format!("the number of samples for {who}"), x.nrows() as f64, "at least 1", x.nrows() > 0)?;
    let mut numbers = Vec::with_capacity(x.nrows());
    let mut learned = Vec::with_capacity(x.ncols());
    for (column, x) in x.columns().into_iter().enumerate() {
        let wrong = |problem: String| Error::Column { who, column, problem };
        numbers.clear();
        numbers.extend(x.iter().map(|x| x.to_f64()).filter(|x| !x.is_nan()));
        if let Some((row, x)) = x.iter().enumerate().find(|(_, x)| !x.is_finite() && !x.is_nan()) {
            return Err(wrong(format!("row {row} is {x}; mark what is missing as NaN")));
        }
        if numbers.is_empty() {
            return Err(wrong("all of it is missing; leave the column out".into()));
        }
        learned.push(learn(&mut numbers).map_err(|problem| wrong(problem.into()))?);
    }
    Ok(learned)
}

/// Applies `change(column, value)` to each value; returns an error unless the matrix has `width` columns.
pub(super) fn change<A: Scalar>(
    who: &'static str,
    x: &Matrix<A>,
    width: usize,
    change: impl Fn(usize, f64) -> f64,
) -> Result<Array2<A>> {
    if x.ncols() != width {
        let what = format!("the matrix for {who}");
        return Err(Error::Dimensions { what, wants: [x.nrows(), width], got: x.dim().into() });
    }
    Ok(Array2::from_shape_fn(x.dim(), |(row, column)| A::of(change(column, x[[row, column]].to_f64()))))
}

/// Returns an error unless all parameters are finite.
pub(super) fn check_finite(what: &str, parameters: &[f64]) -> Result<()> {
    parameters.iter().try_for_each(|&x| check_setting(what, x, "finite", x.is_finite()))
}

/// Returns an error unless both lists have the same length.
pub(super) fn check_same_length(what: &str, first: &[f64], second: &[f64]) -> Result<()> {
    if first.len() == second.len() {
        return Ok(());
    }
    Err(Error::Dimensions { what: what.into(), wants: [1, first.len()], got: [1, second.len()] })
}

/// The mean: exact for a constant column, infinite if the sum overflows.
pub(super) fn mean(numbers: &[f64]) -> f64 {
    // The rounded mean of equal values may differ from them.
    let constant = numbers.iter().all(|x| *x == numbers[0]);
    if constant { numbers[0] } else { numbers.iter().sum::<f64>() / numbers.len() as f64 }
}
