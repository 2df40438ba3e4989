//! [`RmsProp`]: steps scaled by recent gradients.

use crate::kernels::simd::each_with_root;
use crate::layer::Role;
use crate::optimizers::{Decay, Memory, Optimizer, average, check_epsilon, check_fraction, check_rate};
use crate::spec::Spec;
use crate::{Result, Scalar};

/// `RMSprop` (Hinton's lecture 6e, 2012): the gradient divided by the root of a running mean of its square.
///
/// v ← αv + (1 - α)g², u = g/(√v + ε), w ← w - η·u. If centered (Graves 2013), √v becomes the standard deviation √(v -
/// a²), with a ← αa + (1 - α)g. With momentum, b ← momentum·b + u and w ← w - η·b. As in `PyTorch`, ε is outside the
/// root.
///
/// ```
/// use neuropil::layer::Role;
/// use neuropil::prelude::*;
///
/// let mut rms_prop = RmsProp::<f64>::new(0.01).momentum(0.9).centered();
/// let mut weights = [1.0];
/// rms_prop.begin_step()?;
/// rms_prop.update(0, Role::Weight, &mut weights, &[0.5]);
/// assert!(weights[0] < 1.0);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct RmsProp<A: Scalar> {
    rate: f64,
    alpha: f64,
    epsilon: f64,
    momentum: f64,
    centered: bool,
    decay: Decay,
    memory: Memory<A>,
}

impl<A: Scalar> RmsProp<A> {
    /// Creates `RMSprop` with this learning rate (usually 0.01), α = 0.99 and ε = 10⁻⁸.
    pub fn new(rate: f64) -> Self {
        let (decay, memory) = (Decay::none(), Memory::default());
        Self { rate, alpha: 0.99, epsilon: 1e-8, momentum: 0.0, centered: false, decay, memory }
    }

    /// Sets α, the decay of the running means of g² and g, in [0, 1); 0.99 by default.
    pub fn alpha(self, alpha: f64) -> Self {
        Self { alpha, ..self }
    }

    /// Sets ε, which avoids division by 0; 10⁻⁸ by default.
    pub fn epsilon(self, epsilon: f64) -> Self {
        Self { epsilon, ..self }
    }

    /// Sets the momentum, in [0, 1); 0 by default.
    pub fn momentum(self, momentum: f64) -> Self {
        Self { momentum, ..self }
    }

    /// Divides by the standard deviation of the gradient instead of its root mean square.
    pub fn centered(self) -> Self {
        Self { centered: true, ..self }
    }

    /// Sets the weight decay, none by default.
    pub fn decay(self, decay: Decay) -> Self {
        Self { decay, ..self }
    }
}

impl<A: Scalar> Optimizer<A> for RmsProp<A> {
    fn begin_step(&mut self) -> Result<()> {
        check_rate("RmsProp", self.rate)?;
        check_fraction("RmsProp", "alpha", self.alpha)?;
        check_fraction("RmsProp", "momentum", self.momentum)?;
        check_epsilon("RmsProp", self.epsilon)?;
        self.decay.check("RmsProp")?;
        self.memory.begin_step();
        Ok(())
    }

    fn update(&mut self, slot: usize, role: Role, weights: &mut [A], gradient: &[A]) {
        let (alpha, fresh, epsilon) = (A::of(self.alpha), A::of(1.0 - self.alpha), A::of(self.epsilon));
        let (rate, momentum) = (A::of(self.rate), A::of(self.momentum));
        let decay = self.decay.at::<A>(self.rate, role);
        if !self.centered && self.momentum == 0.0 {
            let ([v], _) = self.memory.of(slot, weights.len(), A::ZERO);
            each_with_root(
                (weights, gradient, v),
                #[inline(always)]
                |(w, &g, v)| {
                    let g = decay.pull(w, g);
                    *v = average(alpha, *v, fresh, g * g);
                    *w -= rate * g / (v.sqrt() + epsilon);
                },
            );
            return;
        }
        let mean = if self.centered { A::ONE } else { A::ZERO };
        let ([v, a, b], _) = self.memory.of(slot, weights.len(), A::ZERO);
        each_with_root(
            (weights, gradient, v, a, b),
            #[inline(always)]
            |(w, &g, v, a, b)| {
                let g = decay.pull(w, g);
                *v = average(alpha, *v, fresh, g * g);
                *a = average(alpha, *a, fresh, g);
                let size = (*v - mean * (*a * *a)).sqrt() + epsilon;
                *b = average(momentum, *b, A::ONE, g / size);
                *w -= rate * *b;
            },
        );
    }

    fn spec(&self) -> Spec {
        let spec = Spec::new("rms_prop")
            .set("alpha", self.alpha)
            .set("epsilon", self.epsilon)
            .set("momentum", self.momentum)
            .set("centered", self.centered);
        spec.set("decay", self.decay.spec())
    }

    accessors!();
}
