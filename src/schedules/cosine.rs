//! [`Cosine`]: cosine annealing.

use crate::schedules::Schedule;

/// Cosine annealing, least + (base - least)·(1 + cos(π·t/steps))/2 (Loshchilov and Hutter 2017; `PyTorch`'s
/// `CosineAnnealingLR`).
///
/// After `steps` it rises again, as in `PyTorch`, with period 2·steps.
///
/// ```
/// use neuropil::schedules::{Cosine, Schedule};
///
/// let schedule = Cosine::new(50);
/// assert_eq!([schedule.rate(0.1, 0), schedule.rate(0.1, 50)], [0.1, 0.0]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cosine {
    steps: u64,
    least: f64,
}

impl Cosine {
    /// Anneals the base rate to 0 in `steps` steps (0 counts as 1).
    pub fn new(steps: u64) -> Self {
        Self { steps: steps.max(1), least: 0.0 }
    }

    /// Sets the minimum rate, 0 by default.
    #[must_use]
    pub fn least(self, least: f64) -> Self {
        Self { least, ..self }
    }
}

impl Schedule for Cosine {
    fn kind(&self) -> &'static str {
        "cosine"
    }

    fn rate(&self, base: f64, step: u64) -> f64 {
        let part = (step % self.steps.saturating_mul(2)) as f64 / self.steps as f64;
        self.least + (base - self.least) * super::half_wave(part)
    }
}
