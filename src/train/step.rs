//! A training step: forward pass, loss, backward pass and optimizer step.

use ndarray::Array2;

use super::{Trainer, Unit};
use crate::kernels::resize;
use crate::optimizers::Norm;
use crate::{Error, Matrix, Network, Result, Scalar, Tape};

/// The use of random numbers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Shuffling,
    Layers,
}

/// The seed for one purpose and the epoch or batch `index`.
///
/// It depends on nothing else, so no generator state has to be saved.
pub(super) fn seed_of(seed: u64, purpose: Purpose, index: u64) -> u64 {
    // SplitMix64, fed with each word in turn.
    [purpose as u64, index].into_iter().fold(seed, |seed, word| {
        let mut z = (seed ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

/// The buffers of a trainer, kept from batch to batch.
#[derive(Debug)]
pub(super) struct Work<A: Scalar> {
    pub(super) tape: Option<Tape<A>>,
    pub(super) target: Array2<A>,
    /// The weight of each sample of the batch; empty without weights.
    weights: Vec<A>,
    /// The weight of each class; empty without weights.
    pub(super) class_weights: Vec<A>,
    /// The number of batches accumulated for the next step.
    pub(super) gathered: usize,
}

impl<A: Scalar> Default for Work<A> {
    fn default() -> Self {
        let (weights, class_weights) = (Vec::new(), Vec::new());
        Self { tape: None, target: Array2::default((0, 0)), weights, class_weights, gathered: 0 }
    }
}

impl<A: Scalar> Work<A> {
    /// Prepares the tape for this network, without accumulated gradients.
    pub(super) fn start(&mut self, network: &Network<A>) {
        self.gathered = 0;
        match &mut self.tape {
            Some(tape) if tape.shape() == network.input_shape() => tape.discard_accumulated(),
            tape => *tape = Some(Tape::new(network, 0)),
        }
    }
}

/// Writes the inputs and targets of a batch.
type Fill<'f, A> = dyn FnMut(&mut Matrix<A>, &mut Matrix<A>) -> Result<()> + 'f;

/// A training batch.
pub(super) struct Batch<'b, A: Scalar> {
    pub(super) rows: usize,
    /// The numbers in a row of the input.
    pub(super) input_width: usize,
    pub(super) target_width: usize,
    /// The indices of its samples, if samples have weights.
    pub(super) samples: &'b [usize],
    /// Writes its inputs and targets.
    pub(super) fill: &'b mut Fill<'b, A>,
}

impl<A: Scalar> Trainer<'_, A> {
    /// Runs forward, loss and backward on one batch; returns the loss.
    pub(super) fn learn(&mut self, network: &mut Network<A>, batch: Batch<'_, A>) -> Result<A> {
        let samples = batch.samples;
        self.note_before_batch(network);
        // In a fit, errors name the index in the data set.
        let of_all = |row| samples.get(row).copied().unwrap_or(row);
        self.learn_batch(network, batch).map_err(|error| error.map_row(of_all))
    }

    fn learn_batch(&mut self, network: &mut Network<A>, batch: Batch<'_, A>) -> Result<A> {
        let Work { tape, target, weights, class_weights, gathered } = &mut self.work;
        let tape = tape.as_mut().expect("a run starts with a tape");
        let Batch { rows, input_width, target_width, samples, fill } = batch;
        tape.reseed(seed_of(self.progress.seed, Purpose::Layers, self.progress.batches));
        resize(target, rows, target_width)?;
        tape.forward_rows(network, (rows, input_width), |x| fill(x, target))?;
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
                    who: "the weighting by class".into(),
                    wants: format!("a target of one column of classes from 0 to {}", class_weights.len() - 1),
                    got: if target_width == 1 { label.to_string() } else { format!("{target_width} columns") },
                    row: None,
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
        if let Some(record) = &mut self.record {
            record.see(tape.input(), target);
        }
        *gathered += 1;
        self.progress.batches += 1;
        Ok(loss)
    }

    /// Takes the optimizer step over the accumulated gradients; a schedule by step observes `loss`.
    pub(super) fn step(&mut self, network: &mut Network<A>, loss: A) -> Result<()> {
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
        if let Some((schedule, Unit::Step)) = &mut self.schedule {
            schedule.observe(self.progress.step, loss.to_f64());
        }
        self.progress.step += 1;
        Ok(())
    }
}

/// For a non-finite loss on finite data, names the first layer whose outputs are not finite.
fn blame<A: Scalar>(network: &Network<A>, x: &Matrix<A>, error: Error) -> Error {
    if !matches!(error, Error::NonFinite { in_data: false, .. }) {
        return error;
    }
    let not_finite = |x: &Matrix<A>| x.iter().find(|x| !x.is_finite()).map(|x| x.to_f64());
    let Ok(outputs) = network.layer_outputs(x) else { return error };
    let Ok(steps) = network.steps(network.input_shape()) else { return error };
    for (step, y) in steps.iter().zip(&outputs) {
        if let Some(got) = not_finite(y) {
            return Error::NonFinite {
                what: format!("the output of layer {}, {},", step.name, step.text),
                got,
                in_data: false,
            };
        }
    }
    error
}
