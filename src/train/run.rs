//! The epochs of a fit.

use std::path::PathBuf;

use super::callbacks::{Callback, Column, Context, Flow, Position};
use super::evaluate::{Collected, Mean};
use super::fit::fill_from;
use super::step::Batch;
use super::{Epoch, History, Trainer, Unit};
use crate::clock::Clock;
use crate::layer::Layer;
use crate::{Error, Matrix, Network, Result, Scalar};

impl<A: Scalar> Trainer<'_, A> {
    /// Runs all epochs of a fit; `epoch` trains one. The number of samples and the target width are given if known.
    pub(super) fn run(
        &mut self,
        network: &mut Network<A>,
        batches: Option<usize>,
        [samples, target_width]: [usize; 2],
        epoch: &mut dyn FnMut(&mut Run<'_, '_, A>) -> Result<()>,
    ) -> Result<History> {
        let columns = self.columns();
        let monitor = self.monitored(&columns)?;
        self.work.start(network);
        if let Some(ema) = &mut self.ema
            && ema.swapped
            && fingerprint(network) != self.left
        {
            // The average is of another network, or the weights have changed since.
            ema.restart();
        }
        let collect = if self.metrics.is_empty() { 0 } else { samples };
        let collected = Collected::new(collect, [network.prediction_shape().len(), target_width]);
        let done = self.progress.epoch as usize;
        let rate = self.optimizer.learning_rate();
        let position = Position {
            epoch: done,
            last_epoch: done.saturating_add(self.epochs),
            batches,
            rate,
            ..Position::default()
        };
        let (mean, loss, saves, start) = (Mean::default(), A::ZERO, Vec::new(), Clock::start());
        let mut run = Run { trainer: self, network, columns, monitor, position, collected, mean, loss, saves, start };
        run.position.step = run.trainer.progress.step;
        let result = run.epochs(epoch);
        if self.ema.is_some() {
            self.left = fingerprint(network);
        }
        result.map(|()| self.progress.history.clone())
    }
}

/// A hash of all bits of the network's weights.
pub(super) fn fingerprint<A: Scalar>(network: &Network<A>) -> u64 {
    let mut sum = 0;
    network.visit(&mut |_, matrix| sum = hash(sum, matrix));
    sum
}

/// Adds the bits of a matrix to a hash; a single different bit changes the hash.
pub(super) fn hash<A: Scalar>(sum: u64, matrix: &Matrix<A>) -> u64 {
    let bits = matrix.iter().map(|x| x.to_f64().to_bits());
    bits.fold(sum, |sum, bits| (sum.rotate_left(5) ^ bits).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// A running fit.
pub(super) struct Run<'r, 'a, A: Scalar> {
    trainer: &'r mut Trainer<'a, A>,
    network: &'r mut Network<A>,
    columns: Vec<Column>,
    monitor: usize,
    pub(super) position: Position,
    collected: Collected<A>,
    mean: Mean,
    /// The loss of the last batch.
    loss: A,
    saves: Vec<PathBuf>,
    start: Clock,
}

impl<A: Scalar> Run<'_, '_, A> {
    fn epochs(&mut self, epoch: &mut dyn FnMut(&mut Self) -> Result<()>) -> Result<()> {
        self.call(|callback, at| callback.on_start(at))?;
        for _ in 0..self.trainer.epochs {
            self.begin_epoch()?;
            epoch(self)?;
            if self.end_epoch()? == Flow::Stop {
                break;
            }
        }
        self.call(|callback, at| callback.on_end(at))?;
        #[cfg(feature = "files")]
        self.save()?;
        Ok(())
    }

    fn begin_epoch(&mut self) -> Result<()> {
        self.start = Clock::start();
        self.collected.clear();
        self.mean = Mean::default();
        let Trainer { schedule, optimizer, progress, .. } = &mut *self.trainer;
        if let Some((schedule, Unit::Epoch)) = schedule {
            optimizer.set_learning_rate(schedule.rate(progress.base_rate, progress.epoch));
        }
        let epoch = progress.epoch as usize + 1;
        self.position = Position { epoch, batch: 0, samples: 0, loss: 0.0, ..self.position };
        match &mut self.trainer.ema {
            Some(ema) if ema.swapped => ema.swap(self.network),
            _ => Ok(()),
        }
    }

    /// Trains on a batch, and takes an optimizer step once enough batches are accumulated.
    pub(super) fn batch(&mut self, batch: Batch<'_, A>) -> Result<()> {
        let rows = batch.rows;
        self.loss = match self.trainer.learn(self.network, batch) {
            Ok(loss) => loss,
            Err(error) => return Err(self.trainer.during(error)),
        };
        let work = &self.trainer.work;
        let tape = work.tape.as_ref().expect("a run starts with a tape");
        self.mean.add(self.loss.to_f64(), tape.loss_count());
        if !self.trainer.metrics.is_empty() {
            self.collected.add(tape.output(), &work.target, tape.sequences())?;
        }
        if work.gathered == self.trainer.accumulate {
            self.step()?;
        }
        self.position.batch += 1;
        self.position.samples += rows;
        self.position.loss = self.mean.get();
        self.call(|callback, at| callback.on_batch_end(at))
    }

    /// Trains on a batch in memory.
    pub(super) fn samples(&mut self, x: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
        let fill = &mut fill_from(x, target);
        let (input_width, target_width) = (x.ncols(), target.ncols());
        self.batch(Batch { rows: x.nrows(), input_width, target_width, samples: &[], fill })
    }

    fn step(&mut self) -> Result<()> {
        self.trainer.step(self.network, self.loss).map_err(|error| self.trainer.during(error))?;
        self.position.step = self.trainer.progress.step;
        self.position.rate = self.trainer.optimizer.learning_rate();
        self.trainer.ema.as_mut().map_or(Ok(()), |ema| ema.update(self.network))
    }

    fn end_epoch(&mut self) -> Result<Flow> {
        if self.trainer.work.gathered > 0 {
            self.step()?;
        }
        let trainer = &mut *self.trainer;
        if let Some(record) = &mut trainer.record {
            record.note(trainer.progress.step, self.network);
        }
        if let Some(ema) = &mut trainer.ema {
            ema.swap(self.network)?;
        }
        let mut values = vec![("loss".to_owned(), self.mean.get())];
        values.extend(trainer.measure(&self.collected).map_err(|error| trainer.during(error))?);
        if let Some(data) = trainer.validation {
            let which = "the validation data";
            let wrong = |error| trainer.during(Error::Data { which, error: Box::new(error) });
            let validation = trainer.evaluate(self.network, data).map_err(wrong)?;
            values.push(("val_loss".to_owned(), validation.loss));
            values.extend(validation.metrics.into_iter().map(|(name, value)| (format!("val_{name}"), value)));
        }
        let seconds = self.start.seconds();
        if let Some((schedule, Unit::Epoch)) = &mut trainer.schedule {
            schedule.observe(trainer.progress.epoch, values[self.monitor].1);
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
        #[cfg(feature = "files")]
        self.save()?;
        Ok(flow)
    }

    /// Saves the training to the files that callbacks requested, after all of them have run.
    #[cfg(feature = "files")]
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
