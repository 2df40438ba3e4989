//! [`BceWithLogits`]: binary cross-entropy of logits.

use crate::error::check_setting;
use crate::losses::{Loss, flat, flat_mut, pointwise, pointwise::row_sums, same_shape};
use crate::{Error, Matrix, Result, Scalar};

/// Binary cross-entropy of logits x, the inputs of a sigmoid: -(w·t·ln σ(x) + (1 - t)·ln σ(-x)), averaged over all
/// elements.
///
/// Each output is an independent binary classification; w is 1 unless set by [`pos_weight`](Self::pos_weight). It is
/// computed as w·t·(max(-x, 0) + l) + (1 - t)·(max(x, 0) + l) with l = ln(1 + e^(-|x|)), a sum of non-negative terms
/// without cancellation or overflow. The gradient is (1 - t)·σ(x) - w·t·σ(-x).
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let (logits, target) = (array![[0.0], [800.0]], array![[1.0], [0.0]]);
/// assert_eq!(BceWithLogits::new().per_sample(&logits, &target)?, array![std::f64::consts::LN_2, 800.0]);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// [`Error::Target`] unless target and outputs have the same shape, [`Error::Dimensions`] unless there is one weight
/// per column, and [`Error::Setting`] for a negative or non-finite weight.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BceWithLogits {
    pos_weight: Option<Vec<f64>>,
}

impl BceWithLogits {
    /// Creates a loss in which both classes have weight 1.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the weight of the positive class (t = 1): one per column, or one for all. The mean still divides by the
    /// number of elements.
    pub fn pos_weight(mut self, weights: impl Into<Vec<f64>>) -> Self {
        self.pos_weight = Some(weights.into());
        self
    }
}

/// The loss of the logit `x` and target `t`, and its derivative with respect to `x`.
#[inline(always)]
fn terms<A: Scalar>(x: A, t: A, weight: A) -> (A, A) {
    let z = (-x.abs()).exp();
    let l = z.ln_1p();
    // The sigmoids of |x| and -|x|.
    let near_1 = A::ONE / (A::ONE + z);
    let near_0 = z * near_1;
    let (yes, no) = if x < A::ZERO { (near_0, near_1) } else { (near_1, near_0) };
    let (if_yes, if_no) = (weight * t, A::ONE - t);
    let value = if_yes * ((-x).maximum(A::ZERO) + l) + if_no * (x.maximum(A::ZERO) + l);
    (value, if_no * yes - if_yes * no)
}

impl<A: Scalar> Loss<A> for BceWithLogits {
    fn check(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
        same_shape(self, y, target)?;
        let Some(weights) = &self.pos_weight else { return Ok(()) };
        if weights.is_empty() || weights.len() != 1 && weights.len() != y.ncols() {
            let (wants, got) = ([1, y.ncols().max(1)], [1, weights.len()]);
            return Err(Error::Dimensions { what: "the pos_weight of BceWithLogits".into(), wants, got });
        }
        weights.iter().try_for_each(|&weight| {
            let ok = weight >= 0.0 && weight.is_finite();
            check_setting("BceWithLogits' pos_weight", weight, "at least 0 and finite", ok)
        })
    }

    fn rows(&self, y: &Matrix<A>, target: &Matrix<A>, loss: &mut [A], mut dy: Option<&mut Matrix<A>>) {
        let weights = match self.pos_weight.as_deref().unwrap_or(&[1.0]) {
            &[weight] => {
                let weight = A::of(weight);
                return pointwise::rows(
                    y,
                    target,
                    loss,
                    dy,
                    #[inline(always)]
                    move |x, t| terms(x, t, weight),
                );
            }
            weights => weights,
        };
        // The weights, repeated for all rows that fit.
        let mut room = [1.0; 256];
        let width = weights.len();
        let (weights, together) = match room.len() / width.max(1) {
            0 | 1 => (weights, 1),
            together => {
                room.chunks_exact_mut(width.max(1)).for_each(|room| room.copy_from_slice(weights));
                (&room[..together * width], together)
            }
        };
        for (at, loss) in loss.chunks_mut(together).enumerate() {
            let here = at * weights.len()..at * weights.len() + loss.len() * width;
            let (y, t, weights) = (&flat(y)[here.clone()], &flat(target)[here.clone()], &weights[..here.len()]);
            match &mut dy {
                Some(dy) => row_sums(
                    (&mut flat_mut(dy)[here], y, t, weights),
                    loss,
                    #[inline(always)]
                    |(dy, &x, &t, &weight)| {
                        let value;
                        (value, *dy) = terms(x, t, A::of(weight));
                        value
                    },
                ),
                None => row_sums(
                    (y, t, weights),
                    loss,
                    #[inline(always)]
                    |(&x, &t, &weight)| terms(x, t, A::of(weight)).0,
                ),
            }
        }
    }
}
