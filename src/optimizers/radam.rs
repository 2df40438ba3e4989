//! [`RAdam`]: Adam with a rectified variance.

use crate::kernels::simd::each_with_root;
use crate::layer::Role;
use crate::optimizers::{Decay, Memory, Optimizer, average, check_betas, check_epsilon, check_rate, power};
use crate::spec::Spec;
use crate::{Result, Scalar};

/// `RAdam` (Liu et al. 2020): Adam that uses only the mean gradient until its variance estimate is reliable.
///
/// With ρ∞ = 2/(1 - β₂) - 1, ρ = ρ∞ - 2tβ₂ᵗ/(1 - β₂ᵗ) and Adam's m and v: if ρ > 5,
/// w ← w - η · m/(1 - β₁ᵗ) · r·√(1 - β₂ᵗ)/(√v + ε) with r = √((ρ-4)(ρ-2)ρ∞ / ((ρ∞-4)(ρ∞-2)ρ)); else
/// w ← w - η · m/(1 - β₁ᵗ).
///
/// ```
/// use neuropil::layer::Role;
/// use neuropil::prelude::*;
///
/// let mut radam = RAdam::<f64>::new(0.001);
/// let mut weights = [1.0];
/// radam.begin_step()?;
/// radam.update(0, Role::Weight, &mut weights, &[0.5]);
/// assert!((weights[0] - 0.9995).abs() < 1e-12);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct RAdam<A: Scalar> {
    rate: f64,
    betas: [f64; 2],
    epsilon: f64,
    decay: Decay,
    memory: Memory<A>,
}

impl<A: Scalar> RAdam<A> {
    /// Creates `RAdam` with this learning rate (usually 0.001), β = (0.9, 0.999) and ε = 10⁻⁸.
    pub fn new(rate: f64) -> Self {
        Self { rate, betas: [0.9, 0.999], epsilon: 1e-8, decay: Decay::none(), memory: Memory::default() }
    }

    /// Sets β₁ and β₂, the decay of the running means of g and g², both in [0, 1); 0.9 and 0.999 by default.
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

impl<A: Scalar> Optimizer<A> for RAdam<A> {
    fn begin_step(&mut self) -> Result<()> {
        check_rate("RAdam", self.rate)?;
        check_betas("RAdam", self.betas)?;
        check_epsilon("RAdam", self.epsilon)?;
        self.decay.check("RAdam")?;
        self.memory.begin_step();
        Ok(())
    }

    fn update(&mut self, slot: usize, role: Role, weights: &mut [A], gradient: &[A]) {
        let [mean, square] = self.betas;
        let t = self.memory.step;
        let fade = power(square, t);
        let rho_max = 2.0 / (1.0 - square) - 1.0;
        let rho = rho_max - 2.0 * t as f64 * fade / (1.0 - fade);
        let rate = self.rate / (1.0 - power(mean, t));
        // The factors of m and of m/(√v + ε); one of them is 0.
        let (plain, scaled) = if rho > 5.0 {
            let r = (rho - 4.0) * (rho - 2.0) * rho_max / ((rho_max - 4.0) * (rho_max - 2.0) * rho);
            (0.0, rate * (r * (1.0 - fade)).sqrt())
        } else {
            (rate, 0.0)
        };
        let (plain, scaled, epsilon) = (A::of(plain), A::of(scaled), A::of(self.epsilon));
        let (b1, c1, b2, c2) = (A::of(mean), A::of(1.0 - mean), A::of(square), A::of(1.0 - square));
        let decay = self.decay.at::<A>(self.rate, role);
        let ([m, v], _) = self.memory.of(slot, weights.len(), A::ZERO);
        each_with_root(
            (weights, gradient, m, v),
            #[inline(always)]
            |(w, &g, m, v)| {
                let g = decay.pull(w, g);
                *m = average(b1, *m, c1, g);
                *v = average(b2, *v, c2, g * g);
                *w -= (plain + scaled / (v.sqrt() + epsilon)) * *m;
            },
        );
    }

    fn spec(&self) -> Spec {
        let spec = Spec::new("radam").set("betas", self.betas).set("epsilon", self.epsilon);
        spec.set("decay", self.decay.spec())
    }

    accessors!();
}
