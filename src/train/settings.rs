//! The constructor and the settings of a [`Trainer`].

use super::step::Work;
use super::{Callback, ClassWeights, Progress, Trainer, Unit};
use crate::Scalar;
use crate::data::Dataset;
use crate::losses::Loss;
use crate::metrics::Metric;
use crate::optimizers::{Ema, Optimizer};
use crate::schedules::Schedule;
use crate::train::History;

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
            record: None,
            progress,
            left: 0,
            work: Work::default(),
        }
    }

    /// Sets the number of epochs of a fit; the default is 1.
    #[must_use]
    pub fn epochs(self, epochs: usize) -> Self {
        Self { epochs, ..self }
    }

    /// Sets the batch size; the default is 32. The last batch of an epoch may be smaller.
    #[must_use]
    pub fn batch_size(self, batch_size: usize) -> Self {
        Self { batch_size, ..self }
    }

    /// Sets the seed of the shuffling and of layers that draw random numbers, such as dropout; the default is 0.
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

    /// Accumulates the gradients of `batches` mini-batches for each optimizer step, as if they were one batch; the
    /// default is 1. The last step of an epoch may have fewer.
    #[must_use]
    pub fn accumulate(self, batches: usize) -> Self {
        Self { accumulate: batches, ..self }
    }

    /// Clips the global L2 norm of the gradients to `max`; by default they are not clipped.
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
    /// last batch.
    #[must_use]
    pub fn schedule_by_step(self, schedule: impl Schedule + 'a) -> Self {
        Self { schedule: Some((Box::new(schedule), Unit::Step)), ..self }
    }

    /// Sets the validation data, evaluated after each epoch.
    #[must_use]
    pub fn validation(self, data: &'a dyn Dataset<A>) -> Self {
        Self { validation: Some(data), ..self }
    }

    /// Adds a metric, evaluated on the training and the validation data in each epoch.
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

    /// Sets the weight of each class, for targets that are one column of class indices. The loss of a sample is
    /// multiplied by its weight, and the mean is divided by the sum of the weights.
    ///
    /// Only the training loss is weighted, not the validation loss.
    #[must_use]
    pub fn class_weights(self, weights: impl Into<Vec<f64>>) -> Self {
        Self { class_weights: ClassWeights::Given(weights.into()), ..self }
    }

    /// Weights each class inversely to its frequency: samples / (classes · samples of the class), where only
    /// classes with samples are counted.
    #[must_use]
    pub fn balanced(self) -> Self {
        Self { class_weights: ClassWeights::Balanced, ..self }
    }

    /// Sets a weight for each training sample, multiplied by the weight of its class.
    #[must_use]
    pub fn sample_weights(self, weights: impl Into<Vec<A>>) -> Self {
        Self { sample_weights: weights.into(), ..self }
    }

    /// Keeps an exponential moving average of the weights: see [`Ema`]. Training uses the weights themselves; the
    /// average is in the network at the end of each epoch, for validation, callbacks and checkpoints, and after the
    /// fit.
    ///
    /// The next fit of the same network continues from the weights before averaging.
    #[must_use]
    pub fn ema(self, decay: f64) -> Self {
        Self { ema: Some(Ema::new(decay)), ..self }
    }
}
