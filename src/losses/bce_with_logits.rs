//! [`BceWithLogits`]: binary cross-entropy of logits.

use crate::kernels::simd;
use crate::losses::{Loss, check_setting, flat, flat_mut, pointwise, same_shape};
use crate::{Error, Matrix, Result, Scalar};

/// Binary cross-entropy of logits x, the outputs before a sigmoid: -(w·t·ln σ(x) + (1 - t)·ln σ(-x)), averaged over all
/// numbers.
///
/// Every output is a yes-or-no question of its own; w is 1 unless [`pos_weight`](Self::pos_weight) sets it. It is
/// computed as w·t·(max(-x, 0) + l) + (1 - t)·(max(x, 0) + l) with l = ln(1 + e^(-|x|)): a sum of numbers that are not
/// negative, so nothing cancels and nothing overflows, however large the logit. The gradient is
/// (1 - t)·σ(x) - w·t·σ(-x).
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
/// Evaluating it is [`Error::Target`] unless target and outputs have the same shape, [`Error::Dimensions`] when there
/// is not one weight a column, and [`Error::Setting`] for a weight that is negative or not finite.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BceWithLogits {
    pos_weight: Option<Vec<f64>>,
}

impl BceWithLogits {
    /// Binary cross-entropy in which yes and no weigh the same.
    pub fn new() -> Self {
        Self::default()
    }

    /// How much more a wanted yes (t = 1) weighs than a wanted no: one weight for each column, or a single one for all.
    /// The mean still divides by how many numbers there are.
    pub fn pos_weight(mut self, weights: impl Into<Vec<f64>>) -> Self {
        self.pos_weight = Some(weights.into());
        self
    }
}

/// The loss of the logit `x` against `t`, and its derivative by `x`.
#[inline(always)]
fn terms<A: Scalar>(x: A, t: A, weight: A) -> (A, A) {
    let z = (-x.abs()).exp();
    let l = z.ln_1p();
    // The sigmoid of |x|, and of -|x|.
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
        if weights.len() != 1 && weights.len() != y.ncols() {
            let (wants, got) = ([1, y.ncols()], [1, weights.len()]);
            return Err(Error::Dimensions { what: "the pos_weight of BceWithLogits".into(), wants, got });
        }
        weights.iter().try_for_each(|&weight| {
            let ok = weight >= 0.0 && weight.is_finite();
            check_setting("BceWithLogits' pos_weight", weight, "at least 0 and finite", ok)
        })
    }

    fn rows(&self, y: &Matrix<A>, target: &Matrix<A>, loss: &mut [A], dy: Option<&mut Matrix<A>>) {
        let weights = match self.pos_weight.as_deref().unwrap_or(&[1.0]) {
            &[weight] => {
                let weight = A::of(weight);
                return pointwise::rows(
                    y,
                    target,
                    loss,
                    dy,
                    #[inline(always)]
                    |x, t| terms(x, t, weight),
                );
            }
            weights => weights,
        };
        let width = weights.len().max(1);
        let mut dy = dy.map(|dy| flat_mut(dy).chunks_exact_mut(width));
        let rows = flat(y).chunks_exact(width).zip(flat(target).chunks_exact(width));
        loss.fill(A::ZERO);
        for (loss, (y, t)) in loss.iter_mut().zip(rows) {
            *loss = A::of(match dy.as_mut().and_then(Iterator::next) {
                Some(dy) => simd::sum(
                    (dy, y, t, weights),
                    #[inline(always)]
                    |(dy, &x, &t, &weight)| {
                        let (value, slope) = terms(x, t, A::of(weight));
                        *dy = slope;
                        value
                    },
                ),
                None => simd::sum(
                    (y, t, weights),
                    #[inline(always)]
                    |(&x, &t, &weight)| terms(x, t, A::of(weight)).0,
                ),
            });
        }
    }
}
