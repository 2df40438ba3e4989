//! The [`Optimizer`] trait and the optimizers, one file each.
//!
//! # A new optimizer
//! One new file here and a line in each of the two lists below; in another crate it is one file.

use std::fmt::Debug;

use crate::layers::Role;
use crate::{Error, Result, Scalar};

mod sgd;

pub use sgd::Sgd;

/// A rule that turns gradients into changes of the weights.
pub trait Optimizer<A: Scalar>: Debug + Send {
    /// Checks the settings and counts the step; called once before the [`update`](Self::update)s of a step.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for a setting outside its range; no weight was changed.
    fn begin_step(&mut self) -> Result<()>;

    /// Changes the weights of one parameter. `slot` counts a network's trainable parameters from 0, in the order of
    /// [`Layer::visit`](crate::layers::Layer::visit): an optimizer with memory keeps it by slot.
    fn update(&mut self, slot: usize, role: Role, weights: &mut [A], gradient: &[A]);

    /// The learning rate.
    fn learning_rate(&self) -> f64;

    /// Sets the learning rate, for schedules.
    fn set_learning_rate(&mut self, rate: f64);
}

/// The error unless `got` is in `range`, written out in `wants`.
pub(crate) fn check_setting(what: &'static str, got: f64, wants: &'static str, ok: bool) -> Result<()> {
    if ok { Ok(()) } else { Err(Error::Setting { what, wants, got }) }
}
