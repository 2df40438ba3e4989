//! The [`Schedule`] trait and the learning rate schedules, one file each.
//!
//! # A new schedule
//! Add one file here and an entry in each of the two lists below; in another crate, one file is enough: a function from
//! the step to the rate.

use std::fmt::Debug;

use crate::{Error, Result};

mod constant;
mod cosine;
mod cosine_restarts;
mod cyclic;
mod exponential;
mod linear;
mod multi_step;
mod one_cycle;
mod plateau;
mod polynomial;
mod sequence;
mod step_decay;

pub use constant::Constant;
pub use cosine::Cosine;
pub use cosine_restarts::CosineRestarts;
pub use cyclic::{Cyclic, CyclicMode};
pub use exponential::Exponential;
pub use linear::Linear;
pub use multi_step::MultiStep;
pub use one_cycle::{Anneal, OneCycle};
pub use plateau::Plateau;
pub use polynomial::Polynomial;
pub use sequence::Sequence;
pub use step_decay::StepDecay;

/// A learning rate schedule.
///
/// The rate is a function of the base rate and the number of steps, which may be updates or epochs. Only [`Plateau`]
/// also depends on a metric.
///
/// ```
/// use neuropil::prelude::*;
///
/// /// base/√(1 + t).
/// #[derive(Debug)]
/// struct InverseRoot;
///
/// impl Schedule for InverseRoot {
///     fn kind(&self) -> &'static str {
///         "inverse_root"
///     }
///     fn rate(&self, base: f64, step: u64) -> f64 {
///         base / (1.0 + step as f64).sqrt()
///     }
/// }
///
/// assert_eq!(InverseRoot.rate(0.1, 3), 0.05);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a learning rate schedule",
    note = "a schedule of your own implements `neuropil::schedules::Schedule`"
)]
pub trait Schedule: Debug + Send {
    /// The name of its kind in files, such as `cosine`. A saved training run resumes only with a schedule of the same
    /// kind.
    fn kind(&self) -> &'static str;

    /// The rate at `step`, counted from 0; `base` is the base rate of the optimizer.
    fn rate(&self, base: f64, step: u64) -> f64;

    /// Reports the monitored metric, such as the validation loss, after `step`, counted as in [`rate`](Self::rate).
    fn observe(&mut self, _step: u64, _metric: f64) {}

    /// The state to save in order to resume training; empty by default.
    fn state(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Restores the [`state`](Self::state).
    ///
    /// # Errors
    /// [`Error::Format`] for an invalid state; the schedule is not changed.
    fn restore(&mut self, state: &[f64]) -> Result<()> {
        if state.is_empty() { Ok(()) } else { Err(wrong_state("a schedule without memory")) }
    }
}

/// For schedules chosen at run time.
impl<S: Schedule + ?Sized> Schedule for Box<S> {
    fn kind(&self) -> &'static str {
        (**self).kind()
    }

    fn rate(&self, base: f64, step: u64) -> f64 {
        (**self).rate(base, step)
    }

    fn observe(&mut self, step: u64, metric: f64) {
        (**self).observe(step, metric);
    }

    fn state(&self) -> Vec<f64> {
        (**self).state()
    }

    fn restore(&mut self, state: &[f64]) -> Result<()> {
        (**self).restore(state)
    }
}

/// The error for an invalid state.
fn wrong_state(schedule: &str) -> Error {
    Error::Format { what: format!("the state of {schedule}"), problem: "it is another schedule's".into() }
}

/// Half a cosine period, from 1 at `part` = 0 to 0 at `part` = 1.
fn half_wave(part: f64) -> f64 {
    0.5 * (1.0 + (std::f64::consts::PI * part).cos())
}
