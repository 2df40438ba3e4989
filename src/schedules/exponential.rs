//! [`Exponential`]: exponential decay.

use crate::schedules::Schedule;

/// Exponential decay, base·γᵗ (`PyTorch`'s `ExponentialLR`).
///
/// ```
/// use neuropil::schedules::{Exponential, Schedule};
///
/// assert_eq!(Exponential::new(0.5).rate(0.8, 3), 0.1);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exponential {
    gamma: f64,
}

impl Exponential {
    /// Multiplies the rate by `gamma` at each step.
    pub fn new(gamma: f64) -> Self {
        Self { gamma }
    }
}

impl Schedule for Exponential {
    fn kind(&self) -> &'static str {
        "exponential"
    }

    fn rate(&self, base: f64, step: u64) -> f64 {
        base * self.gamma.powf(step as f64)
    }
}
