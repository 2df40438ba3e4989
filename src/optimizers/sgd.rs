//! [`Sgd`]: stochastic gradient descent.

use crate::error::check_setting;
use crate::kernels::simd::each;
use crate::layer::Role;
use crate::optimizers::{Decay, Memory, Optimizer, average, check_fraction, check_rate};
use crate::spec::Spec;
use crate::{Result, Scalar};

/// Stochastic gradient descent, w ← w - η·g, with optional momentum, Nesterov momentum, dampening and weight decay.
///
/// As in `PyTorch`: with momentum, the velocity is v ← g in the first step and v ← momentum·v + (1 - dampening)·g in
/// later ones, and w ← w - η·v, or with Nesterov momentum w ← w - η·(g + momentum·v). v does not include η, so a change
/// of the learning rate takes effect immediately.
///
/// ```
/// use neuropil::layer::Role;
/// use neuropil::prelude::*;
///
/// let mut sgd = Sgd::<f32>::new(0.1).momentum(0.9).nesterov().decay(Decay::l2(1e-4));
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
    decay: Decay,
    /// Holds the velocity, if there is momentum.
    memory: Memory<A>,
}

impl<A: Scalar> Sgd<A> {
    /// Creates plain gradient descent with this learning rate.
    pub fn new(rate: f64) -> Self {
        let (decay, memory) = (Decay::none(), Memory::default());
        Self { rate, momentum: 0.0, dampening: 0.0, nesterov: false, decay, memory }
    }

    /// Sets the momentum, in [0, 1); 0 by default.
    pub fn momentum(self, momentum: f64) -> Self {
        Self { momentum, ..self }
    }

    /// Sets the dampening, in [0, 1], 0 by default: gradients are multiplied by 1 - dampening before they are added to
    /// the velocity.
    pub fn dampening(self, dampening: f64) -> Self {
        Self { dampening, ..self }
    }

    /// Enables Nesterov momentum; requires momentum and no dampening.
    pub fn nesterov(self) -> Self {
        Self { nesterov: true, ..self }
    }

    /// Sets the weight decay, none by default.
    pub fn decay(self, decay: Decay) -> Self {
        Self { decay, ..self }
    }
}

impl<A: Scalar> Optimizer<A> for Sgd<A> {
    fn begin_step(&mut self) -> Result<()> {
        check_rate("Sgd", self.rate)?;
        check_fraction("Sgd", "momentum", self.momentum)?;
        check_setting("Sgd's dampening", self.dampening, "in [0, 1]", (0.0..=1.0).contains(&self.dampening))?;
        let ok = !self.nesterov || (self.momentum > 0.0 && self.dampening == 0.0);
        check_setting("Sgd's momentum for Nesterov", self.momentum, "above 0, without dampening", ok)?;
        self.decay.check("Sgd")?;
        self.memory.begin_step();
        Ok(())
    }

    fn update(&mut self, slot: usize, role: Role, weights: &mut [A], gradient: &[A]) {
        let rate = A::of(self.rate);
        let decay = self.decay.at::<A>(self.rate, role);
        if self.momentum == 0.0 {
            each(
                (weights, gradient),
                #[inline(always)]
                |(w, &g)| {
                    let g = decay.pull(w, g);
                    *w -= rate * g;
                },
            );
            return;
        }
        let ([v], new) = self.memory.of(slot, weights.len(), A::ZERO);
        let momentum = A::of(self.momentum);
        let fresh = if new { A::ONE } else { A::of(1.0 - self.dampening) };
        // The coefficients of the velocity and the gradient in the step.
        let (by_velocity, by_gradient) = if self.nesterov { (momentum, A::ONE) } else { (A::ONE, A::ZERO) };
        each(
            (weights, gradient, v),
            #[inline(always)]
            move |(w, &g, v)| {
                // Works on copies, each stored once, because the compiler must assume that w and v may alias.
                let mut weight = *w;
                let g = decay.pull(&mut weight, g);
                let velocity = average(momentum, *v, fresh, g);
                *v = velocity;
                *w = weight - rate * (by_gradient * g + by_velocity * velocity);
            },
        );
    }

    fn spec(&self) -> Spec {
        let spec = Spec::new("sgd")
            .set("momentum", self.momentum)
            .set("dampening", self.dampening)
            .set("nesterov", self.nesterov);
        spec.set("decay", self.decay.spec())
    }

    accessors!();
}
