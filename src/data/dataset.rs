//! [`Dataset`]: a source of samples with random access.

use ndarray::{ArrayView2, Axis, Zip};

use crate::data::Samples;
use crate::error::check_targets;
use crate::{Error, Matrix, Result, Scalar};

/// Samples that are accessed by index, however they are stored.
///
/// With [`Tape::forward_with`](crate::Tape::forward_with), a batch is gathered directly into the network's input
/// buffer. [`Samples`] implements it, and so does a pair of matrices or views:
///
/// ```
/// use neuropil::data::Dataset;
/// use ndarray::array;
///
/// let (x, target) = (array![[0.0, 1.0], [1.0, 0.0]], array![[1.0], [0.0]]);
/// let data: &dyn Dataset<f64> = &(&x, &target);
/// assert_eq!((data.len(), data.input_width(), data.target_width()), (2, 2, 1));
/// ```
///
/// Your own data set can create or read its samples on demand:
///
/// ```
/// use neuropil::data::Dataset;
/// use neuropil::{Matrix, Result};
///
/// /// The numbers 0, 0.01, 0.02 ... and their squares.
/// struct Squares;
///
/// impl Dataset<f64> for Squares {
///     fn len(&self) -> usize {
///         100
///     }
///     fn input_width(&self) -> usize {
///         1
///     }
///     fn target_width(&self) -> usize {
///         1
///     }
///     fn gather(&self, samples: &[usize], x: &mut Matrix<f64>, target: &mut Matrix<f64>) -> Result<()> {
///         for (row, &sample) in samples.iter().enumerate() {
///             x[[row, 0]] = sample as f64 / 100.0;
///             target[[row, 0]] = x[[row, 0]] * x[[row, 0]];
///         }
///         Ok(())
///     }
/// }
/// # let (mut x, mut target) = (ndarray::array![[0.0]], ndarray::array![[0.0]]);
/// # Squares.gather(&[50], &mut x, &mut target)?;
/// # assert_eq!(target[[0, 0]], 0.25);
/// # Ok::<(), neuropil::Error>(())
/// ```
pub trait Dataset<A: Scalar>: Sync {
    /// The number of samples.
    fn len(&self) -> usize;

    /// Whether there are no samples.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of input features of a sample.
    fn input_width(&self) -> usize;

    /// The number of target values of a sample.
    fn target_width(&self) -> usize;

    /// Copies the samples with these indices, each below [`len`](Self::len), into the rows of `x` and `target`.
    ///
    /// # Errors
    /// When a sample cannot be read.
    fn gather(&self, samples: &[usize], x: &mut Matrix<A>, target: &mut Matrix<A>) -> Result<()>;

    /// The names and widths of a sample's inputs, for a network of several inputs; empty if they are not named.
    fn input_parts(&self) -> &[(String, usize)] {
        &[]
    }

    /// The names and widths of a sample's targets, like [`input_parts`](Self::input_parts).
    fn target_parts(&self) -> &[(String, usize)] {
        &[]
    }

    /// The number of steps of each sample, if a trainer is to make
    /// [batches of similar length](crate::data::batches_by_length); otherwise empty.
    fn lengths(&self) -> &[usize] {
        &[]
    }
}

impl<A: Scalar> Dataset<A> for Samples<A> {
    fn len(&self) -> usize {
        self.len()
    }

    fn input_width(&self) -> usize {
        self.x.ncols()
    }

    fn target_width(&self) -> usize {
        self.target.ncols()
    }

    fn gather(&self, samples: &[usize], x: &mut Matrix<A>, target: &mut Matrix<A>) -> Result<()> {
        gather_rows([&self.x, &self.target], samples, [x, target])
    }
}

/// A pair of inputs and targets, such as `(&x, &target)` or `(x.view(), target.view())`.
impl<'a, A: Scalar, X, T> Dataset<A> for (X, T)
where
    X: Into<ArrayView2<'a, A>> + Copy + Sync,
    T: Into<ArrayView2<'a, A>> + Copy + Sync,
{
    fn len(&self) -> usize {
        self.0.into().nrows()
    }

    fn input_width(&self) -> usize {
        self.0.into().ncols()
    }

    fn target_width(&self) -> usize {
        self.1.into().ncols()
    }

    fn gather(&self, samples: &[usize], x: &mut Matrix<A>, target: &mut Matrix<A>) -> Result<()> {
        gather_rows([&self.0.into(), &self.1.into()], samples, [x, target])
    }
}

/// Copies the rows with these indices.
fn gather_rows<A: Scalar>(from: [&Matrix<A>; 2], samples: &[usize], to: [&mut Matrix<A>; 2]) -> Result<()> {
    let [x, target] = from;
    check_targets(x.nrows(), target.dim())?;
    for (from, to) in from.into_iter().zip(to) {
        let wants = [samples.len(), from.ncols()];
        if to.dim() != (wants[0], wants[1]) {
            return Err(Error::Dimensions { what: "the batch to gather".into(), wants, got: to.dim().into() });
        }
        for (mut row, &sample) in to.rows_mut().into_iter().zip(samples) {
            if sample >= from.nrows() {
                let (what, wants) = ("the number of a sample", "below the number of samples");
                return Err(Error::Setting { what: what.into(), wants, got: sample as f64 });
            }
            let from = from.index_axis(Axis(0), sample);
            match (from.as_slice(), row.as_slice_mut()) {
                (Some(from), Some(row)) => row.copy_from_slice(from),
                _ => Zip::from(row).and(from).for_each(|row, &from| *row = from),
            }
        }
    }
    Ok(())
}
