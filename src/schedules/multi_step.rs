//! [`MultiStep`]: decay at milestones.

use crate::schedules::Schedule;

/// Multiplies the rate by γ at each milestone (`PyTorch`'s `MultiStepLR`); milestone m applies from step m on.
///
/// ```
/// use neuropil::schedules::{MultiStep, Schedule};
///
/// let schedule = MultiStep::new([30, 80], 0.5);
/// assert_eq!([schedule.rate(0.1, 29), schedule.rate(0.1, 30), schedule.rate(0.1, 80)], [0.1, 0.05, 0.025]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct MultiStep {
    milestones: Vec<u64>,
    gamma: f64,
}

impl MultiStep {
    /// Multiplies the rate by `gamma` at each of the milestones.
    pub fn new(milestones: impl Into<Vec<u64>>, gamma: f64) -> Self {
        Self { milestones: milestones.into(), gamma }
    }
}

impl Schedule for MultiStep {
    fn kind(&self) -> &'static str {
        "multi_step"
    }

    fn rate(&self, base: f64, step: u64) -> f64 {
        let reached = self.milestones.iter().filter(|&&milestone| milestone <= step).count();
        base * self.gamma.powf(reached as f64)
    }
}
