//! [`Adamax`]: Adam with the infinity norm.

use crate::kernels::simd::each;
use crate::layer::Role;
use crate::optimizers::{Decay, Memory, Optimizer, average, check_betas, check_epsilon, check_rate, power};
use crate::spec::Spec;
use crate::{Result, Scalar};

/// Adamax (Kingma and Ba 2015, section 7.1): Adam with a decaying maximum of |g| instead of the root mean square.
///
/// m ← β₁m + (1 - β₁)g, u ← max(β₂u, |g| + ε), w ← w - η/(1 - β₁ᵗ) · m/u.
///
/// ```
/// use neuropil::layer::Role;
/// use neuropil::prelude::*;
///
/// let mut adamax = Adamax::<f64>::new(0.002);
/// let mut weights = [1.0];
/// adamax.begin_step()?;
/// adamax.update(0, Role::Weight, &mut weights, &[8.0]);
/// assert!((weights[0] - 0.998).abs() < 1e-9);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Adamax<A: Scalar> {
    rate: f64,
    betas: [f64; 2],
    epsilon: f64,
    decay: Decay,
    memory: Memory<A>,
}

impl<A: Scalar> Adamax<A> {
    /// Creates Adamax with this learning rate (usually 0.002), β = (0.9, 0.999) and ε = 10⁻⁸.
    pub fn new(rate: f64) -> Self {
        Self { rate, betas: [0.9, 0.999], epsilon: 1e-8, decay: Decay::none(), memory: Memory::default() }
    }

    /// Sets β₁ and β₂, the decay of the running mean of g and of the maximum, both in [0, 1); 0.9 and 0.999 by default.
    pub fn betas(self, first: f64, second: f64) -> Self {
        Self { betas: [first, second], ..self }
    }

    /// Sets ε, which avoids division by 0; 10⁻⁸ by default.
    pub fn epsilon(self, epsilon: f64) -> Self {
        Self { epsilon, ..self }
    }

    /// Sets the weight decay, none by default.
    pub fn decay(self, decay: Decay) -> Self {
        Self { decay, ..self }
    }
}

impl<A: Scalar> Optimizer<A> for Adamax<A> {
    fn begin_step(&mut self) -> Result<()> {
        check_rate("Adamax", self.rate)?;
        check_betas("Adamax", self.betas)?;
        check_epsilon("Adamax", self.epsilon)?;
        self.decay.check("Adamax")?;
        self.memory.begin_step();
        Ok(())
    }

    fn update(&mut self, slot: usize, role: Role, weights: &mut [A], gradient: &[A]) {
        let [mean, largest] = self.betas;
        let (b1, c1, b2, epsilon) = (A::of(mean), A::of(1.0 - mean), A::of(largest), A::of(self.epsilon));
        let rate = A::of(self.rate / (1.0 - power(mean, self.memory.step)));
        let decay = self.decay.at::<A>(self.rate, role);
        let ([m, u], _) = self.memory.of(slot, weights.len(), A::ZERO);
        each(
            (weights, gradient, m, u),
            #[inline(always)]
            |(w, &g, m, u)| {
                let g = decay.pull(w, g);
                *m = average(b1, *m, c1, g);
                *u = (b2 * *u).maximum(g.abs() + epsilon);
                *w -= rate * *m / *u;
            },
        );
    }

    fn spec(&self) -> Spec {
        let spec = Spec::new("adamax").set("betas", self.betas).set("epsilon", self.epsilon);
        spec.set("decay", self.decay.spec())
    }

    accessors!();
}
