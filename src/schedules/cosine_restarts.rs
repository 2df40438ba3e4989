//! [`CosineRestarts`]: cosine annealing with warm restarts.

use crate::schedules::Schedule;

/// [`Cosine`](crate::schedules::Cosine), restarted after each period, whose length grows by a factor (`SGDR`,
/// Loshchilov and Hutter 2017; `PyTorch`'s `CosineAnnealingWarmRestarts`).
///
/// ```
/// use neuropil::schedules::{CosineRestarts, Schedule};
///
/// let schedule = CosineRestarts::new(10, 2);
/// assert_eq!(schedule.rate(0.1, 0), 0.1);
/// assert_eq!(schedule.rate(0.1, 10), 0.1); // the second period, 20 steps long
/// assert_eq!(schedule.rate(0.1, 30), 0.1);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CosineRestarts {
    first: u64,
    factor: u64,
    least: f64,
}

impl CosineRestarts {
    /// Creates a schedule whose first period has `first` steps, and each later one `factor` times as many as the
    /// previous one (0 counts as 1).
    pub fn new(first: u64, factor: u64) -> Self {
        Self { first: first.max(1), factor: factor.max(1), least: 0.0 }
    }

    /// Sets the minimum rate, 0 by default.
    #[must_use]
    pub fn least(self, least: f64) -> Self {
        Self { least, ..self }
    }
}

impl Schedule for CosineRestarts {
    fn kind(&self) -> &'static str {
        "cosine_restarts"
    }

    fn rate(&self, base: f64, step: u64) -> f64 {
        let (mut at, mut period) = (step, self.first);
        if self.factor == 1 {
            at %= period;
        }
        while at >= period {
            at -= period;
            period = period.saturating_mul(self.factor);
        }
        self.least + (base - self.least) * super::half_wave(at as f64 / period as f64)
    }
}
