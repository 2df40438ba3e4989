//! [`Decay`]: weight decay.

use crate::layer::Role;
use crate::optimizers::not_negative;
use crate::spec::Spec;
use crate::{Result, Scalar};

/// Weight decay of an optimizer, which favors small weights.
///
/// - `l2`: adds λ·w to the gradient, the derivative of λ/2·w² (`PyTorch`'s `weight_decay`).
/// - `l1`: adds λ·sign(w) to the gradient, the derivative of λ·|w|.
/// - `decoupled`: multiplies the weights by 1 - η·λ before the step, separately from the gradient (Loshchilov and
///   Hutter 2019): with [`Adam`](crate::optimizers::Adam) this is `AdamW`.
///
/// ```
/// use neuropil::prelude::*;
///
/// let adam_w = Adam::<f32>::new(1e-3).decay(Decay::decoupled(0.01).spare_biases());
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Decay {
    l1: f64,
    l2: f64,
    decoupled: f64,
    spare_biases: bool,
}

impl Decay {
    /// No decay.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds λ·w to the gradient.
    pub fn l2(lambda: f64) -> Self {
        Self { l2: lambda, ..Self::none() }
    }

    /// Adds λ·sign(w) to the gradient.
    pub fn l1(lambda: f64) -> Self {
        Self { l1: lambda, ..Self::none() }
    }

    /// Multiplies weights by 1 - η·λ in each step.
    pub fn decoupled(lambda: f64) -> Self {
        Self { decoupled: lambda, ..Self::none() }
    }

    /// Adds another decay; biases are excluded if either excludes them.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            l1: self.l1 + other.l1,
            l2: self.l2 + other.l2,
            decoupled: self.decoupled + other.decoupled,
            spare_biases: self.spare_biases || other.spare_biases,
        }
    }

    /// Excludes biases, offsets and scales, including those of normalization layers.
    #[must_use]
    pub fn spare_biases(self) -> Self {
        Self { spare_biases: true, ..self }
    }

    pub(crate) fn spec(self) -> Spec {
        let spec = Spec::new("decay").set("l1", self.l1).set("l2", self.l2).set("decoupled", self.decoupled);
        spec.set("spare_biases", self.spare_biases)
    }

    pub(crate) fn check(self, optimizer: &str) -> Result<()> {
        not_negative(optimizer, "l1 decay", self.l1)?;
        not_negative(optimizer, "l2 decay", self.l2)?;
        not_negative(optimizer, "decoupled decay", self.decoupled)
    }

    /// The decay of a parameter with this role in a step with learning rate `rate`.
    #[inline(always)]
    pub(crate) fn at<A: Scalar>(self, rate: f64, role: Role) -> Pull<A> {
        let decay = if self.spare_biases && role == Role::Bias { Self::none() } else { self };
        Pull { l1: A::of(decay.l1), l2: A::of(decay.l2), keep: A::of(1.0 - rate * decay.decoupled) }
    }
}

/// The coefficients of a [`Decay`] in one step.
#[derive(Clone, Copy)]
pub(crate) struct Pull<A> {
    l1: A,
    l2: A,
    keep: A,
}

impl<A: Scalar> Pull<A> {
    /// Decays the weight, and returns its gradient plus the derivative of the penalties.
    #[inline(always)]
    pub(crate) fn pull(self, w: &mut A, g: A) -> A {
        let sign = if *w > A::ZERO { self.l1 } else { -self.l1 };
        let sign = if *w == A::ZERO { A::ZERO } else { sign };
        let g = g + self.l2 * *w + sign;
        *w *= self.keep;
        g
    }
}
