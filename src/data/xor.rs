//! [`xor`]: the four cases of the exclusive or.

use ndarray::array;

use crate::Scalar;
use crate::data::Samples;

/// The exclusive or: the four pairs of 0 and 1, with target 1 where exactly one of them is 1.
///
/// No straight line separates its classes, so it is the smallest problem that needs a hidden layer (Minsky and Papert,
/// 1969).
///
/// ```
/// use ndarray::array;
///
/// let xor = neuropil::data::xor::<f64>();
/// assert_eq!(xor.x, array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]);
/// assert_eq!(xor.target, array![[0.0], [1.0], [1.0], [0.0]]);
/// ```
pub fn xor<A: Scalar>() -> Samples<A> {
    let (o, i) = (A::ZERO, A::ONE);
    Samples { x: array![[o, o], [o, i], [i, o], [i, i]], target: array![[o], [i], [i], [o]] }
}
