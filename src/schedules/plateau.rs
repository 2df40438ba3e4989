//! [`Plateau`]: decay when a metric stops improving.

use crate::Result;
use crate::schedules::{Schedule, wrong_state};

/// Multiplies the rate by a factor when a metric has stopped improving (`PyTorch`'s `ReduceLROnPlateau`).
///
/// A step is an improvement if its metric is below best·(1 - threshold), or above best·(1 + threshold) if
/// [`higher_is_better`](Self::higher_is_better); with an [`absolute`](Self::absolute) threshold, below best - threshold
/// or above best + threshold. The rate is reduced after more than `patience` steps in a row without improvement; the
/// next `cooldown` steps are not counted.
///
/// ```
/// use neuropil::schedules::{Plateau, Schedule};
///
/// let mut schedule = Plateau::new(0.5, 1);
/// for (step, loss) in [1.0, 0.9, 0.9, 0.9].into_iter().enumerate() {
///     schedule.observe(step as u64, loss);
/// }
/// assert_eq!(schedule.rate(0.1, 4), 0.05);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Plateau {
    factor: f64,
    patience: u64,
    threshold: f64,
    absolute: bool,
    higher_is_better: bool,
    cooldown: u64,
    least: f64,
    best: Option<f64>,
    bad: u64,
    cooling: u64,
    /// The number of reductions.
    reductions: u32,
}

/// Far more than in any training run; the rate is reduced in a loop.
const MAX_REDUCTIONS: u32 = 1 << 20;

impl Plateau {
    /// Multiplies the rate by `factor` after more than `patience` steps without a relative improvement of 10⁻⁴.
    pub fn new(factor: f64, patience: u64) -> Self {
        Self {
            factor,
            patience,
            threshold: 1e-4,
            absolute: false,
            higher_is_better: false,
            cooldown: 0,
            least: 0.0,
            best: None,
            bad: 0,
            cooling: 0,
            reductions: 0,
        }
    }

    /// Sets the minimum improvement, relative to the best metric so far; 10⁻⁴ by default.
    #[must_use]
    pub fn threshold(self, threshold: f64) -> Self {
        Self { threshold, ..self }
    }

    /// Makes the threshold absolute.
    #[must_use]
    pub fn absolute(self) -> Self {
        Self { absolute: true, ..self }
    }

    /// Monitors a metric that should increase, such as accuracy.
    #[must_use]
    pub fn higher_is_better(self) -> Self {
        Self { higher_is_better: true, ..self }
    }

    /// Sets the number of steps after a reduction that are not counted, 0 by default.
    #[must_use]
    pub fn cooldown(self, cooldown: u64) -> Self {
        Self { cooldown, ..self }
    }

    /// Sets the minimum rate, 0 by default.
    #[must_use]
    pub fn least(self, least: f64) -> Self {
        Self { least, ..self }
    }

    fn is_better(&self, metric: f64) -> bool {
        let Some(best) = self.best else { return !metric.is_nan() };
        let margin = if self.absolute { self.threshold } else { self.threshold * best };
        if self.higher_is_better { metric > best + margin } else { metric < best - margin }
    }
}

impl Schedule for Plateau {
    fn kind(&self) -> &'static str {
        "plateau"
    }

    fn rate(&self, base: f64, _: u64) -> f64 {
        // Factor by factor, to match the successive reductions; changes of 10⁻⁸ or less are skipped.
        let mut rate = base;
        for _ in 0..self.reductions {
            let lower = (rate * self.factor).max(self.least);
            if rate - lower > 1e-8 {
                rate = lower;
            } else {
                break;
            }
        }
        rate
    }

    fn observe(&mut self, _: u64, metric: f64) {
        if self.is_better(metric) {
            self.best = Some(metric);
            self.bad = 0;
        } else {
            self.bad = self.bad.saturating_add(1);
        }
        if self.cooling > 0 {
            self.cooling -= 1;
            self.bad = 0;
        }
        if self.bad > self.patience {
            self.reductions = (self.reductions + 1).min(MAX_REDUCTIONS);
            self.cooling = self.cooldown;
            self.bad = 0;
        }
    }

    fn state(&self) -> Vec<f64> {
        let [known, best] = self.best.map_or([0.0, 0.0], |best| [1.0, best]);
        vec![known, best, self.bad as f64, self.cooling as f64, f64::from(self.reductions)]
    }

    fn restore(&mut self, state: &[f64]) -> Result<()> {
        let &[known, best, bad, cooling, reductions] = state else { return Err(wrong_state("a Plateau")) };
        if !(0.0..=f64::from(MAX_REDUCTIONS)).contains(&reductions) {
            return Err(wrong_state("a Plateau"));
        }
        self.best = (known != 0.0).then_some(best);
        (self.bad, self.cooling, self.reductions) = (bad as u64, cooling as u64, reductions as u32);
        Ok(())
    }
}
