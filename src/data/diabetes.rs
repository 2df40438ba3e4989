//! [`diabetes`]: a small regression data set, included in the crate.

use ndarray::{Array2, s};

use crate::Scalar;
use crate::data::Samples;

/// 442 patients with diabetes: ten measurements each, and the progression of the disease after one year.
///
/// x is (442, 10): age, sex, body mass index, blood pressure and six blood serum measurements, in their original units:
/// scale them. target is (442, 1), from 25 to 346. The source and licence are in the crate's folder `data/diabetes`.
///
/// ```
/// let patients = neuropil::data::diabetes::<f64>();
/// assert_eq!((patients.x.dim(), patients.target.dim()), ((442, 10), (442, 1)));
/// assert_eq!((patients.x[[0, 0]], patients.target[[0, 0]]), (59.0, 151.0)); // 59 years old
/// ```
#[allow(clippy::missing_panics_doc)] // The file is part of the crate, and every test reads it.
pub fn diabetes<A: Scalar>() -> Samples<A> {
    let lines = include_str!("../../data/diabetes/diabetes.csv").lines().skip(1);
    let numbers = lines.flat_map(|line| line.split(',')).map(|x| A::of(x.parse().expect("a number")));
    let table = Array2::from_shape_vec((442, 11), numbers.collect()).expect("the crate's own file");
    Samples { x: table.slice(s![.., ..10]).to_owned(), target: table.slice(s![.., 10..]).to_owned() }
}
