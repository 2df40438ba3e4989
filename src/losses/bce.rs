//! [`Bce`]: binary cross-entropy of probabilities.

use crate::error::check_setting;
use crate::losses::{Loss, check_each, pointwise::rows, same_shape};
use crate::{Matrix, Result, Scalar};

/// Binary cross-entropy of probabilities p: -(t·ln p + (1 - t)·ln(1 - p)), averaged over all elements.
///
/// Each output is an independent binary classification. If p comes from a sigmoid, prefer
/// [`BceWithLogits`](crate::losses::BceWithLogits) on the logits, which is numerically stable.
///
/// There are two ways to keep the logarithm of 0 finite:
/// - [`Bce::new`] clamps logarithms to at least -100 and uses the derivative (p - t)/max(p(1 - p), 10⁻¹²), as in
///   `PyTorch`. Value and derivative are inconsistent where p is exactly wrong: 100 and ±10¹².
/// - [`Bce::clipped`] clamps p to [c, 1 - c] in both the value and the derivative (1 - t)/(1 - p) - t/p.
///
/// ```
/// use neuropil::losses::Sum;
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let (p, target) = (array![[0.5], [0.5]], array![[1.0], [0.0]]);
/// assert_eq!(Bce::new().evaluate(&p, &target)?, std::f64::consts::LN_2);
/// assert_eq!(Sum(Bce::clipped(1e-15)).evaluate(&p, &target)?, 2.0 * std::f64::consts::LN_2);
///
/// let error = Bce::new().evaluate(&array![[0.5], [1.5]], &target).unwrap_err();
/// assert!(error.to_string().ends_with("got 1.5 in row 1"));
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// [`Error::Target`](crate::Error::Target) if an output or a target is outside [0, 1] (NaN gives NaN), and
/// [`Error::Setting`](crate::Error::Setting) for a clip outside [0, 0.5).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Bce {
    clip: Option<f64>,
}

impl Bce {
    /// Creates a loss that clamps logarithms to at least -100.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a loss that clamps probabilities to [`clip`, 1 - `clip`], for example 10⁻¹⁵. If the upper bound rounds
    /// to 1, as in `f32`, it is the largest value below 1.
    pub fn clipped(clip: f64) -> Self {
        Self { clip: Some(clip) }
    }
}

/// The loss of the probability `p` and target `t`, and its derivative with respect to `p`.
#[inline(always)]
fn terms<A: Scalar>(p: A, t: A) -> (A, A) {
    let least = A::of(-100.0);
    let value = -(t * p.ln().maximum(least) + (A::ONE - t) * (-p).ln_1p().maximum(least));
    (value, (p - t) / (p * (A::ONE - p)).maximum(A::of(1e-12)))
}

/// [`terms`] for p clamped to [clip, 1 - clip]. The order of operations matches `NumPy` bit for bit.
#[inline(always)]
fn clipped_terms<A: Scalar>(p: A, t: A, clip: f64) -> (A, A) {
    let below_one = A::ONE - A::EPSILON * A::of(0.5);
    let p = p.maximum(A::of(clip)).minimum(A::of(1.0 - clip).minimum(below_one));
    let value = -(t * p.ln() + (A::ONE - t) * (A::ONE - p).ln());
    (value, -(t / p) + (A::ONE - t) / (A::ONE - p))
}

impl<A: Scalar> Loss<A> for Bce {
    fn check(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
        same_shape(self, y, target)?;
        let clip = self.clip.unwrap_or(0.0);
        check_setting("Bce's clip", clip, "in [0, 0.5)", (0.0..0.5).contains(&clip))?;
        let inside = |p: A| (A::ZERO..=A::ONE).contains(&p) || p.is_nan();
        let wants = "probabilities in [0, 1] (put a Sigmoid before it, or use BceWithLogits)";
        check_each(self, wants, y, inside)?;
        check_each(self, "targets in [0, 1]", target, inside)
    }

    fn rows(&self, y: &Matrix<A>, target: &Matrix<A>, loss: &mut [A], dy: Option<&mut Matrix<A>>) {
        match self.clip {
            None => rows(
                y,
                target,
                loss,
                dy,
                #[inline(always)]
                |p, t| terms(p, t),
            ),
            Some(clip) => rows(
                y,
                target,
                loss,
                dy,
                #[inline(always)]
                move |p, t| clipped_terms(p, t, clip),
            ),
        }
    }
}
