//! The [`Schedule`] trait and the schedules of the learning rate, one file each.
//!
//! # A new schedule
//! One new file here and a line in each of the two lists below; in another crate it is one file: a formula from the step to
//! the rate.

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

/// How the learning rate changes while a network trains.
///
/// A schedule is a formula: the rate follows from the base rate and the number of steps taken, whatever a step means to
/// the one who asks, an update or an epoch. Only [`Plateau`] also looks at how training goes.
pub trait Schedule: Debug + Send {
    /// The name of its kind in files, such as `cosine`: a training that was saved goes on only with a schedule of the same.
    fn kind(&self) -> &'static str;

    /// The rate for step `step`, counted from 0, where `base` is the optimizer's own rate.
    fn rate(&self, base: f64, step: u64) -> f64;

    /// After step `step`, counted as in [`rate`](Self::rate): the number that training is watched by, such as the
    /// validation loss.
    fn observe(&mut self, _step: u64, _metric: f64) {}

    /// What it has to remember when a training is saved, to go on later: nothing, for a formula.
    fn state(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Takes back what [`state`](Self::state) gave.
    ///
    /// # Errors
    /// [`Error::Format`] when it cannot be that; the schedule stays as it was.
    fn restore(&mut self, state: &[f64]) -> Result<()> {
        if state.is_empty() { Ok(()) } else { Err(wrong_state("a schedule without memory")) }
    }
}

/// So that a schedule may be chosen as the program runs.
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

/// The error of a state that is not one of this schedule.
fn wrong_state(schedule: &str) -> Error {
    Error::Format { what: format!("the state of {schedule}"), problem: "it is another schedule's".into() }
}

/// Half a cosine wave: 1 at `part` = 0, 0 at `part` = 1.
fn half_wave(part: f64) -> f64 {
    0.5 * (1.0 + (std::f64::consts::PI * part).cos())
}
