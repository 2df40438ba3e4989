//! [`digits`]: small handwritten digits, included in the crate.

use crate::Scalar;
use crate::data::{Samples, parse_idx};

/// 1,797 handwritten digits of 8 x 8 pixels: enough to train a network within a second.
///
/// x is (1797, 64), row by row, with values from 0 (white) to 16 (black); target is (1797, 1) with the digit. The
/// source and licence are in the crate's folder `data/digits`.
///
/// ```
/// let digits = neuropil::data::digits::<f32>();
/// assert_eq!((digits.x.dim(), digits.target.dim()), ((1797, 64), (1797, 1)));
/// assert_eq!(digits.target[[0, 0]], 0.0);
/// ```
#[allow(clippy::missing_panics_doc)] // The files are part of the crate, and every test reads them.
pub fn digits<A: Scalar>() -> Samples<A> {
    let read = |bytes| parse_idx(bytes).expect("the crate's own file").matrix();
    let x = read(include_bytes!("../../data/digits/images.idx").as_slice());
    Samples { x, target: read(include_bytes!("../../data/digits/labels.idx")) }
}
