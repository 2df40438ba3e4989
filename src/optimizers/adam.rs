//! [`Adam`]: adaptive moment estimation.

use crate::kernels::simd::each_with_root;
use crate::layer::Role;
use crate::optimizers::{Decay, Memory, Optimizer, average, check_betas, check_epsilon, check_rate, power};
use crate::spec::Spec;
use crate::{Result, Scalar};

/// Adam (Kingma and Ba 2015): a running mean of the gradient, divided by the root of a running mean of its square.
///
/// In step t: m ← β₁m + (1 - β₁)g, v ← β₂v + (1 - β₂)g², then w ← w - η · m/(1 - β₁ᵗ) / (√(v/(1 - β₂ᵗ)) + ε). ε is
/// outside the root, as in `PyTorch`. With [`amsgrad`](Self::amsgrad), v is replaced by its maximum so far (Reddi et
/// al. 2018). `AdamW` is `Adam::new(rate).decay(Decay::decoupled(0.01))`.
///
/// ```
/// use neuropil::layer::Role;
/// use neuropil::prelude::*;
///
/// let mut adam = Adam::<f64>::new(0.001);
/// let mut weights = [1.0];
/// adam.begin_step()?;
/// adam.update(0, Role::Weight, &mut weights, &[123.0]);
/// assert!((weights[0] - 0.999).abs() < 1e-9); // the first step is the learning rate, for any gradient
/// # Ok::<(), Error>(())
/// ```
#[doc(alias = "AdamW")]
#[derive(Debug, Clone)]
pub struct Adam<A: Scalar> {
    rate: f64,
    betas: [f64; 2],
    epsilon: f64,
    amsgrad: bool,
    decay: Decay,
    memory: Memory<A>,
}

impl<A: Scalar> Adam<A> {
    /// Creates Adam with this learning rate (usually 0.001), β = (0.9, 0.999) and ε = 10⁻⁸.
    pub fn new(rate: f64) -> Self {
        let (betas, decay, memory) = ([0.9, 0.999], Decay::none(), Memory::default());
        Self { rate, betas, epsilon: 1e-8, amsgrad: false, decay, memory }
    }

    /// Sets β₁ and β₂, the decay of the running means of g and g², both in [0, 1); 0.9 and 0.999 by default.
    pub fn betas(self, first: f64, second: f64) -> Self {
        Self { betas: [first, second], ..self }
    }

    /// Sets ε, which avoids division by 0; 10⁻⁸ by default.
    pub fn epsilon(self, epsilon: f64) -> Self {
        Self { epsilon, ..self }
    }

    /// Divides by the maximum of v so far (`AMSGrad`).
    pub fn amsgrad(self) -> Self {
        Self { amsgrad: true, ..self }
    }

    /// Sets the weight decay, none by default.
    pub fn decay(self, decay: Decay) -> Self {
        Self { decay, ..self }
    }
}

impl<A: Scalar> Optimizer<A> for Adam<A> {
    fn begin_step(&mut self) -> Result<()> {
        check_rate("Adam", self.rate)?;
        check_betas("Adam", self.betas)?;
        check_epsilon("Adam", self.epsilon)?;
        self.decay.check("Adam")?;
        self.memory.begin_step();
        Ok(())
    }

    fn update(&mut self, slot: usize, role: Role, weights: &mut [A], gradient: &[A]) {
        let [mean, square] = self.betas;
        let (b1, b2, epsilon) = (A::of(mean), A::of(square), A::of(self.epsilon));
        let (c1, c2) = (A::of(1.0 - mean), A::of(1.0 - square));
        let t = self.memory.step;
        // η/(1 - β₁ᵗ), and 1/√(1 - β₂ᵗ).
        let rate = A::of(self.rate / (1.0 - power(mean, t)));
        let correction = A::of((1.0 - power(square, t)).sqrt().recip());
        let decay = self.decay.at::<A>(self.rate, role);
        if self.amsgrad {
            let ([m, v, largest], _) = self.memory.of(slot, weights.len(), A::ZERO);
            each_with_root(
                (weights, gradient, m, v, largest),
                #[inline(always)]
                |(w, &g, m, v, largest)| {
                    let g = decay.pull(w, g);
                    *m = average(b1, *m, c1, g);
                    *v = average(b2, *v, c2, g * g);
                    *largest = largest.maximum(*v);
                    *w -= rate * *m / (largest.sqrt() * correction + epsilon);
                },
            );
        } else {
            let ([m, v], _) = self.memory.of(slot, weights.len(), A::ZERO);
            each_with_root(
                (weights, gradient, m, v),
                #[inline(always)]
                |(w, &g, m, v)| {
                    let g = decay.pull(w, g);
                    *m = average(b1, *m, c1, g);
                    *v = average(b2, *v, c2, g * g);
                    *w -= rate * *m / (v.sqrt() * correction + epsilon);
                },
            );
        }
    }

    fn spec(&self) -> Spec {
        let spec = Spec::new("adam").set("betas", self.betas).set("epsilon", self.epsilon).set("amsgrad", self.amsgrad);
        spec.set("decay", self.decay.spec())
    }

    accessors!();
}
