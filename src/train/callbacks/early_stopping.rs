//! [`EarlyStopping`]: ends a training that no longer improves.

use std::fmt;

use super::{Callback, Column, Context, Flow, numbers_of, set_numbers};
use crate::error::check_setting;
use crate::{Error, Result, Scalar};

/// Ends the training when the monitored value has not improved for `patience` epochs in a row, and restores the weights
/// and running statistics of the best epoch.
///
/// It monitors `val_loss`, or `loss` without validation data, unless another value is set by [`monitor`](Self::monitor)
/// or on the trainer. The best weights are restored at the end of every fit, even if it was not stopped early; the
/// optimizer keeps its state of the last epoch. NaN is never an improvement.
///
/// ```
/// use neuropil::data;
/// use neuropil::prelude::*;
/// use neuropil::train::{EarlyStopping, Trainer};
///
/// let mut rng = rng(7);
/// let (train, validation) = data::moons::<f32>(200, 0.3, &mut rng).split(0.5, &mut rng)?;
/// let mut network = Sequential::mlp(&[2, 16, 2], Tanh, &mut rng)?;
/// let mut trainer = Trainer::new(CrossEntropy::new(), Adam::new(0.05)).epochs(200).batch_size(20);
/// let mut trainer = trainer.validation(&validation).callback(EarlyStopping::new(5));
/// let history = trainer.fit(&mut network, &train)?;
/// let best = history.column("val_loss").into_iter().fold(f64::INFINITY, f64::min);
/// assert_eq!(trainer.evaluate(&network, &validation)?.loss, best);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct EarlyStopping<A: Scalar> {
    patience: usize,
    min_delta: f64,
    monitor: Option<String>,
    /// The monitored value, known from the start of the fit.
    column: Option<Column>,
    best: Option<f64>,
    best_epoch: usize,
    /// The number of epochs without improvement.
    bad: usize,
    weights: Vec<A>,
}

impl<A: Scalar> EarlyStopping<A> {
    /// Ends the training after `patience` epochs in a row without improvement (0 counts as 1).
    pub fn new(patience: usize) -> Self {
        Self {
            patience: patience.max(1),
            min_delta: 0.0,
            monitor: None,
            column: None,
            best: None,
            best_epoch: 0,
            bad: 0,
            weights: Vec::new(),
        }
    }

    /// Sets the change that an improvement has to exceed; the default is 0. The best weights are those of the last
    /// improvement.
    #[must_use]
    pub fn min_delta(self, min_delta: f64) -> Self {
        Self { min_delta, ..self }
    }

    /// Sets the monitored value, such as `val_accuracy`; by default that of the trainer.
    #[must_use]
    pub fn monitor(self, name: impl Into<String>) -> Self {
        Self { monitor: Some(name.into()), ..self }
    }
}

impl<A: Scalar> Callback<A> for EarlyStopping<A> {
    fn on_start(&mut self, at: &mut Context<'_, A>) -> Result<()> {
        let ok = self.min_delta >= 0.0 && self.min_delta.is_finite();
        check_setting("EarlyStopping's min_delta", self.min_delta, "at least 0 and finite", ok)?;
        self.column = Some(at.watch(self.monitor.as_deref())?);
        // A new fit starts with full patience.
        self.bad = if self.bad >= self.patience { 0 } else { self.bad };
        Ok(())
    }

    fn on_epoch_end(&mut self, at: &mut Context<'_, A>) -> Result<Flow> {
        let Some(column) = &self.column else { return Ok(Flow::Continue) };
        let value = at.history.last().and_then(|epoch| epoch.get(&column.name)).unwrap_or(f64::NAN);
        if column.is_better(value, self.best, self.min_delta) {
            self.best = Some(value);
            self.best_epoch = at.position.epoch;
            self.bad = 0;
            numbers_of(at.network, &mut self.weights);
            return Ok(Flow::Continue);
        }
        self.bad = self.bad.saturating_add(1);
        Ok(if self.bad >= self.patience { Flow::Stop } else { Flow::Continue })
    }

    fn on_end(&mut self, at: &mut Context<'_, A>) -> Result<()> {
        if self.best.is_some() && !set_numbers(at.network, &self.weights) {
            let what = "cannot restore the best weights: they are of another network".into();
            return Err(Error::Unsupported { layer: "EarlyStopping".into(), what });
        }
        Ok(())
    }

    fn kind(&self) -> &'static str {
        "early_stopping"
    }

    fn state(&self) -> Vec<f64> {
        let best = self.best.map_or([0.0, 0.0], |best| [1.0, best]);
        vec![best[0], best[1], self.best_epoch as f64, self.bad as f64]
    }

    fn restore(&mut self, state: &[f64]) -> Result<()> {
        let &[known, best, best_epoch, bad] = state else {
            let problem = format!("it has {} numbers, not 4", state.len());
            return Err(Error::Format { what: "the state of EarlyStopping".into(), problem });
        };
        self.best = (known != 0.0).then_some(best);
        (self.best_epoch, self.bad) = (best_epoch as usize, bad as usize);
        Ok(())
    }

    fn weights(&self) -> &[A] {
        &self.weights
    }

    fn set_weights(&mut self, weights: Vec<A>) {
        self.weights = weights;
    }
}

/// Omits the weights.
impl<A: Scalar> fmt::Debug for EarlyStopping<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut stopping = f.debug_struct("EarlyStopping");
        stopping.field("patience", &self.patience).field("min_delta", &self.min_delta);
        stopping.field("best", &self.best).field("best_epoch", &self.best_epoch).finish_non_exhaustive()
    }
}
