//! Training on samples in memory, streams of batches, and single batches.

use rand::seq::SliceRandom;

use super::step::{Batch, Purpose, seed_of};
use super::{ClassWeights, History, Trainer};
use crate::data::{Dataset, Samples, shuffle_by_length};
use crate::error::{check_setting, check_targets};
use crate::{Error, Matrix, Network, Result, Scalar, rng};

impl<A: Scalar> Trainer<'_, A> {
    /// Trains `network` on these samples, and returns the history of all epochs so far.
    ///
    /// All samples are read once and checked before training.
    ///
    /// # Errors
    /// [`Error::Data`] for an empty data set, and for samples that are not finite or do not fit the network, the loss
    /// or a metric; [`Error::Setting`] and [`Error::Monitor`] for invalid settings; [`Error::Training`] with epoch and
    /// step for a non-finite loss or gradient: the network then has the weights before that step.
    pub fn fit(&mut self, network: &mut Network<A>, data: &dyn Dataset<A>) -> Result<History> {
        self.work.class_weights = self.check(network, data)?;
        let (len, shuffle, seed) = (data.len(), self.shuffle, self.progress.seed);
        let size = self.batch_size.min(len);
        let batches = if self.drop_last { len / size } else { len.div_ceil(size) };
        let (input_width, target_width) = (data.input_width(), data.target_width());
        let mut order: Vec<usize> = Vec::with_capacity(len);
        self.run(network, Some(batches), [len, target_width], &mut |run| {
            order.clear();
            order.extend(0..len);
            if shuffle {
                let rng = &mut rng(seed_of(seed, Purpose::Shuffling, run.position.epoch as u64));
                match data.lengths() {
                    [] => order.shuffle(rng),
                    lengths => shuffle_by_length(&mut order, lengths, size, rng),
                }
            }
            order.chunks(size).take(batches).try_for_each(|samples| {
                let fill = &mut |x: &mut Matrix<A>, target: &mut Matrix<A>| data.gather(samples, x, target);
                run.batch(Batch { rows: samples.len(), input_width, target_width, samples, fill })
            })
        })
    }

    /// Trains `network` on a stream of batches, for data that do not fit into memory: `batches` is called with the
    /// number of each epoch, from 1, and returns its batches.
    ///
    /// Batches keep their size and order. Each is checked when it arrives.
    ///
    /// ```
    /// use neuropil::data;
    /// use neuropil::prelude::*;
    /// use neuropil::train::Trainer;
    ///
    /// let mut network = Sequential::<f32>::mlp(&[2, 8, 2], Tanh, &mut rng(7))?;
    /// let mut trainer = Trainer::new(CrossEntropy::new(), Adam::new(0.01)).epochs(3);
    /// let history = trainer.fit_stream(&mut network, |epoch| {
    ///     let mut rng = rng(epoch as u64);
    ///     (0..20).map(move |_| Ok(data::moons(32, 0.1, &mut rng)))
    /// })?;
    /// assert_eq!(history.epochs().len(), 3);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`fit`](Self::fit), as [`Error::Training`] for an invalid batch; errors of the stream;
    /// [`Error::Unsupported`] for weights that require all samples.
    pub fn fit_stream<I>(&mut self, network: &mut Network<A>, mut batches: impl FnMut(usize) -> I) -> Result<History>
    where
        I: IntoIterator<Item = Result<Samples<A>>>,
    {
        self.check_settings()?;
        self.set_given_weights("fit_stream")?;
        self.run(network, None, [0, 0], &mut |run| {
            for batch in batches(run.position.epoch) {
                let Samples { x, target } = batch?;
                run.samples(&x, &target)?;
            }
            let batches = run.position.batch;
            check_setting("the number of batches in an epoch", batches as f64, "at least 1", batches > 0)
        })
    }

    /// Runs one training step on one batch, for custom loops, with clipping, schedules by step, class weights and
    /// gradient accumulation, but without epochs, metrics and callbacks. Returns the loss before the step.
    ///
    /// # Errors
    /// [`Error::Training`] for an invalid batch, or a non-finite loss or gradient; the network is then not changed.
    pub fn train_batch(&mut self, network: &mut Network<A>, x: &Matrix<A>, target: &Matrix<A>) -> Result<A> {
        self.check_settings()?;
        self.set_given_weights("train_batch")?;
        if self.work.tape.as_ref().is_none_or(|tape| tape.shape() != network.input_shape()) {
            self.work.start(network);
        }
        let fill = &mut fill_from(x, target);
        let batch = Batch { rows: x.nrows(), input_width: x.ncols(), target_width: target.ncols(), samples: &[], fill };
        let loss = self.learn(network, batch).and_then(|loss| {
            if self.work.gathered == self.accumulate {
                self.step(network, loss)?;
            }
            Ok(loss)
        });
        loss.map_err(|error| self.during(error))
    }

    /// Sets the class weights if they are given; an error for weights that require all samples.
    fn set_given_weights(&mut self, call: &str) -> Result<()> {
        let refuse = |what: &str| Err(Error::Unsupported { layer: call.to_owned(), what: what.to_owned() });
        match &self.class_weights {
            ClassWeights::Balanced => {
                return refuse("cannot balance the classes of samples to come; give `class_weights`");
            }
            _ if !self.sample_weights.is_empty() => {
                return refuse("cannot use the weights of the samples of `fit`; set `sample_weights([])`");
            }
            ClassWeights::Equal => self.work.class_weights.clear(),
            ClassWeights::Given(weights) => {
                self.work.class_weights.clear();
                self.work.class_weights.extend(weights.iter().map(|&w| A::of(w)));
            }
        }
        Ok(())
    }

    /// Adds epoch and step to an error.
    pub(super) fn during(&self, error: Error) -> Error {
        let epoch = self.progress.epoch as usize + 1;
        Error::Training { epoch, step: self.progress.step + 1, error: Box::new(error) }
    }
}

/// Writes an in-memory batch into the input and target buffers.
pub(super) fn fill_from<'b, A: Scalar>(
    x: &'b Matrix<A>,
    target: &'b Matrix<A>,
) -> impl FnMut(&mut Matrix<A>, &mut Matrix<A>) -> Result<()> + 'b {
    move |to_x, to_target| {
        check_targets(x.nrows(), target.dim())?;
        to_x.assign(x);
        to_target.assign(target);
        Ok(())
    }
}
