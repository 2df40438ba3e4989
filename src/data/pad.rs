//! [`pad`]: sequences of different lengths in one matrix.

use std::iter::repeat;

use ndarray::Array2;

use crate::error::check_setting;
use crate::kernels::resize;
use crate::{Error, Result, Scalar};

/// Writes sequences of different lengths into one matrix, each followed by `value` up to the common number of steps,
/// and returns it with the lengths.
///
/// A sequence holds its steps one after the other, `features` numbers each. The matrix is (samples, steps·features),
/// the lengths, counted in steps, are (samples, 1). There are as many steps as the longest sequence has, unless `steps`
/// says otherwise.
///
/// ```
/// use neuropil::data::pad;
/// use ndarray::array;
///
/// let (x, lengths) = pad(&[vec![1.0, 2.0, 3.0], vec![4.0]], 1, None, 0.0)?;
/// assert_eq!(x, array![[1.0, 2.0, 3.0], [4.0, 0.0, 0.0]]);
/// assert_eq!(lengths, array![[3.0], [1.0]]);
/// # Ok::<(), neuropil::Error>(())
/// ```
///
/// Labels for each step are padded with a label that the loss ignores:
///
/// ```
/// use neuropil::data::pad;
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let (labels, _) = pad(&[vec![0.0, 1.0], vec![1.0]], 1, None, -1.0)?;
/// let logits = array![[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 9.0, -9.0]]; // two steps of two classes
/// let loss = CrossEntropy::new().classes(2).ignore_index(-1);
/// assert_eq!(loss.evaluate(&logits, &labels)?, 2.0_f64.ln());
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// [`Error::Setting`] for 0 features; [`Error::Target`] for a sequence that ends within a step, or is longer than
/// `steps`: none is cut; [`Error::Memory`] for a matrix that is too large.
pub fn pad<A: Scalar, S: AsRef<[A]>>(
    sequences: &[S],
    features: usize,
    steps: Option<usize>,
    value: A,
) -> Result<(Array2<A>, Array2<A>)> {
    check_setting("the number of features to pad", features as f64, "at least 1", features > 0)?;
    let steps_of = |sequence: &S| sequence.as_ref().len() / features;
    let steps = steps.unwrap_or_else(|| sequences.iter().map(steps_of).max().unwrap_or(0));
    for (row, sequence) in sequences.iter().enumerate() {
        check_sequence::<A>(row, sequence.as_ref().len(), features, steps)?;
    }
    let (mut x, mut lengths) = (Array2::default((0, 0)), Array2::default((0, 0)));
    resize(&mut x, sequences.len(), steps.saturating_mul(features))?;
    resize(&mut lengths, sequences.len(), 1)?;
    for ((mut row, length), sequence) in x.rows_mut().into_iter().zip(&mut lengths).zip(sequences) {
        let padded = sequence.as_ref().iter().copied().chain(repeat(value));
        row.iter_mut().zip(padded).for_each(|(x, number)| *x = number);
        *length = A::of(steps_of(sequence) as f64);
    }
    Ok((x, lengths))
}

/// Returns an error unless a sequence of `len` numbers has whole steps, at most `steps`, and a length that is exact as
/// a number.
fn check_sequence<A: Scalar>(row: usize, len: usize, features: usize, steps: usize) -> Result<()> {
    let wrong = |wants, got| Err(Error::Target { who: "pad".into(), wants, got, row: Some(row) });
    let own = len / features;
    if !len.is_multiple_of(features) {
        return wrong(format!("whole steps of {features} numbers"), format!("{len} numbers"));
    }
    if own > steps {
        let wants = format!("at most {steps} steps a sequence (cut it, or give more steps)");
        return wrong(wants, format!("{own} steps"));
    }
    if A::of(own as f64).to_f64() != own as f64 {
        return wrong(format!("lengths that {} holds exactly", A::NAME), format!("{own} steps"));
    }
    Ok(())
}
