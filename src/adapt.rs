//! Conversion between arrays of any number of axes, such as sequences and images, and the matrices of networks.
//!
//! Row-major arrays, and contiguous parts of them such as a range of samples, are viewed without a copy; other layouts
//! are copied. The result is a [`CowArray`], to pass as `&result`.
//!
//! ```
//! use neuropil::adapt;
//! use neuropil::prelude::*;
//! use ndarray::Array4;
//!
//! let network = Sequential::<f32>::new([3, 8, 8]).with(MaxPool2d::new([2, 2]))?;
//! let photos = Array4::zeros((5, 3, 8, 8));
//! let x = adapt::rows(&photos);
//! assert!(x.is_view() && x.dim() == (5, 3 * 8 * 8));
//!
//! let y = network.predict(&x)?;
//! let small = adapt::images(&y, [3, 4, 4])?;
//! assert!(small.is_view() && small.dim() == (5, 3, 4, 4));
//! # Ok::<(), Error>(())
//! ```

use ndarray::{ArrayRef, CowArray, Dimension, Ix2, Ix3, Ix4};

use crate::{Error, Matrix, Result, Shape};

/// Converts a batch of samples along the first axis to a matrix with one row per sample.
///
/// ```
/// use neuropil::adapt;
/// use ndarray::{Array3, s};
/// # use neuropil::ndarray;
///
/// let sequences = Array3::from_shape_fn((6, 4, 2), |(n, t, i)| (100 * n + 10 * t + i) as f64);
/// let some = sequences.slice(s![2..5, .., ..]);
/// let x = adapt::rows(&some);
/// assert!(x.is_view() && x[[0, 3]] == 211.0);
///
/// // With steps last, samples are not contiguous rows.
/// let steps_last = sequences.permuted_axes([0, 2, 1]);
/// let x = adapt::rows(&steps_last);
/// assert!(!x.is_view() && x[[2, 3]] == 230.0);
/// ```
///
/// # Panics
/// Never.
pub fn rows<A: Clone, D: Dimension>(samples: &ArrayRef<A, D>) -> CowArray<'_, A, Ix2> {
    let (count, sizes) = samples.shape().split_first().unwrap_or((&1, &[]));
    let width: usize = sizes.iter().product();
    samples.to_shape((*count, width)).expect("as many numbers as before")
}

/// Converts the rows of a matrix to images: (samples, channels, height, width).
///
/// ```
/// use neuropil::adapt;
/// use ndarray::Array2;
/// # use neuropil::ndarray;
///
/// let y = Array2::<f32>::zeros((5, 48));
/// assert_eq!(adapt::images(&y, [3, 4, 4])?.dim(), (5, 3, 4, 4));
/// # Ok::<(), neuropil::Error>(())
/// ```
///
/// # Errors
/// [`Error::Dimensions`] if the length of the rows does not match.
pub fn images<A: Clone>(rows: &Matrix<A>, image: [usize; 3]) -> Result<CowArray<'_, A, Ix4>> {
    let [channels, height, width] = image;
    let wrong = || unlike(rows, image.into(), "images");
    if rows.ncols() != Shape::from(image).len() {
        return Err(wrong());
    }
    rows.to_shape((rows.nrows(), channels, height, width)).map_err(|_| wrong())
}

/// Converts the rows of a matrix to sequences: (samples, steps, features).
///
/// ```
/// use neuropil::adapt;
/// use ndarray::Array2;
/// # use neuropil::ndarray;
///
/// let y = Array2::<f32>::zeros((5, 12));
/// assert_eq!(adapt::sequences(&y, [4, 3])?.dim(), (5, 4, 3));
/// let error = adapt::sequences(&y, [4, 4]).unwrap_err();
/// assert_eq!(error.to_string(), "a matrix of sequences [4, 4] must be 5 x 16, got 5 x 12");
/// # Ok::<(), neuropil::Error>(())
/// ```
///
/// # Errors
/// [`Error::Dimensions`] if the length of the rows does not match.
pub fn sequences<A: Clone>(rows: &Matrix<A>, sequence: [usize; 2]) -> Result<CowArray<'_, A, Ix3>> {
    let [steps, features] = sequence;
    let wrong = || unlike(rows, sequence.into(), "sequences");
    if rows.ncols() != Shape::from(sequence).len() {
        return Err(wrong());
    }
    rows.to_shape((rows.nrows(), steps, features)).map_err(|_| wrong())
}

/// The error for rows of the wrong length.
fn unlike<A>(rows: &Matrix<A>, shape: Shape, samples: &str) -> Error {
    let what = format!("a matrix of {samples} {shape}");
    Error::Dimensions { what, wants: [rows.nrows(), shape.len()], got: [rows.nrows(), rows.ncols()] }
}
