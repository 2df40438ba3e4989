//! [`Linear`]: linear interpolation between two rates, such as a warm-up.

use crate::schedules::Schedule;

/// Linear interpolation, base·(start + (end - start)·t/steps), then base·end (`PyTorch`'s `LinearLR`).
///
/// ```
/// use neuropil::schedules::{Linear, Schedule};
///
/// let warm_up = Linear::new(0.0, 1.0, 4);
/// assert_eq!([warm_up.rate(0.8, 1), warm_up.rate(0.8, 4), warm_up.rate(0.8, 99)], [0.2, 0.8, 0.8]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Linear {
    start: f64,
    end: f64,
    steps: u64,
}

impl Linear {
    /// Interpolates from `start` to `end` times the base rate in `steps` steps.
    pub fn new(start: f64, end: f64, steps: u64) -> Self {
        Self { start, end, steps }
    }

    /// Warms up from 1% of the base rate to the base rate.
    pub fn warm_up(steps: u64) -> Self {
        Self::new(0.01, 1.0, steps)
    }
}

impl Schedule for Linear {
    fn kind(&self) -> &'static str {
        "linear"
    }

    fn rate(&self, base: f64, step: u64) -> f64 {
        if step >= self.steps {
            return base * self.end;
        }
        base * (self.start + (self.end - self.start) * step as f64 / self.steps as f64)
    }
}
