//! [`Adagrad`]: steps scaled by all past gradients.

use crate::kernels::simd::each_with_root;
use crate::layer::Role;
use crate::optimizers::{Decay, Memory, Optimizer, check_epsilon, check_rate, not_negative};
use crate::spec::Spec;
use crate::{Result, Scalar};

/// Adagrad (Duchi, Hazan and Singer 2011): the gradient divided by the root of the sum of its past squares.
///
/// v ← v + g², w ← w - η/(1 + (t - 1)·`rate_decay`) · g/(√v + ε). Weights that are rarely updated keep large steps.
///
/// ```
/// use neuropil::layer::Role;
/// use neuropil::prelude::*;
///
/// let mut adagrad = Adagrad::<f64>::new(0.5);
/// let mut weights = [1.0];
/// adagrad.begin_step()?;
/// adagrad.update(0, Role::Weight, &mut weights, &[8.0]);
/// assert!((weights[0] - 0.5).abs() < 1e-9);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Adagrad<A: Scalar> {
    rate: f64,
    rate_decay: f64,
    start: f64,
    epsilon: f64,
    decay: Decay,
    memory: Memory<A>,
}

impl<A: Scalar> Adagrad<A> {
    /// Creates Adagrad with this learning rate (usually 0.01) and ε = 10⁻¹⁰.
    pub fn new(rate: f64) -> Self {
        Self { rate, rate_decay: 0.0, start: 0.0, epsilon: 1e-10, decay: Decay::none(), memory: Memory::default() }
    }

    /// Sets the decay of the learning rate, η/(1 + (t - 1)·`rate_decay`) in step t from 1; 0 by default.
    pub fn rate_decay(self, rate_decay: f64) -> Self {
        Self { rate_decay, ..self }
    }

    /// Sets the initial value of v, 0 by default.
    pub fn initial_accumulator(self, start: f64) -> Self {
        Self { start, ..self }
    }

    /// Sets ε, which avoids division by 0; 10⁻¹⁰ by default.
    pub fn epsilon(self, epsilon: f64) -> Self {
        Self { epsilon, ..self }
    }

    /// Sets the weight decay, none by default.
    pub fn decay(self, decay: Decay) -> Self {
        Self { decay, ..self }
    }
}

impl<A: Scalar> Optimizer<A> for Adagrad<A> {
    fn begin_step(&mut self) -> Result<()> {
        check_rate("Adagrad", self.rate)?;
        not_negative("Adagrad", "rate decay", self.rate_decay)?;
        not_negative("Adagrad", "initial accumulator", self.start)?;
        check_epsilon("Adagrad", self.epsilon)?;
        self.decay.check("Adagrad")?;
        self.memory.begin_step();
        Ok(())
    }

    fn update(&mut self, slot: usize, role: Role, weights: &mut [A], gradient: &[A]) {
        let rate = self.rate / (1.0 + self.memory.step.saturating_sub(1) as f64 * self.rate_decay);
        let (rate, epsilon) = (A::of(rate), A::of(self.epsilon));
        let decay = self.decay.at::<A>(self.rate, role);
        let ([v], _) = self.memory.of(slot, weights.len(), A::of(self.start));
        each_with_root(
            (weights, gradient, v),
            #[inline(always)]
            |(w, &g, v)| {
                let g = decay.pull(w, g);
                *v += g * g;
                *w -= rate * g / (v.sqrt() + epsilon);
            },
        );
    }

    fn spec(&self) -> Spec {
        let spec = Spec::new("adagrad")
            .set("rate_decay", self.rate_decay)
            .set("initial_accumulator", self.start)
            .set("epsilon", self.epsilon);
        spec.set("decay", self.decay.spec())
    }

    accessors!();
}
