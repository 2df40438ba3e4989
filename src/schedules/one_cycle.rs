//! [`OneCycle`]: the 1cycle policy.

use crate::schedules::{Schedule, half_wave};

/// The annealing curve.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Anneal {
    /// Half a cosine period.
    #[default]
    Cosine,
    /// Linear.
    Linear,
}

/// The 1cycle policy: a rise to the highest rate, then a fall far below the initial one (Smith and Topin 2018;
/// `PyTorch`'s `OneCycleLR` in two phases).
///
/// It starts at highest/25, regardless of the base rate, peaks after 30% of the steps, and ends at highest/25/10⁴.
///
/// ```
/// use neuropil::schedules::{OneCycle, Schedule};
///
/// let schedule = OneCycle::new(0.1, 100);
/// assert!((schedule.rate(0.0, 0) - 0.004).abs() < 1e-15);
/// assert!((schedule.rate(0.0, 29) - 0.1).abs() < 1e-15);
/// assert!((schedule.rate(0.0, 99) - 4e-7).abs() < 1e-15);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OneCycle {
    highest: f64,
    steps: u64,
    rise: f64,
    anneal: Anneal,
    start_divisor: f64,
    end_divisor: f64,
}

impl OneCycle {
    /// Creates a cycle of `steps` steps with the maximum rate `highest`.
    pub fn new(highest: f64, steps: u64) -> Self {
        Self { highest, steps, rise: 0.3, anneal: Anneal::Cosine, start_divisor: 25.0, end_divisor: 1e4 }
    }

    /// Sets the fraction of steps spent rising, 0.3 by default.
    #[must_use]
    pub fn rise(self, rise: f64) -> Self {
        Self { rise, ..self }
    }

    /// Sets the annealing curve, [`Anneal::Cosine`] by default.
    #[must_use]
    pub fn anneal(self, anneal: Anneal) -> Self {
        Self { anneal, ..self }
    }

    /// Sets the ratio `start` of maximum to initial rate, 25 by default, and `end` of initial to final rate, 10⁴ by
    /// default.
    #[must_use]
    pub fn divisors(self, start: f64, end: f64) -> Self {
        Self { start_divisor: start, end_divisor: end, ..self }
    }
}

impl Schedule for OneCycle {
    fn kind(&self) -> &'static str {
        "one_cycle"
    }

    fn rate(&self, _: f64, step: u64) -> f64 {
        let first = self.highest / self.start_divisor;
        // The peak may lie between two steps.
        let (at, peak, last) = (step as f64, self.rise * self.steps as f64 - 1.0, self.steps as f64 - 1.0);
        let (from, to, part) = if at <= peak {
            // The first step may be the peak.
            (first, self.highest, if peak > 0.0 { at / peak } else { 1.0 })
        } else {
            (self.highest, first / self.end_divisor, ((at - peak) / (last - peak)).min(1.0))
        };
        let left = match self.anneal {
            Anneal::Cosine => half_wave(part),
            Anneal::Linear => 1.0 - part,
        };
        to + (from - to) * left
    }
}
