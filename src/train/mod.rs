//! Training as a whole: the [`Trainer`], the [`History`] it returns, and the [callbacks](Callback) that watch it.
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
//! println!("{history}"); // a table, one line an epoch
//! # Ok::<(), Error>(())
//! ```
//!
//! The loop behind it is no secret: forward, loss, backward and step of a [`Tape`](crate::Tape) for one batch after the other.

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

/// Trains networks: epochs of batches in a new order each time, validation, metrics, schedules and callbacks.
///
/// Every method but the last few is a setting. [`fit`](Self::fit) trains, and a second `fit` goes on where the first
/// ended: epoch numbers, random numbers, schedule and the optimizer's memory. The same seed gives the same bits, on any
/// number of threads. See [the module](self) for an example.
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
    /// A fingerprint of the network as the last fit left it, with the average of its weights.
    left: u64,
    work: step::Work<A>,
}

/// How far a trainer has come: what a file must hold, beside the weights, to go on from it.
#[derive(Debug, Clone, PartialEq)]
struct Progress {
    seed: u64,
    /// Epochs done.
    epoch: u64,
    /// Batches done: each has random numbers of its own.
    batches: u64,
    /// Steps of the optimizer done.
    step: u64,
    /// The learning rate that schedules start from.
    base_rate: f64,
    history: History,
}

/// What a step of a schedule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Epoch,
    Step,
}

/// How much the classes weigh.
#[derive(Debug, Clone, PartialEq)]
enum ClassWeights {
    Equal,
    Given(Vec<f64>),
    Balanced,
}

impl<'a, A: Scalar> Trainer<'a, A> {
    /// A trainer with this loss and optimizer: for one epoch with batches of 32 and seed 0, unless told otherwise.
    ///
    /// Boxes such as `Box<dyn Loss<A>>` are losses, optimizers, schedules, metrics and callbacks, too.
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

    /// How often a fit goes over the samples.
    #[must_use]
    pub fn epochs(self, epochs: usize) -> Self {
        Self { epochs, ..self }
    }

    /// How many samples a batch has, or all if there are fewer; the last of an epoch has what is left.
    #[must_use]
    pub fn batch_size(self, batch_size: usize) -> Self {
        Self { batch_size, ..self }
    }

    /// What the random numbers follow from: the order of the samples, and those of layers such as dropout.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.progress.seed = seed;
        self
    }

    /// Takes the samples in the order that they have, each time.
    #[must_use]
    pub fn in_order(self) -> Self {
        Self { shuffle: false, ..self }
    }

    /// Leaves out the last batch of an epoch when it is not a whole one.
    #[must_use]
    pub fn drop_last(self) -> Self {
        Self { drop_last: true, ..self }
    }

    /// Takes a step of the optimizer for every `batches` batches together, as if they were one large batch.
    #[must_use]
    pub fn accumulate(self, batches: usize) -> Self {
        Self { accumulate: batches, ..self }
    }

    /// Shortens gradients whose L2 norm, over all parameters, is above `max`.
    #[must_use]
    pub fn clip_norm(self, max: f64) -> Self {
        Self { clip_norm: Some(max), ..self }
    }

    /// Limits each number of the gradients to ±`limit`, before [`clip_norm`](Self::clip_norm).
    #[must_use]
    pub fn clip_value(self, limit: f64) -> Self {
        Self { clip_value: Some(limit), ..self }
    }

    /// Changes the learning rate from epoch to epoch.
    ///
    /// After each epoch the schedule is shown the value that is [monitored](Self::monitor).
    #[must_use]
    pub fn schedule(self, schedule: impl Schedule + 'a) -> Self {
        Self { schedule: Some((Box::new(schedule), Unit::Epoch)), ..self }
    }

    /// Changes the learning rate from step to step; after each, the schedule is shown the batch's loss.
    #[must_use]
    pub fn schedule_by_step(self, schedule: impl Schedule + 'a) -> Self {
        Self { schedule: Some((Box::new(schedule), Unit::Step)), ..self }
    }

    /// Evaluates the network on these samples, too, after each epoch.
    #[must_use]
    pub fn validation(self, data: &'a dyn Dataset<A>) -> Self {
        Self { validation: Some(data), ..self }
    }

    /// Measures one more thing.
    #[must_use]
    pub fn metric(mut self, metric: impl Metric<A> + 'a) -> Self {
        self.metrics.push(Box::new(metric));
        self
    }

    /// Which value callbacks and schedules watch, such as `val_accuracy`: by default `val_loss`, or `loss` without
    /// validation data.
    #[must_use]
    pub fn monitor(self, name: impl Into<String>) -> Self {
        Self { monitor: Some(name.into()), ..self }
    }

    /// Lets one more callback watch; they are called in the order in which they were added.
    #[must_use]
    pub fn callback(mut self, callback: impl Callback<A> + 'a) -> Self {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// How much each class weighs when targets are one column of class indices: means divide by the sum of the weights.
    ///
    /// Only the training loss is weighted, not the validation's.
    #[must_use]
    pub fn class_weights(self, weights: impl Into<Vec<f64>>) -> Self {
        Self { class_weights: ClassWeights::Given(weights.into()), ..self }
    }

    /// Lets classes weigh the same together, however many samples each has: samples/(classes · samples of the class).
    #[must_use]
    pub fn balanced(self) -> Self {
        Self { class_weights: ClassWeights::Balanced, ..self }
    }

    /// How much each sample of the training data weighs, multiplied by its class's weight.
    #[must_use]
    pub fn sample_weights(self, weights: impl Into<Vec<A>>) -> Self {
        Self { sample_weights: weights.into(), ..self }
    }

    /// Keeps an exponential moving average of the weights, see [`Ema`]: at the end of each epoch the network has the
    /// average, for validation, callbacks and checkpoints, and so it has after the fit; it learns with its own weights.
    ///
    /// A fit that goes on with the same network does so from the weights before the average.
    #[must_use]
    pub fn ema(self, decay: f64) -> Self {
        Self { ema: Some(Ema::new(decay)), ..self }
    }

    /// The epochs so far, of all fits.
    pub fn history(&self) -> &History {
        &self.progress.history
    }

    /// The optimizer as it is now.
    pub fn optimizer(&self) -> &dyn Optimizer<A> {
        &*self.optimizer
    }

    /// The values that each epoch will have.
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

    /// The column to watch.
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
