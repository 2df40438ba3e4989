//! [`Cyclic`]: a rate that cycles between two bounds.

use crate::schedules::Schedule;

/// How the amplitude of the cycles changes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum CyclicMode {
    /// Constant amplitude.
    #[default]
    Triangular,
    /// Halved after each cycle (`PyTorch`'s `triangular2`).
    Halved,
    /// Multiplied by this factor after each step (`PyTorch`'s `exp_range`).
    Exponential(f64),
}

/// Cycles linearly from the base rate to the highest rate and back (Smith 2017; `PyTorch`'s `CyclicLR`).
///
/// ```
/// use neuropil::schedules::{Cyclic, Schedule};
///
/// let schedule = Cyclic::new(0.5, 4, 4);
/// assert_eq!([schedule.rate(0.1, 0), schedule.rate(0.1, 4), schedule.rate(0.1, 8)], [0.1, 0.5, 0.1]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cyclic {
    highest: f64,
    up: u64,
    down: u64,
    mode: CyclicMode,
}

impl Cyclic {
    /// Creates cycles of `up` steps from the base rate to `highest` and `down` steps back (0 counts as 1).
    pub fn new(highest: f64, up: u64, down: u64) -> Self {
        Self { highest, up: up.max(1), down: down.max(1), mode: CyclicMode::Triangular }
    }

    /// Sets how the amplitude of the cycles changes; constant by default.
    #[must_use]
    pub fn mode(self, mode: CyclicMode) -> Self {
        Self { mode, ..self }
    }
}

impl Schedule for Cyclic {
    fn kind(&self) -> &'static str {
        "cyclic"
    }

    fn rate(&self, base: f64, step: u64) -> f64 {
        let period = self.up.saturating_add(self.down);
        let at = step % period;
        let part = if at <= self.up { at as f64 / self.up as f64 } else { (period - at) as f64 / self.down as f64 };
        let height = match self.mode {
            CyclicMode::Triangular => 1.0,
            CyclicMode::Halved => 0.5_f64.powf((step / period) as f64),
            CyclicMode::Exponential(gamma) => gamma.powf(step as f64),
        };
        base + (self.highest - base) * part * height
    }
}
