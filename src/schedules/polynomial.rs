//! [`Polynomial`]: polynomial decay.

use crate::schedules::Schedule;

/// Polynomial decay, base·(1 - t/steps)^power, then 0 (`PyTorch`'s `PolynomialLR`).
///
/// ```
/// use neuropil::schedules::{Polynomial, Schedule};
///
/// let schedule = Polynomial::new(10, 2.0);
/// assert_eq!([schedule.rate(0.4, 0), schedule.rate(0.4, 5), schedule.rate(0.4, 11)], [0.4, 0.1, 0.0]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Polynomial {
    steps: u64,
    power: f64,
}

impl Polynomial {
    /// Decays to 0 in `steps` steps.
    pub fn new(steps: u64, power: f64) -> Self {
        Self { steps, power }
    }
}

impl Schedule for Polynomial {
    fn kind(&self) -> &'static str {
        "polynomial"
    }

    fn rate(&self, base: f64, step: u64) -> f64 {
        if step >= self.steps {
            return 0.0;
        }
        base * (1.0 - step as f64 / self.steps as f64).powf(self.power)
    }
}
