//! [`Lion`]: steps by the sign of the momentum.

use crate::kernels::simd::each;
use crate::layer::Role;
use crate::optimizers::{Decay, Memory, Optimizer, average, check_betas, check_rate};
use crate::spec::Spec;
use crate::{Result, Scalar};

/// Lion (Chen et al. 2023): steps by the sign of a mix of momentum and gradient, so every weight moves by exactly the
/// learning rate.
///
/// w ← w - η·sign(β₁m + (1 - β₁)g), then m ← β₂m + (1 - β₂)g, where sign(0) = 0. Use a learning rate three to ten times
/// smaller than Adam's, and [`Decay::decoupled`] with a λ larger by the same factor.
///
/// ```
/// use neuropil::layer::Role;
/// use neuropil::prelude::*;
///
/// let mut lion = Lion::<f64>::new(0.25);
/// let mut weights = [1.0, 1.0, 1.0];
/// lion.begin_step()?;
/// lion.update(0, Role::Weight, &mut weights, &[0.001, -80.0, 0.0]);
/// assert_eq!(weights, [0.75, 1.25, 1.0]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Lion<A: Scalar> {
    rate: f64,
    betas: [f64; 2],
    decay: Decay,
    memory: Memory<A>,
}

impl<A: Scalar> Lion<A> {
    /// Creates Lion with this learning rate (usually 10⁻⁴) and β = (0.9, 0.99).
    pub fn new(rate: f64) -> Self {
        Self { rate, betas: [0.9, 0.99], decay: Decay::none(), memory: Memory::default() }
    }

    /// Sets β₁, the weight of the momentum in the step, and β₂, its decay, both in [0, 1); 0.9 and 0.99 by default.
    pub fn betas(self, first: f64, second: f64) -> Self {
        Self { betas: [first, second], ..self }
    }

    /// Sets the weight decay, none by default.
    pub fn decay(self, decay: Decay) -> Self {
        Self { decay, ..self }
    }
}

impl<A: Scalar> Optimizer<A> for Lion<A> {
    fn begin_step(&mut self) -> Result<()> {
        check_rate("Lion", self.rate)?;
        check_betas("Lion", self.betas)?;
        self.decay.check("Lion")?;
        self.memory.begin_step();
        Ok(())
    }

    fn update(&mut self, slot: usize, role: Role, weights: &mut [A], gradient: &[A]) {
        let [step, keep] = self.betas;
        let (b1, c1, b2, c2) = (A::of(step), A::of(1.0 - step), A::of(keep), A::of(1.0 - keep));
        let rate = A::of(self.rate);
        let decay = self.decay.at::<A>(self.rate, role);
        let ([m], _) = self.memory.of(slot, weights.len(), A::ZERO);
        each(
            (weights, gradient, m),
            #[inline(always)]
            |(w, &g, m)| {
                let g = decay.pull(w, g);
                let direction = b1 * *m + c1 * g;
                // 0 stays 0, and NaN propagates.
                let step = if direction < A::ZERO { -rate } else { direction * A::ZERO };
                *w -= if direction > A::ZERO { rate } else { step };
                *m = average(b2, *m, c2, g);
            },
        );
    }

    fn spec(&self) -> Spec {
        let spec = Spec::new("lion").set("betas", self.betas);
        spec.set("decay", self.decay.spec())
    }

    accessors!();
}
