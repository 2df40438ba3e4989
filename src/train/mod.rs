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

// First, because the documentation of `Trainer` lists the methods in the order of the modules.
mod settings;

mod fit;

mod callbacks;
mod check;
mod evaluate;
mod find_rate;
mod history;
mod record;
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
pub use record::{Difference, Record};

/// Trains networks: shuffled epochs, validation, metrics, schedules and callbacks.
///
/// Most methods are settings. [`fit`](Self::fit) trains; calling it again continues the count of epochs, the random
/// numbers, the schedule and the optimizer's state. A seed gives the same bits on any number of threads. See [the
/// module](self) for an example.
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
    record: Option<Record>,
    progress: Progress,
    /// A hash of the weights after the last fit: the averaged ones if an average is kept.
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

impl<A: Scalar> Trainer<'_, A> {
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
