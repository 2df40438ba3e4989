//! [`blobs`]: Gaussian clusters.

use ndarray::Array2;
use rand::Rng;

use crate::data::Samples;
use crate::data::samples::classes;
use crate::init::standard_normal;
use crate::{Matrix, Scalar};

/// A Gaussian cluster of points around each row of `centers`, one class each.
///
/// Gaussian noise of standard deviation `std` is added to each coordinate. x is (samples, columns of `centers`), target
/// is (samples, 1) with the index of the center. Without centers, there are no samples.
///
/// ```
/// use ndarray::array;
///
/// let centers = array![[0.0, 0.0, 9.0], [5.0, -5.0, 0.0]];
/// let blobs = neuropil::data::blobs(100, &centers, 0.3, &mut neuropil::rng(1));
/// assert_eq!(blobs.x.dim(), (100, 3));
/// assert!(blobs.x[[0, 2]] > 5.0 && blobs.x[[1, 2]] < 5.0);
/// ```
pub fn blobs<A: Scalar>(samples: usize, centers: &Matrix<A>, std: f64, rng: &mut impl Rng) -> Samples<A> {
    let target = classes(samples, centers.nrows());
    let x = Array2::from_shape_fn((target.nrows(), centers.ncols()), |(i, j)| {
        A::of(centers[[i % centers.nrows(), j]].to_f64() + std * standard_normal(rng))
    });
    Samples { x, target }
}
