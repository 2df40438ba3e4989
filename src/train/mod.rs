//! Training: the [`Trainer`], the [`History`] it returns, and its [callbacks](Callback).
//!
//! ```
//! use neuropil::data;
//! use neuropil::metrics::Accuracy;
//! use neuropil::prelude::*;
//! use neuropil::train::{EarlyStopping, Trainer};
//!
//! let mut rng = rng(7);
//! let (train, validation) = data::moons::<f32>(400, 0.1, &mut rng).split(0.25, &mut rng)?;
//! let mut network = Sequential::mlp(&[2, 16, 2], Tanh, &mut rng)?;
//! let history = Trainer::new(CrossEntropy::new(), Adam::new(0.02))
//!     .epochs(40)
//!     .batch_size(32)
//!     .seed(7)
//!     .validation(&validation)
//!     .metric(Accuracy)
//!     .callback(EarlyStopping::new(10))
//!     .fit(&mut network, &train)?;
//! assert!(history.last().and_then(|epoch| epoch.get("val_accuracy")) > Some(0.9));
//! println!("{history}"); // a table, one row per epoch
//! # Ok::<(), Error>(())
//! ```
//!
//! For each batch, the trainer runs forward, loss, backward and step on a [`Tape`](crate::Tape).

use std::fmt;

use crate::data::Dataset;
use crate::losses::Loss;
use crate::metrics::Metric;
use crate::optimizers::{Ema, Optimizer};
use crate::schedules::Schedule;
use crate::{Result, Scalar};

mod callbacks;
mod check;
mod evaluate;
mod find_rate;
mod fit;
mod history;
mod run;
#[cfg(feature = "files")]
mod state;
mod step;

#[cfg(feature = "files")]
pub use callbacks::Checkpoint;
pub use callbacks::{Callback, Column, Context, EarlyStopping, Flow, HistoryCsv, Position, ProgressBar};
pub use evaluate::Evaluation;
pub use find_rate::RateCurve;
pub use history::{Epoch, History};

/// Trains networks: shuffled epochs, validation, metrics, schedules and callbacks.
///
/// Most methods are settings. [`fit`](Self::fit) trains; calling it again continues, with epoch numbers, random
/// numbers, schedule and optimizer state. A seed gives the same bits on any number of threads. See [the module](self)
/// for an example.
pub struct Trainer<'a, A: Scalar> {
    loss: Box<dyn Loss<A> + 'a>,
    optimizer: Box<dyn Optimizer<A> + 'a>,
    epochs: usize,
    batch_size: usize,
    shuffle: bool,
    drop_last: bool,
    accumulate: usize,
    clip_norm: Option<f64>,
    clip_value: Option<f64>,
    schedule: Option<(Box<dyn Schedule + 'a>, Unit)>,
    validation: Option<&'a dyn Dataset<A>>,
    metrics: Vec<Box<dyn Metric<A> + 'a>>,
    monitor: Option<String>,
    callbacks: Vec<Box<dyn Callback<A> + 'a>>,
    class_weights: ClassWeights,
    sample_weights: Vec<A>,
    ema: Option<Ema<A>>,
    progress: Progress,
    /// A hash of the weights after the last fit, averaged if there is an average.
    left: u64,
    work: step::Work<A>,
}

/// The progress of a trainer, as saved to resume it.
#[derive(Debug, Clone, PartialEq)]
struct Progress {
    seed: u64,
    /// The number of epochs so far.
    epoch: u64,
    /// The number of batches so far; each has its own random numbers.
    batches: u64,
    /// The number of optimizer steps so far.
    step: u64,
    /// The base learning rate of schedules.
    base_rate: f64,
    history: History,
}

/// The unit of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Epoch,
    Step,
}

/// The weights of the classes.
#[derive(Debug, Clone, PartialEq)]
enum ClassWeights {
    Equal,
    Given(Vec<f64>),
    Balanced,
}

impl<'a, A: Scalar> Trainer<'a, A> {
    /// Creates a trainer: by default one epoch, batches of 32 samples, seed 0.
    ///
    /// Losses, optimizers, schedules, metrics and callbacks may also be boxed, such as `Box<dyn Loss<A>>`.
    pub fn new(loss: impl Loss<A> + 'a, optimizer: impl Optimizer<A> + 'a) -> Self {
        let (batches, step, history) = (0, 0, History::default());
        let progress = Progress { seed: 0, epoch: 0, batches, step, base_rate: optimizer.learning_rate(), history };
        Self {
            loss: Box::new(loss),
            optimizer: Box::new(optimizer),
            epochs: 1,
            batch_size: 32,
            shuffle: true,
            drop_last: false,
            accumulate: 1,
            clip_norm: None,
            clip_value: None,
            schedule: None,
            validation: None,
            metrics: Vec::new(),
            monitor: None,
            callbacks: Vec::new(),
            class_weights: ClassWeights::Equal,
            sample_weights: Vec::new(),
            ema: None,
            progress,
            left: 0,
            work: step::Work::default(),
        }
    }

    /// Sets the number of epochs of a fit.
    #[must_use]
    pub fn epochs(self, epochs: usize) -> Self {
        Self { epochs, ..self }
    }

    /// Sets the batch size; the default is 32. The last batch of an epoch may be smaller.
    #[must_use]
    pub fn batch_size(self, batch_size: usize) -> Self {
        Self { batch_size, ..self }
    }

