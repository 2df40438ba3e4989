//! [`Adadelta`]: adaptive steps without a tuned learning rate.

use crate::kernels::simd::each_with_root;
use crate::layer::Role;
use crate::optimizers::{Decay, Memory, Optimizer, average, check_epsilon, check_fraction, check_rate};
use crate::spec::Spec;
use crate::{Result, Scalar};

/// Adadelta (Zeiler 2012): the gradient scaled by the ratio of the root mean squares of recent steps and gradients.
///
/// v ← ρv + (1 - ρ)g², δ = √(a + ε)/√(v + ε) · g, a ← ρa + (1 - ρ)δ², w ← w - η·δ. ε is inside the roots.
///
/// ```
/// use neuropil::layer::Role;
/// use neuropil::prelude::*;
///
/// let mut adadelta = Adadelta::<f64>::new(1.0);
/// let mut weights = [1.0];
/// adadelta.begin_step()?;
/// adadelta.update(0, Role::Weight, &mut weights, &[0.5]);
/// assert!(weights[0] < 1.0);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Adadelta<A: Scalar> {
    rate: f64,
    rho: f64,
    epsilon: f64,
    decay: Decay,
    memory: Memory<A>,
}

impl<A: Scalar> Adadelta<A> {
    /// Creates Adadelta with this learning rate (usually 1), ρ = 0.9 and ε = 10⁻⁶.
    pub fn new(rate: f64) -> Self {
        Self { rate, rho: 0.9, epsilon: 1e-6, decay: Decay::none(), memory: Memory::default() }
    }

    /// Sets ρ, the decay of the running means, in [0, 1); 0.9 by default.
    pub fn rho(self, rho: f64) -> Self {
        Self { rho, ..self }
    }

    /// Sets ε, which avoids division by 0 and determines the first step; 10⁻⁶ by default.
    pub fn epsilon(self, epsilon: f64) -> Self {
        Self { epsilon, ..self }
    }

    /// Sets the weight decay, none by default.
    pub fn decay(self, decay: Decay) -> Self {
        Self { decay, ..self }
    }
}

impl<A: Scalar> Optimizer<A> for Adadelta<A> {
    fn begin_step(&mut self) -> Result<()> {
        check_rate("Adadelta", self.rate)?;
        check_fraction("Adadelta", "rho", self.rho)?;
        check_epsilon("Adadelta", self.epsilon)?;
        self.decay.check("Adadelta")?;
        self.memory.begin_step();
        Ok(())
    }

    fn update(&mut self, slot: usize, role: Role, weights: &mut [A], gradient: &[A]) {
        let (rate, rho, fresh) = (A::of(self.rate), A::of(self.rho), A::of(1.0 - self.rho));
        let epsilon = A::of(self.epsilon);
        let decay = self.decay.at::<A>(self.rate, role);
        let ([v, a], _) = self.memory.of(slot, weights.len(), A::ZERO);
        each_with_root(
            (weights, gradient, v, a),
            #[inline(always)]
            |(w, &g, v, a)| {
                let g = decay.pull(w, g);
                *v = average(rho, *v, fresh, g * g);
                let delta = (*a + epsilon).sqrt() / (*v + epsilon).sqrt() * g;
                *a = average(rho, *a, fresh, delta * delta);
                *w -= rate * delta;
            },
        );
    }

    fn spec(&self) -> Spec {
        let spec = Spec::new("adadelta").set("rho", self.rho).set("epsilon", self.epsilon);
        spec.set("decay", self.decay.spec())
    }

    accessors!();
}
