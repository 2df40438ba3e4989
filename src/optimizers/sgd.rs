//! [`Sgd`]: stochastic gradient descent.

use crate::kernels::simd;
use crate::layers::Role;
use crate::optimizers::{Optimizer, check_setting};
use crate::{Result, Scalar};

/// Stochastic gradient descent, w ← w - η·g, with momentum, Nesterov's variant, dampening and weight decay if wanted.
///
/// In each step, as `PyTorch` does it: g ← g + decay·w; with momentum, v ← g at the first step and
/// v ← momentum·v + (1 - dampening)·g after it, and g ← v, or for Nesterov g ← g + momentum·v; at last w ← w - η·g.
/// The rate η is not part of v, so a change of the rate acts at once.
///
/// ```
/// use neuropil::prelude::*;
///
/// let mut sgd = Sgd::<f32>::new(0.1).momentum(0.9).nesterov().weight_decay(1e-4);
/// let mut weights = [1.0];
/// sgd.begin_step()?;
/// sgd.update(0, Role::Weight, &mut weights, &[0.5]);
/// assert!(weights[0] < 1.0);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Sgd<A: Scalar> {
    rate: f64,
    momentum: f64,
    dampening: f64,
    nesterov: bool,
    weight_decay: f64,
    /// The velocity of each slot, once momentum has given it one.
    velocity: Vec<Vec<A>>,
}

impl<A: Scalar> Sgd<A> {
    /// Plain gradient descent with learning rate `rate`.
    pub fn new(rate: f64) -> Self {
        Self { rate, momentum: 0.0, dampening: 0.0, nesterov: false, weight_decay: 0.0, velocity: Vec::new() }
    }

    /// Keeps moving: the share of the velocity that stays from step to step, in [0, 1).
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// Takes only 1 - dampening of each new gradient into the velocity.
    pub fn dampening(mut self, dampening: f64) -> Self {
        self.dampening = dampening;
        self
    }

    /// Looks ahead along the velocity (Nesterov's momentum); needs momentum and no dampening.
    pub fn nesterov(mut self) -> Self {
        self.nesterov = true;
        self
    }

    /// Pulls all weights and biases towards 0 by `decay`·w (L2 regularisation).
    pub fn weight_decay(mut self, decay: f64) -> Self {
        self.weight_decay = decay;
        self
    }
}

impl<A: Scalar> Optimizer<A> for Sgd<A> {
    fn begin_step(&mut self) -> Result<()> {
        let not_negative = |x: f64| x >= 0.0 && x.is_finite();
        check_setting("Sgd's learning rate", self.rate, "at least 0 and finite", not_negative(self.rate))?;
        check_setting("Sgd's momentum", self.momentum, "in [0, 1)", (0.0..1.0).contains(&self.momentum))?;
        check_setting("Sgd's dampening", self.dampening, "in [0, 1]", (0.0..=1.0).contains(&self.dampening))?;
        check_setting(
            "Sgd's weight decay",
            self.weight_decay,
            "at least 0 and finite",
            not_negative(self.weight_decay),
        )?;
        let ok = !self.nesterov || (self.momentum > 0.0 && self.dampening == 0.0);
        check_setting("Sgd's momentum for Nesterov", self.momentum, "above 0, without dampening", ok)
    }

    fn update(&mut self, slot: usize, _: Role, weights: &mut [A], gradient: &[A]) {
        let (rate, decay) = (A::of(self.rate), A::of(self.weight_decay));
        if self.momentum == 0.0 {
            return simd::update(
                weights,
                gradient,
                #[inline(always)]
                move |w, g| w - rate * (g + decay * w),
            );
        }
        if self.velocity.len() <= slot {
            self.velocity.resize(slot + 1, Vec::new());
        }
        let velocity = &mut self.velocity[slot];
        let (momentum, mut fresh) = (A::of(self.momentum), A::of(1.0 - self.dampening));
        if velocity.len() != weights.len() {
            // The first step: there is no velocity yet, and the whole gradient becomes it.
            velocity.clear();
            velocity.resize(weights.len(), A::ZERO);
            fresh = A::ONE;
        }
        // How much of g and v makes the step: v alone, or for Nesterov g + momentum·v.
        let (of_g, of_v) = if self.nesterov { (A::ONE, momentum) } else { (A::ZERO, A::ONE) };
        simd::each(
            (weights, &mut velocity[..], gradient),
            #[inline(always)]
            move |(w, v, &g)| {
                let g = g + decay * *w;
                *v = momentum * *v + fresh * g;
                *w -= rate * (of_g * g + of_v * *v);
            },
        );
    }

    fn learning_rate(&self) -> f64 {
        self.rate
    }

    fn set_learning_rate(&mut self, rate: f64) {
        self.rate = rate;
    }
}