    /// Sets the seed of the shuffling and of layers that draw random numbers, such as dropout.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.progress.seed = seed;
        self
    }

    /// Trains on the samples in their order: disables shuffling.
    #[must_use]
    pub fn in_order(self) -> Self {
        Self { shuffle: false, ..self }
    }

    /// Drops the last batch of an epoch if it is smaller.
    #[must_use]
    pub fn drop_last(self) -> Self {
        Self { drop_last: true, ..self }
    }

    /// Accumulates the gradients of `batches` mini-batches for each optimizer step, as if they were one batch.
    #[must_use]
    pub fn accumulate(self, batches: usize) -> Self {
        Self { accumulate: batches, ..self }
    }

    /// Clips the global L2 norm of the gradients to `max`.
    #[must_use]
    pub fn clip_norm(self, max: f64) -> Self {
        Self { clip_norm: Some(max), ..self }
    }

    /// Clips each gradient to ±`limit`, before [`clip_norm`](Self::clip_norm).
    #[must_use]
    pub fn clip_value(self, limit: f64) -> Self {
        Self { clip_value: Some(limit), ..self }
    }

    /// Sets a learning rate schedule that advances once per epoch.
    ///
    /// After each epoch, the schedule observes the [monitored](Self::monitor) value.
    #[must_use]
    pub fn schedule(self, schedule: impl Schedule + 'a) -> Self {
        Self { schedule: Some((Box::new(schedule), Unit::Epoch)), ..self }
    }

    /// Sets a learning rate schedule that advances with each optimizer step; after each, it observes the loss of the
    /// batch.
    #[must_use]
    pub fn schedule_by_step(self, schedule: impl Schedule + 'a) -> Self {
        Self { schedule: Some((Box::new(schedule), Unit::Step)), ..self }
    }

    /// Sets the validation data, evaluated after each epoch.
    #[must_use]
    pub fn validation(self, data: &'a dyn Dataset<A>) -> Self {
        Self { validation: Some(data), ..self }
    }

    /// Adds a metric, evaluated each epoch on the training and the validation data.
    #[must_use]
    pub fn metric(mut self, metric: impl Metric<A> + 'a) -> Self {
        self.metrics.push(Box::new(metric));
        self
    }

    /// Sets the value that callbacks and schedules monitor, such as `val_accuracy`; by default `val_loss`, or `loss`
    /// without validation data.
    #[must_use]
    pub fn monitor(self, name: impl Into<String>) -> Self {
        Self { monitor: Some(name.into()), ..self }
    }

    /// Adds a callback; callbacks are called in the order in which they were added.
    #[must_use]
    pub fn callback(mut self, callback: impl Callback<A> + 'a) -> Self {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// Sets the weight of each class, for targets that are one column of class indices: the mean loss is divided by the
    /// sum of the weights.
    ///
    /// Only the training loss is weighted, not the validation loss.
    #[must_use]
    pub fn class_weights(self, weights: impl Into<Vec<f64>>) -> Self {
        Self { class_weights: ClassWeights::Given(weights.into()), ..self }
    }

    /// Weights each class inversely to its frequency: samples / (classes · samples of the class).
    #[must_use]
    pub fn balanced(self) -> Self {
        Self { class_weights: ClassWeights::Balanced, ..self }
    }

    /// Sets a weight for each training sample, multiplied by the weight of its class.
    #[must_use]
    pub fn sample_weights(self, weights: impl Into<Vec<A>>) -> Self {
        Self { sample_weights: weights.into(), ..self }
    }

    /// Keeps an exponential moving average of the weights, see [`Ema`]. Training uses the weights themselves; the
    /// average is in the network at the end of each epoch, for validation, callbacks and checkpoints, and after the
    /// fit.
    ///
    /// The next fit of the same network continues from the weights before averaging.
    #[must_use]
    pub fn ema(self, decay: f64) -> Self {
        Self { ema: Some(Ema::new(decay)), ..self }
    }

    /// The history of all fits so far.
    pub fn history(&self) -> &History {
        &self.progress.history
    }

    /// The optimizer.
    pub fn optimizer(&self) -> &dyn Optimizer<A> {
        &*self.optimizer
    }

    /// The values recorded for each epoch.
    fn columns(&self) -> Vec<Column> {
        let column = |name: String, higher_is_better| Column { name, higher_is_better };
        let mut columns = vec![column("loss".into(), false)];
        columns.extend(self.metrics.iter().map(|metric| column(metric.name(), metric.higher_is_better())));
        if self.validation.is_some() {
            let validation = |c: &Column| column(format!("val_{}", c.name), c.higher_is_better);
            columns.extend(columns.iter().map(validation).collect::<Vec<_>>());
        }
        columns
    }

    /// The column to monitor.
    fn monitored(&self, columns: &[Column]) -> Result<usize> {
        let default = columns.iter().position(|column| column.name == "val_loss").unwrap_or(0);
        callbacks::find(columns, self.monitor.as_deref(), default)
    }
}

impl<A: Scalar> fmt::Debug for Trainer<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut trainer = f.debug_struct("Trainer");
        trainer.field("loss", &self.loss).field("optimizer", &self.optimizer);
        trainer.field("epochs", &self.epochs).field("batch_size", &self.batch_size);
        trainer.field("metrics", &self.metrics).field("callbacks", &self.callbacks);
        trainer.field("progress", &self.progress).finish_non_exhaustive()
    }
}
