//! [`NAdam`]: Adam with Nesterov momentum.

use crate::kernels::simd::each_with_root;
use crate::layer::Role;
use crate::optimizers::{
    Decay, Memory, Optimizer, average, check_betas, check_epsilon, check_rate, not_negative, power,
};
use crate::spec::Spec;
use crate::{Result, Scalar};

/// `NAdam` (Dozat 2016): Adam with Nesterov momentum that grows over the steps.
///
/// With μₜ = β₁(1 - 0.96^(t·ψ)/2), P = μ₁···μₜ and Adam's m and v:
/// w ← w - η · ((1 - μₜ)/(1 - P)·g + μₜ₊₁/(1 - P·μₜ₊₁)·m) / (√(v/(1 - β₂ᵗ)) + ε), where ψ is the momentum decay.
///
/// ```
/// use neuropil::layer::Role;
/// use neuropil::prelude::*;
///
/// let mut nadam = NAdam::<f64>::new(0.002);
/// let mut weights = [1.0];
/// nadam.begin_step()?;
/// nadam.update(0, Role::Weight, &mut weights, &[0.5]);
/// assert!(weights[0] < 1.0);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct NAdam<A: Scalar> {
    rate: f64,
    betas: [f64; 2],
    epsilon: f64,
    momentum_decay: f64,
    decay: Decay,
    /// Its `product` is P.
    memory: Memory<A>,
}

impl<A: Scalar> NAdam<A> {
    /// Creates `NAdam` with this learning rate (usually 0.002), β = (0.9, 0.999), ε = 10⁻⁸ and ψ = 0.004.
    pub fn new(rate: f64) -> Self {
        let (betas, decay, memory) = ([0.9, 0.999], Decay::none(), Memory::default());
        Self { rate, betas, epsilon: 1e-8, momentum_decay: 0.004, decay, memory }
    }

    /// Sets β₁ and β₂, the decay of the running means of g and g², both in [0, 1); 0.9 and 0.999 by default.
    pub fn betas(self, first: f64, second: f64) -> Self {
        Self { betas: [first, second], ..self }
    }

    /// Sets ε, which avoids division by 0; 10⁻⁸ by default.
    pub fn epsilon(self, epsilon: f64) -> Self {
        Self { epsilon, ..self }
    }

    /// Sets ψ, the momentum decay, 0.004 by default.
    pub fn momentum_decay(self, momentum_decay: f64) -> Self {
        Self { momentum_decay, ..self }
    }

    /// Sets the weight decay, none by default.
    pub fn decay(self, decay: Decay) -> Self {
        Self { decay, ..self }
    }

    /// μₜ.
    fn momentum(&self, t: u64) -> f64 {
        // 0.96^(t·ψ) = e^(t·ψ·ln 0.96), bitwise reproducible on every machine.
        let fading = (t as f64 * self.momentum_decay * Scalar::ln(0.96_f64)).clamp(f64::MIN, 0.0);
        self.betas[0] * (1.0 - 0.5 * Scalar::exp(fading))
    }
}

impl<A: Scalar> Optimizer<A> for NAdam<A> {
    fn begin_step(&mut self) -> Result<()> {
        check_rate("NAdam", self.rate)?;
        check_betas("NAdam", self.betas)?;
        check_epsilon("NAdam", self.epsilon)?;
        not_negative("NAdam", "momentum decay", self.momentum_decay)?;
        self.decay.check("NAdam")?;
        self.memory.begin_step();
        self.memory.product *= self.momentum(self.memory.step);
        Ok(())
    }

    fn update(&mut self, slot: usize, role: Role, weights: &mut [A], gradient: &[A]) {
        let [mean, square] = self.betas;
        let (t, product) = (self.memory.step, self.memory.product);
        let (now, next) = (self.momentum(t), self.momentum(t.saturating_add(1)));
        let (b1, c1, b2, c2) = (A::of(mean), A::of(1.0 - mean), A::of(square), A::of(1.0 - square));
        let by_gradient = A::of(self.rate * (1.0 - now) / (1.0 - product));
        let by_mean = A::of(self.rate * next / (1.0 - product * next));
        let correction = A::of((1.0 - power(square, t)).sqrt().recip());
        let epsilon = A::of(self.epsilon);
        let decay = self.decay.at::<A>(self.rate, role);
        let ([m, v], _) = self.memory.of(slot, weights.len(), A::ZERO);
        each_with_root(
            (weights, gradient, m, v),
            #[inline(always)]
            |(w, &g, m, v)| {
                let g = decay.pull(w, g);
                *m = average(b1, *m, c1, g);
                *v = average(b2, *v, c2, g * g);
                *w -= (by_gradient * g + by_mean * *m) / (v.sqrt() * correction + epsilon);
            },
        );
    }

    fn spec(&self) -> Spec {
        let spec = Spec::new("nadam")
            .set("betas", self.betas)
            .set("epsilon", self.epsilon)
            .set("momentum_decay", self.momentum_decay);
        spec.set("decay", self.decay.spec())
    }

    accessors!();
}
