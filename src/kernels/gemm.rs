//! Every matrix product goes through here.

use ndarray::ArrayRef2;

use crate::Scalar;

/// c = alpha a·b + beta c, for any strides; with beta = 0 what c held does not matter, even NaN.
pub(crate) fn gemm<A: Scalar>(alpha: A, a: &ArrayRef2<A>, b: &ArrayRef2<A>, beta: A, c: &mut ArrayRef2<A>) {
    let product = a.dot(b);
    c.zip_mut_with(&product, |c, p| *c = if beta == A::ZERO { alpha * *p } else { beta * *c + alpha * *p });
}
