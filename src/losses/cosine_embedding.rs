//! [`CosineEmbedding`]: the cosine similarity of pairs of vectors.

use crate::error::check_setting;
use crate::losses::hinge_embedding::{PLUS_MINUS_1, is_plus_minus_1, like};
use crate::losses::{Loss, check_each, dimensions, flat, flat_mut};
use crate::{Error, Matrix, Result, Scalar};

/// The cosine embedding loss of two vectors a, b: 1 - cos for a similar pair (t = 1), max(0, cos - margin) for a
/// dissimilar one (t = -1), where cos is the cosine similarity.
///
/// Each row of outputs is a followed by b; the target is one column. As in `PyTorch`, cos = a·b / √((a·a + ε)(b·b + ε))
/// with ε = 10⁻¹², and the derivative at the kink is 0.
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let pairs = array![[3.0, 4.0, 4.0, 3.0]];
/// let loss = CosineEmbedding { margin: 0.5 };
/// assert!((loss.evaluate(&pairs, &array![[1.0]])? - 0.04_f64).abs() < 1e-12);
/// assert!((loss.evaluate(&pairs, &array![[-1.0]])? - 0.46_f64).abs() < 1e-12);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// [`Error::Target`] for an odd number of output columns and for targets other than 1 and -1, and [`Error::Setting`]
/// for a margin outside [-1, 1].
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CosineEmbedding {
    /// The maximum cosine of dissimilar pairs without loss; 0 by default.
    pub margin: f64,
}

impl<A: Scalar> Loss<A> for CosineEmbedding {
    fn check(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
        let ok = (-1.0..=1.0).contains(&self.margin);
        check_setting("CosineEmbedding's margin", self.margin, "in [-1, 1]", ok)?;
        let wrong = |wants: String, got| Err(Error::Target { who: format!("{self:?}"), wants, got, row: None });
        if !y.ncols().is_multiple_of(2) {
            return wrong("pairs of vectors, an even number of columns".into(), dimensions(y));
        }
        if target.dim() != (y.nrows(), 1) {
            return wrong(format!("a target of {} x 1", y.nrows()), dimensions(target));
        }
        check_each(self, PLUS_MINUS_1, target, is_plus_minus_1)
    }

    fn rows(&self, y: &Matrix<A>, target: &Matrix<A>, loss: &mut [A], dy: Option<&mut Matrix<A>>) {
        let width = y.ncols() / 2;
        let (margin, eps) = (A::of(self.margin), A::of(1e-12));
        let (y, targets) = (flat(y), flat(target));
        let mut dy = dy.map(flat_mut);
        for (row, (loss, &t)) in loss.iter_mut().zip(targets).enumerate() {
            let (a, b) = y[row * 2 * width..][..2 * width].split_at(width);
            let (aa, bb) = (dot(a, a) + eps, dot(b, b) + eps);
            // Two square roots, because the product could overflow or underflow.
            let norms = aa.sqrt() * bb.sqrt();
            let cos = dot(a, b) / norms;
            let inactive = if cos.is_nan() { cos } else { A::ZERO };
            *loss = like(t, A::ONE - cos, (cos - margin).maximum(A::ZERO));
            let slope = like(t, -A::ONE, if cos > margin { A::ONE } else { inactive });
            if let Some(dy) = &mut dy {
                let (da, db) = dy[row * 2 * width..][..2 * width].split_at_mut(width);
                // d cos/da = b/(|a||b|) - cos·a/|a|².
                for i in 0..width {
                    da[i] = slope * (b[i] / norms - cos * a[i] / aa);
                    db[i] = slope * (a[i] / norms - cos * b[i] / bb);
                }
            }
        }
    }

    fn counts(&self, _: &Matrix<A>, _: &Matrix<A>, counts: &mut [A]) {
        counts.fill(A::ONE);
    }
}

fn dot<A: Scalar>(a: &[A], b: &[A]) -> A {
    A::of(crate::kernels::simd::dot(a, b))
}
