//! A learning rate range test.

use std::fmt::{self, Write as _};
use std::ops::RangeInclusive;

use rand::seq::SliceRandom;

use super::step::Batch;
use super::{Trainer, history};
use crate::data::Dataset;
use crate::error::check_setting;
use crate::{Error, Matrix, Network, Result, Scalar, rng};

/// The loss as a function of the learning rate: see [`Trainer::find_rate`].
#[derive(Debug, Clone, PartialEq)]
pub struct RateCurve {
    /// The learning rates, a geometric sequence.
    pub rates: Vec<f64>,
    /// The moving average of the loss before each step.
    pub losses: Vec<f64>,
}

impl RateCurve {
    /// The learning rate at which the loss, as a function of the logarithm of the rate, falls most steeply; `None` if
    /// it never falls.
    pub fn suggestion(&self) -> Option<f64> {
        let lowest = (0..self.losses.len()).min_by(|&a, &b| self.losses[a].total_cmp(&self.losses[b]))?;
        // The slope over a few steps to each side, because each loss is that of a different batch.
        let (reach, mut best) = (3, None);
        for i in reach..(lowest + 1).min(self.losses.len().saturating_sub(reach)) {
            let slope = self.losses[i + reach] - self.losses[i - reach];
            if slope < best.map_or(0.0, |(slope, _)| slope) {
                best = Some((slope, self.rates[i]));
            }
        }
        best.map(|(_, rate)| rate)
    }

    /// The curve as CSV, with a header.
    pub fn to_csv(&self) -> String {
        let mut text = String::from("learning_rate,loss\n");
        for (rate, loss) in self.rates.iter().zip(&self.losses) {
            let _ = writeln!(text, "{rate:?},{loss:?}");
        }
        text
    }
}

/// Prints the loss over the learning rate as bars, and the suggested rate.
impl fmt::Display for RateCurve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let highest = self.losses.first().map_or(0.0, |first| first * 1.5);
        for (rate, &loss) in self.rates.iter().zip(&self.losses).step_by(self.rates.len().div_ceil(25).max(1)) {
            let share = if highest > 0.0 { (loss / highest).clamp(0.0, 1.0) } else { 0.0 };
            writeln!(f, "{rate:9.1e}  {:>9}  {}", history::short(loss), "#".repeat((share * 50.0) as usize))?;
        }
        match self.suggestion() {
            Some(rate) => write!(f, "suggestion: {rate:.1e}"),
            None => write!(f, "no suggestion: the loss does not fall"),
        }
    }
}

impl<A: Scalar> Trainer<'_, A> {
    /// Runs a learning rate range test (Smith, 2017): trains a copy of `network` while the learning rate grows
    /// exponentially, to find where the loss falls most steeply and where it rises. Stops when the smoothed loss is
    /// more than four times its minimum, or not finite. Network and trainer are not changed.
    ///
    /// ```
    /// use neuropil::data;
    /// use neuropil::prelude::*;
    ///
    /// let mut rng = rng(7);
    /// let moons = data::moons::<f32>(500, 0.1, &mut rng);
    /// let network = Sequential::mlp(&[2, 16, 2], Tanh, &mut rng)?;
    /// let mut trainer = Trainer::new(CrossEntropy::new(), Sgd::new(0.1)).batch_size(50);
    /// let curve = trainer.find_rate(&network, &moons, 1e-4..=100.0, 80)?;
    /// assert!(curve.suggestion().is_some_and(|rate| (0.01..50.0).contains(&rate)), "{curve}");
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`fit`](Self::fit) before training; [`Error::Setting`] unless there are at least two steps, and the
    /// range starts above 0 and increases.
    pub fn find_rate(
        &mut self,
        network: &Network<A>,
        data: &dyn Dataset<A>,
        range: RangeInclusive<f64>,
        steps: usize,
    ) -> Result<RateCurve> {
        let (low, high) = (*range.start(), *range.end());
        check_setting("the lowest learning rate", low, "above 0", low > 0.0)?;
        check_setting("the highest learning rate", high, "above the lowest", high > low && high.is_finite())?;
        check_setting("the number of steps", steps as f64, "at least 2", steps >= 2)?;
        self.work.class_weights = self.check(network, data)?;
        // Restored after the search.
        let (progress, schedule, record) = (self.progress.clone(), self.schedule.take(), self.record.take());
        let (rate, memory) = (self.optimizer.learning_rate(), std::mem::take(self.optimizer.memory_mut()));
        let growth = (high / low).ln() / (steps - 1) as f64;
        let rates = (0..steps).map(|step| low * (growth * step as f64).exp());
        let result = self.search(&mut network.clone(), data, rates);
        (self.progress, self.schedule, self.record) = (progress, schedule, record);
        self.optimizer.set_learning_rate(rate);
        *self.optimizer.memory_mut() = memory;
        result
    }

    fn search(
        &mut self,
        network: &mut Network<A>,
        data: &dyn Dataset<A>,
        rates: impl Iterator<Item = f64>,
    ) -> Result<RateCurve> {
        /// The decay of the moving average of the loss.
        const KEEP: f64 = 0.8;
        self.work.start(network);
        let mut curve = RateCurve { rates: Vec::new(), losses: Vec::new() };
        let mut order: Vec<usize> = (0..data.len()).collect();
        let size = self.batch_size.min(order.len());
        let (mut rng, mut at) = (rng(self.progress.seed), data.len());
        let (mut mean, mut kept, mut lowest) = (0.0, 1.0, f64::INFINITY);
        for rate in rates {
            let mut loss = A::ZERO;
            self.optimizer.set_learning_rate(rate);
            // As in a fit, a step accumulates at most the batches of one epoch.
            let together = self.accumulate.min(order.len().div_ceil(size));
            let result = (0..together).try_for_each(|_| {
                if order.len() - at < size {
                    order.shuffle(&mut rng);
                    at = 0;
                }
                let samples = &order[at..at + size];
                at += size;
                let fill = &mut |x: &mut Matrix<A>, target: &mut Matrix<A>| data.gather(samples, x, target);
                let (rows, input_width, target_width) = (samples.len(), data.input_width(), data.target_width());
                loss = self.learn(network, Batch { rows, input_width, target_width, samples, fill })?;
                Ok(())
            });
            match result.and_then(|()| self.step(network, loss)) {
                Err(Error::NonFinite { .. }) => break,
                result => result?,
            }
            mean = KEEP * mean + (1.0 - KEEP) * loss.to_f64();
            kept *= KEEP;
            // Bias correction of the moving average.
            let smooth = mean / (1.0 - kept);
            curve.rates.push(rate);
            curve.losses.push(smooth);
            lowest = lowest.min(smooth);
            if smooth > 4.0 * lowest && curve.rates.len() > 5 {
                break;
            }
        }
        Ok(curve)
    }
}
