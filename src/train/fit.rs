//! The training loop.

use std::path::PathBuf;
use std::time::Instant;

use ndarray::Array2;
use rand::seq::SliceRandom;

use super::callbacks::{Callback, Column, Context, Flow, Position};
use super::evaluate::{Collected, Mean};
use super::{ClassWeights, Epoch, History, Trainer, Unit};
use crate::data::{Dataset, Samples};
use crate::error::check_setting;
use crate::kernels::resize;
use crate::layers::{Cache, Pass};
use crate::optimizers::Norm;
use crate::{Error, Matrix, Result, Scalar, Sequential, Shape, Tape, rng};

/// What the random numbers are for.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    Shuffling,
    Layers,
}

/// The seed of the random numbers for one purpose and the epoch or batch `index`.
///
/// They follow from the seed and the index alone, so a training that was saved needs no generator's state to go on.
fn seed_of(seed: u64, purpose: Purpose, index: u64) -> u64 {
    // SplitMix64's step and finish, with each word in turn.
    [purpose as u64, index].into_iter().fold(seed, |seed, word| {
        let mut z = (seed ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

/// The memory of a trainer, kept from batch to batch.
#[derive(Debug)]
pub(super) struct Work<A: Scalar> {
    tape: Option<Tape<A>>,
    target: Array2<A>,
    /// The weight of each sample of the batch, if they have any.
    weights: Vec<A>,
    /// The weight of each class, if they have any.
    pub(super) class_weights: Vec<A>,
    /// Batches gathered for the next step.
    gathered: usize,
}

impl<A: Scalar> Default for Work<A> {
    fn default() -> Self {
        let (weights, class_weights) = (Vec::new(), Vec::new());
        Self { tape: None, target: Array2::default((0, 0)), weights, class_weights, gathered: 0 }
    }
}

impl<A: Scalar> Work<A> {
    /// The tape for this network, with no gradients gathered.
    pub(super) fn start(&mut self, network: &Sequential<A>) {
        self.gathered = 0;
        match &mut self.tape {
            Some(tape) if tape.shape() == network.input() => tape.forget_gathered(),
            tape => *tape = Some(Tape::new(network, 0)),
        }
    }
}

/// Writes the inputs and the targets of a batch.
type Fill<'f, A> = dyn FnMut(&mut Matrix<A>, &mut Matrix<A>) -> Result<()> + 'f;

/// A batch that is to be learned.
pub(super) struct Batch<'b, A: Scalar> {
    pub(super) rows: usize,
    pub(super) target_width: usize,
    /// The numbers of its samples, where samples have weights.
    pub(super) samples: &'b [usize],
    /// Writes inputs and targets.
    pub(super) fill: &'b mut Fill<'b, A>,
}

impl<A: Scalar> Trainer<'_, A> {
    /// Trains `network` on these samples, and returns the history of all epochs so far.
    ///
    /// What could go wrong is looked for before anything is trained: all samples are read once.
    ///
    /// # Errors
    /// [`Error::Data`] for samples that are not finite, do not fit the network, the loss or a metric, or when there are
    /// none; [`Error::BatchSize`], [`Error::Setting`] and [`Error::Monitor`] for wrong settings; [`Error::Training`] with
    /// epoch and step when a loss or gradient becomes infinite or NaN: the network then is as it was before that step.
    pub fn fit(&mut self, network: &mut Sequential<A>, data: &dyn Dataset<A>) -> Result<History> {
        self.work.class_weights = self.check(network, data)?;
        let (len, size, shuffle, seed) = (data.len(), self.batch_size, self.shuffle, self.progress.seed);
        let batches = if self.drop_last { len / size } else { len.div_ceil(size) };
        let target_width = data.target_width();
        let mut order: Vec<usize> = Vec::with_capacity(len);
        self.run(network, Some(batches), [len, target_width], &mut |run| {
            order.clear();
            order.extend(0..len);
            if shuffle {
                order.shuffle(&mut rng(seed_of(seed, Purpose::Shuffling, run.trainer.progress.epoch)));
            }
            order.chunks(size).take(batches).try_for_each(|samples| {
                let fill = &mut |x: &mut Matrix<A>, target: &mut Matrix<A>| data.gather(samples, x, target);
                run.batch(Batch { rows: samples.len(), target_width, samples, fill })
            })
        })
    }

    /// Trains `network` on batches as they come, for data that do not fit into memory: `batches` is asked for those of
    /// each epoch, whose number it is given.
    ///
    /// Batches keep their size and order. Each is checked when it comes.
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
    /// Those of [`fit`](Self::fit), as [`Error::Training`] when it is a batch that is wrong; the stream's own;
    /// [`Error::Order`] for weights that need all samples.
    pub fn fit_stream<I>(&mut self, network: &mut Sequential<A>, mut batches: impl FnMut(usize) -> I) -> Result<History>
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

    /// One step on one batch, for loops of one's own: clipping, schedules by step, class weights and accumulation as in a
    /// fit, without epochs, metrics and callbacks. Returns the loss before the step.
    ///
    /// # Errors
    /// [`Error::Training`] when the batch does not fit, or the loss or a gradient becomes infinite or NaN; the network
    /// then is as it was.
    pub fn train_batch(&mut self, network: &mut Sequential<A>, x: &Matrix<A>, target: &Matrix<A>) -> Result<A> {
        self.check_settings()?;
        self.set_given_weights("train_batch")?;
        if self.work.tape.as_ref().is_none_or(|tape| tape.shape() != network.input()) {
            self.work.start(network);
        }
        let fill = &mut fill_from(network.input(), x, target);
        let batch = Batch { rows: x.nrows(), target_width: target.ncols(), samples: &[], fill };
        let loss = self.learn(network, batch).and_then(|loss| {
            if self.work.gathered == self.accumulate {
                self.step(network, loss)?;
            }
            Ok(loss)
        });
        loss.map_err(|error| self.during(error))
    }

    /// The weights of classes if they are given; the error for weights that follow from data not at hand.
    fn set_given_weights(&mut self, call: &'static str) -> Result<()> {
        match &self.class_weights {
            ClassWeights::Balanced => {
                return Err(Error::Order { call, needs: "class weights that are given instead of `balanced`" });
            }
            _ if !self.sample_weights.is_empty() => {
                return Err(Error::Order { call, needs: "the sample weights taken away, which `fit` uses," });
            }
            ClassWeights::Equal => self.work.class_weights.clear(),
            ClassWeights::Given(weights) => {
                self.work.class_weights.clear();
                self.work.class_weights.extend(weights.iter().map(|&w| A::of(w)));
            }
        }
        Ok(())
    }

    /// The error, told when it happened.
    fn during(&self, error: Error) -> Error {
        let epoch = self.progress.epoch as usize + 1;
        Error::Training { epoch, step: self.progress.step + 1, error: Box::new(error) }
    }

    /// Forward, loss and backward on one batch; returns the loss.
    pub(super) fn learn(&mut self, network: &mut Sequential<A>, batch: Batch<'_, A>) -> Result<A> {
        let Work { tape, target, weights, class_weights, gathered } = &mut self.work;
        let tape = tape.as_mut().expect("a run starts with a tape");
        let Batch { rows, target_width, samples, fill } = batch;
        tape.reseed(seed_of(self.progress.seed, Purpose::Layers, self.progress.batches));
        resize(target, rows, target_width);
        tape.forward_with(network, rows, |x| fill(x, target))?;
        weights.clear();
        if !self.sample_weights.is_empty() {
            weights.extend(samples.iter().map(|&sample| self.sample_weights[sample]));
        }
        if !class_weights.is_empty() {
            self.loss.check(tape.output(), target)?;
            weights.resize(rows, A::ONE);
            for (weight, label) in weights.iter_mut().zip(&*target) {
                let label = label.to_f64();
                let known = class_weights.get(label as usize).filter(|_| label >= 0.0 && target_width == 1);
                *weight *= *known.ok_or_else(|| Error::Target {
                    loss: "the weighting by class".into(),
                    wants: format!("a target of one column of classes from 0 to {}", class_weights.len() - 1),
                    got: if target_width == 1 { label.to_string() } else { format!("{target_width} columns") },
                })?;
            }
        }
        let loss = if weights.is_empty() {
            tape.loss(&*self.loss, target)
        } else {
            tape.weighted_loss(&*self.loss, target, weights)
        };
        let loss = loss.map_err(|error| blame(network, tape.input(), error))?;
        tape.backward_weights(network)?;
        tape.check_gradients(network)?;
        if self.accumulate > 1 {
            tape.accumulate(network)?;
        }
        *gathered += 1;
        self.progress.batches += 1;
        Ok(loss)
    }

    /// The step over what was gathered; `loss` is that of the last batch.
    pub(super) fn step(&mut self, network: &mut Sequential<A>, loss: A) -> Result<()> {
        let tape = self.work.tape.as_mut().expect("a run starts with a tape");
        if self.accumulate > 1 {
            tape.check_gradients(network)?;
        }
        if let Some(limit) = self.clip_value {
            tape.clip_value(limit)?;
        }
        if let Some(max) = self.clip_norm {
            tape.clip_norm(Norm::L2, max)?;
        }
        if let Some((schedule, Unit::Step)) = &self.schedule {
            self.optimizer.set_learning_rate(schedule.rate(self.progress.base_rate, self.progress.step));
        }
        tape.step(network, &mut *self.optimizer)?;
        self.work.gathered = 0;
        self.progress.step += 1;
        if let Some((schedule, Unit::Step)) = &mut self.schedule {
            schedule.observe(loss.to_f64());
        }
        Ok(())
    }

    /// All epochs of a fit, where `epoch` learns the batches of one; the samples and the width of targets if known.
    fn run(
        &mut self,
        network: &mut Sequential<A>,
        batches: Option<usize>,
        [samples, target_width]: [usize; 2],
        epoch: &mut dyn FnMut(&mut Run<'_, '_, A>) -> Result<()>,
    ) -> Result<History> {
        let columns = self.columns();
        let monitor = self.monitored(&columns)?;
        self.work.start(network);
        let collect = if self.metrics.is_empty() { 0 } else { samples };
        let collected = Collected::new(collect, [network.output().len(), target_width]);
        let done = self.progress.epoch as usize;
        let rate = self.optimizer.learning_rate();
        let position = Position { epoch: done, last_epoch: done + self.epochs, batches, rate, ..Position::default() };
        let (mean, saves, start) = (Mean::default(), Vec::new(), Instant::now());
        let mut run = Run { trainer: self, network, columns, monitor, position, collected, mean, saves, start };
        run.position.step = run.trainer.progress.step;
        run.call(|callback, at| callback.on_start(at))?;
        for _ in 0..run.trainer.epochs {
            run.begin_epoch();
            epoch(&mut run)?;
            if run.end_epoch()? == Flow::Stop {
                break;
            }
        }
        run.call(|callback, at| callback.on_end(at))?;
        run.save()?;
        Ok(self.progress.history.clone())
    }
}

/// A fit in work.
struct Run<'r, 'a, A: Scalar> {
    trainer: &'r mut Trainer<'a, A>,
    network: &'r mut Sequential<A>,
    columns: Vec<Column>,
    monitor: usize,
    position: Position,
    collected: Collected<A>,
    mean: Mean,
    saves: Vec<PathBuf>,
    start: Instant,
}

impl<A: Scalar> Run<'_, '_, A> {
    fn begin_epoch(&mut self) {
        self.start = Instant::now();
        self.collected.clear();
        self.mean = Mean::default();
        let Trainer { schedule, optimizer, progress, .. } = &mut *self.trainer;
        if let Some((schedule, Unit::Epoch)) = schedule {
            optimizer.set_learning_rate(schedule.rate(progress.base_rate, progress.epoch));
        }
        let epoch = progress.epoch as usize + 1;
        self.position = Position { epoch, batch: 0, samples: 0, loss: 0.0, ..self.position };
    }

    /// Learns a batch, and takes a step if enough were gathered.
    fn batch(&mut self, batch: Batch<'_, A>) -> Result<()> {
        let rows = batch.rows;
        let loss = match self.trainer.learn(self.network, batch) {
            Ok(loss) => loss,
            Err(error) => return Err(self.trainer.during(error)),
        };
        let work = &self.trainer.work;
        let tape = work.tape.as_ref().expect("a run starts with a tape");
        self.mean.add(loss.to_f64(), tape.loss_count());
        if !self.trainer.metrics.is_empty() {
            self.collected.add(tape.output(), &work.target);
        }
        if work.gathered == self.trainer.accumulate {
            self.step(loss)?;
        }
        self.position.batch += 1;
        self.position.samples += rows;
        self.position.loss = self.mean.get();
        self.call(|callback, at| callback.on_batch_end(at))
    }

    /// The same for a batch in memory.
    fn samples(&mut self, x: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
        let fill = &mut fill_from(self.network.input(), x, target);
        self.batch(Batch { rows: x.nrows(), target_width: target.ncols(), samples: &[], fill })
    }

    fn step(&mut self, loss: A) -> Result<()> {
        self.trainer.step(self.network, loss).map_err(|error| self.trainer.during(error))?;
        self.position.step = self.trainer.progress.step;
        self.position.rate = self.trainer.optimizer.learning_rate();
        Ok(())
    }

    fn end_epoch(&mut self) -> Result<Flow> {
        if self.trainer.work.gathered > 0 {
            self.step(A::of(self.mean.get()))?;
        }
        let trainer = &mut *self.trainer;
        let mut values = vec![("loss".to_owned(), self.mean.get())];
        values.extend(trainer.measure(&self.collected).map_err(|error| trainer.during(error))?);
        if let Some(data) = trainer.validation {
            let which = "the validation data";
            let wrong = |error| trainer.during(Error::Data { which, error: Box::new(error) });
            let validation = trainer.evaluate(self.network, data).map_err(wrong)?;
            values.push(("val_loss".to_owned(), validation.loss));
            values.extend(validation.metrics.into_iter().map(|(name, value)| (format!("val_{name}"), value)));
        }
        let seconds = self.start.elapsed().as_secs_f64();
        if let Some((schedule, Unit::Epoch)) = &mut trainer.schedule {
            schedule.observe(values[self.monitor].1);
        }
        trainer.progress.epoch += 1;
        let number = trainer.progress.epoch as usize;
        trainer.progress.history.push(Epoch { number, rate: self.position.rate, seconds, values });
        let mut flow = Flow::Continue;
        self.call(|callback, at| {
            if callback.on_epoch_end(at)? == Flow::Stop {
                flow = Flow::Stop;
            }
            Ok(())
        })?;
        self.save()?;
        Ok(flow)
    }

    /// Saves the training to the files that callbacks asked for, now that all of them are done.
    fn save(&mut self) -> Result<()> {
        for path in std::mem::take(&mut self.saves) {
            self.trainer.save_state(path, self.network)?;
        }
        Ok(())
    }

    fn call(&mut self, mut f: impl FnMut(&mut dyn Callback<A>, &mut Context<'_, A>) -> Result<()>) -> Result<()> {
        let Trainer { callbacks, progress, .. } = &mut *self.trainer;
        let mut context = Context {
            network: self.network,
            history: &progress.history,
            position: self.position,
            columns: &self.columns,
            monitor: self.monitor,
            saves: &mut self.saves,
        };
        callbacks.iter_mut().try_for_each(|callback| f(&mut **callback, &mut context))
    }
}

/// Writes a batch that is in memory, if it is one.
fn fill_from<'b, A: Scalar>(
    wants: Shape,
    x: &'b Matrix<A>,
    target: &'b Matrix<A>,
) -> impl FnMut(&mut Matrix<A>, &mut Matrix<A>) -> Result<()> + 'b {
    move |to_x, to_target| {
        if x.ncols() != to_x.ncols() {
            return Err(Error::Width { wants, got: x.ncols() });
        }
        if target.nrows() != x.nrows() {
            let (wants, got) = ([x.nrows(), target.ncols()], target.dim().into());
            return Err(Error::Dimensions { what: "the targets of these samples".into(), wants, got });
        }
        to_x.assign(x);
        to_target.assign(target);
        Ok(())
    }
}

/// The error of a loss that is no number, told which layer's outputs were the first that are none.
fn blame<A: Scalar>(network: &Sequential<A>, x: &Matrix<A>, error: Error) -> Error {
    if !matches!(error, Error::NonFinite { .. }) {
        return error;
    }
    let not_finite = |x: &Matrix<A>| x.iter().find(|x| !x.is_finite()).map(|x| x.to_f64());
    if let Some(got) = not_finite(x) {
        return Error::NonFinite { what: "the input".into(), got };
    }
    let (mut x, mut input) = (x.to_owned(), network.input());
    for (index, layer) in network.layers().enumerate() {
        let Ok(output) = layer.output_shape(input) else { return error };
        let mut y = Array2::default((x.nrows(), output.len()));
        let mut pass = Pass { training: false, input, cache: &mut Cache::default(), rng: &mut rng(0) };
        if layer.forward(&x, &mut y, &mut pass).is_err() {
            return error;
        }
        if let Some(got) = not_finite(&y) {
            return Error::NonFinite { what: format!("the output of layer {index}, {layer:?},"), got };
        }
        (x, input) = (y, output);
    }
    error
}
