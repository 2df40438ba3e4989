//! Loss, metrics and outputs of a network, computed batch by batch.

use std::fmt;

use ndarray::{Array2, ArrayView2, Axis};

use super::{Trainer, history};
use crate::data::Dataset;
use crate::error::check_setting;
use crate::kernels::resize;
use crate::kernels::sequences::Sequences;
use crate::layer::Layer;
use crate::{Error, Matrix, Network, Result, Scalar, Scratch, losses};

/// The number of rows evaluated at once.
const ROWS: usize = 256;

/// The loss and metrics of a network on some samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// The loss over all samples, as if they were one batch.
    pub loss: f64,
    /// The name and value of each metric.
    pub metrics: Vec<(String, f64)>,
}

impl Evaluation {
    /// The value of the metric with this name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.metrics.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "loss {}", history::short(self.loss))?;
        self.metrics.iter().try_for_each(|(name, value)| write!(f, "  {name} {}", history::short(*value)))
    }
}

/// A running mean of the loss over batches, or a sum.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mean {
    total: f64,
    count: f64,
}

impl Mean {
    /// Adds the loss of a batch: a mean over `count`, or a sum.
    pub(super) fn add(&mut self, loss: f64, count: Option<f64>) {
        match count {
            Some(0.0) => {}
            Some(count) => {
                self.total += loss * count;
                self.count += count;
            }
            None => {
                self.total += loss;
                self.count = 1.0;
            }
        }
    }

    pub(super) fn get(self) -> f64 {
        if self.count == 0.0 { 0.0 } else { self.total / self.count }
    }
}

/// Outputs and targets collected for the metrics.
#[derive(Debug)]
pub(super) struct Collected<A> {
    y: Vec<A>,
    target: Vec<A>,
    widths: [usize; 2],
    steps: losses::StepRows<A>,
}

impl<A: Scalar> Collected<A> {
    pub(super) fn new(rows: usize, widths: [usize; 2]) -> Self {
        // Larger vectors grow as needed.
        let room = |width: usize| Vec::with_capacity(rows.saturating_mul(width).min(1 << 24));
        Self { y: room(widths[0]), target: room(widths[1]), widths, steps: losses::StepRows::default() }
    }

    pub(super) fn clear(&mut self) {
        self.y.clear();
        self.target.clear();
    }

    /// Adds the rows of a batch; sequences of known lengths are added step by step.
    pub(super) fn add(&mut self, y: &Matrix<A>, target: &Matrix<A>, sequences: Option<Sequences<'_>>) -> Result<()> {
        if let Some(sequences) = sequences {
            self.steps.gather(&format_args!("a metric"), y, target, sequences)?;
        }
        let (y, target): (&Matrix<A>, &Matrix<A>) =
            if sequences.is_some() { (&self.steps.y, &self.steps.target) } else { (y, target) };
        let widths = [y.ncols(), target.ncols()];
        if self.widths != widths && !self.y.is_empty() {
            let (what, wants, got) = ("the outputs and targets of a batch, for metrics,".into(), self.widths, widths);
            return Err(Error::Dimensions { what, wants, got });
        }
        self.widths = widths;
        self.y.extend(y);
        self.target.extend(target);
        Ok(())
    }

    pub(super) fn matrices(&self) -> [ArrayView2<'_, A>; 2] {
        let view = |numbers, width: usize| {
            let rows = <[A]>::len(numbers) / width.max(1);
            ArrayView2::from_shape((rows, width), numbers).expect("whole rows were added")
        };
        [view(&self.y, self.widths[0]), view(&self.target, self.widths[1])]
    }
}

impl<A: Scalar> Trainer<'_, A> {
    /// Computes the loss and metrics of `network` on these samples, in evaluation mode. Class and sample weights are
    /// ignored.
    ///
    /// # Errors
    /// When the samples do not fit the network, the loss or a metric; [`Error::Setting`] without samples.
    pub fn evaluate(&self, network: &Network<A>, data: &dyn Dataset<A>) -> Result<Evaluation> {
        let len = data.len();
        check_setting("the number of samples", len as f64, "at least 1", len > 0)?;
        let outputs = network.output_shape(network.shape_of_rows(data.input_width())?)?.len();
        let (mut x, mut target) = (Array2::default((0, 0)), Array2::default((0, 0)));
        let (mut scratch, mut reducer) = (Scratch::default(), losses::Scratch::default());
        let collect = if self.metrics.is_empty() { 0 } else { len };
        let mut collected = Collected::new(collect, [outputs, data.target_width()]);
        let mut mean = Mean::default();
        let rows = self.batch_size.max(ROWS).min(len);
        let mut samples = Vec::with_capacity(rows);
        for from in (0..len).step_by(rows) {
            samples.clear();
            samples.extend(from..len.min(from + rows));
            resize(&mut x, samples.len(), data.input_width())?;
            resize(&mut target, samples.len(), data.target_width())?;
            data.gather(&samples, &mut x, &mut target)?;
            let of_all = |error: Error| error.map_row(|row| from + row);
            network.predict_into(&x, &mut scratch).map_err(of_all)?;
            let (y, sequences) = (scratch.output(), scratch.sequences());
            let loss = match sequences {
                None => reducer.reduce(&*self.loss, y, &target, None, None),
                Some(sequences) => reducer.reduce_steps(&*self.loss, [y, &target], sequences, None, None),
            };
            mean.add(loss.map_err(of_all)?.to_f64(), reducer.count());
            if collect > 0 {
                collected.add(y, &target, sequences)?;
            }
        }
        Ok(Evaluation { loss: mean.get(), metrics: self.measure(&collected)? })
    }

    /// Computes the metrics of the collected outputs.
    pub(super) fn measure(&self, collected: &Collected<A>) -> Result<Vec<(String, f64)>> {
        let [y, target] = collected.matrices();
        self.metrics.iter().map(|metric| Ok((metric.name(), metric.evaluate(&y, &target)?))).collect()
    }

    /// Predicts the outputs of `network` in batches, which bounds the memory for intermediate values.
    ///
    /// # Errors
    /// Those of [`Network::predict`].
    pub fn predict(&self, network: &Network<A>, x: &Matrix<A>) -> Result<Array2<A>> {
        let (mut scratch, rows) = (Scratch::default(), self.batch_size.max(ROWS));
        if x.nrows() <= rows {
            return network.predict(x);
        }
        let mut y = Array2::default((0, 0));
        resize(&mut y, x.nrows(), network.output_shape(network.shape_of_rows(x.ncols())?)?.len())?;
        for (i, (x, mut y)) in x.axis_chunks_iter(Axis(0), rows).zip(y.axis_chunks_iter_mut(Axis(0), rows)).enumerate()
        {
            let of_all = |error: Error| error.map_row(|row| i * rows + row);
            y.assign(network.predict_into(&x, &mut scratch).map_err(of_all)?);
        }
        Ok(y)
    }
}
