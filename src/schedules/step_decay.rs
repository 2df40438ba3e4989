//! [`StepDecay`]: decay every `every` steps.

use crate::schedules::Schedule;

/// Step decay, base·γ^⌊t/every⌋ (`PyTorch`'s `StepLR`).
///
/// ```
/// use neuropil::schedules::{Schedule, StepDecay};
///
/// let schedule = StepDecay::new(10, 0.5);
/// assert_eq!([schedule.rate(0.1, 9), schedule.rate(0.1, 10), schedule.rate(0.1, 20)], [0.1, 0.05, 0.025]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepDecay {
    every: u64,
    gamma: f64,
}

impl StepDecay {
    /// Multiplies the rate by `gamma` every `every` steps (0 counts as 1).
    pub fn new(every: u64, gamma: f64) -> Self {
        Self { every: every.max(1), gamma }
    }
}

impl Schedule for StepDecay {
    fn kind(&self) -> &'static str {
        "step_decay"
    }

    fn rate(&self, base: f64, step: u64) -> f64 {
        base * self.gamma.powf((step / self.every) as f64)
    }
}
