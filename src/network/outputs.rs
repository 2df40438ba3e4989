//! [`OutputLosses`]: a loss for each output of a network; [`OutputMetric`]: a metric of one output.

use std::fmt;
use std::ops::Range;

use ndarray::s;

use super::Network;
use super::predict::columns;
use crate::error::check_setting;
use crate::losses::{Loss, LossPart, check_parts};
use crate::metrics::Metric;
use crate::{Matrix, Result, Scalar};

/// A weighted sum of losses, one for each output of a network: L = Σ weight·loss.
///
/// It is a [`Loss`] of rows that hold all outputs side by side. The targets are side by side too, in the order in which
/// the losses are added. An output without a loss is not trained.
///
/// ```
/// use neuropil::data::NamedSamples;
/// use neuropil::metrics::Accuracy;
/// use neuropil::OutputLosses;
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let mut rng = rng(1);
/// let mut g = Network::<f64>::new();
/// let x = g.input("x", 2);
/// let class = g.add(x, Dense::new(2, 3, &mut rng))?;
/// let size = g.add(x, Dense::new(2, 1, &mut rng))?;
/// g.output("class", class)?;
/// g.output("size", size)?;
///
/// let losses = OutputLosses::new(&g);
/// let losses = losses.output("class", CrossEntropy::new(), 1.0)?.output("size", Mse, 0.5)?;
/// let accuracy = losses.metric("class", Accuracy)?;
/// let samples = NamedSamples::new(
///     &[("x", &array![[0.0, 1.0], [1.0, 0.0]])],
///     &[("class", &array![[2.0], [0.0]]), ("size", &array![[0.5], [1.5]])],
/// )?;
/// let mut trainer = Trainer::new(losses, Adam::new(0.1)).epochs(50).metric(accuracy);
/// let history = trainer.fit(&mut g, &samples)?;
/// assert_eq!(history.last().and_then(|epoch| epoch.get("class_accuracy")), Some(1.0));
/// # Ok::<(), Error>(())
/// ```
pub struct OutputLosses<A: Scalar> {
    /// The names and widths of the network's outputs.
    outputs: Vec<(String, usize)>,
    parts: Vec<LossPart<A>>,
}

impl<A: Scalar> OutputLosses<A> {
    /// Creates an empty set of losses for the outputs of `network`.
    pub fn new(network: &Network<A>) -> Self {
        let outputs = network.outputs().map(|(name, shape)| (name.to_owned(), shape.len())).collect();
        Self { outputs, parts: Vec::new() }
    }

    /// Adds a loss for one output, multiplied by `weight`. The target is one column of class indices for a
    /// classification loss, otherwise it has as many columns as the output.
    ///
    /// # Errors
    /// [`Error::Unknown`](crate::Error::Unknown) for an output that does not exist;
    /// [`Error::Setting`](crate::Error::Setting) for a weight that is negative or not finite.
    pub fn output(self, name: &str, loss: impl Loss<A> + 'static, weight: f64) -> Result<Self> {
        let columns = self.columns(name)?.len();
        let targets = loss.target_width(columns);
        self.output_with_targets(name, loss, weight, targets)
    }

    /// Like [`output`](Self::output), for a target of `targets` columns, such as a probability for each class.
    ///
    /// # Errors
    /// As [`output`](Self::output).
    pub fn output_with_targets(
        mut self,
        name: &str,
        loss: impl Loss<A> + 'static,
        weight: f64,
        targets: usize,
    ) -> Result<Self> {
        let ok = weight >= 0.0 && weight.is_finite();
        check_setting("the weight of a loss", weight, "at least 0 and finite", ok)?;
        let outputs = self.columns(name)?;
        let from = self.parts.last().map_or(0, |part| part.targets.end);
        let targets = from..from.saturating_add(targets);
        self.parts.push(LossPart { name: name.to_owned(), outputs, targets, weight, loss: Box::new(loss) });
        Ok(self)
    }

    /// Applies a metric to one output; the output's name becomes a prefix of its name: `class_accuracy`.
    ///
    /// # Errors
    /// [`Error::Unknown`](crate::Error::Unknown) for an output without a loss, and hence without a target.
    pub fn metric<M: Metric<A>>(&self, name: &str, metric: M) -> Result<OutputMetric<M>> {
        let known = self.parts.iter().map(|part| (&*part.name, part.targets.len())).collect();
        let targets = columns("loss for the output", known, name)?;
        Ok(OutputMetric { output: name.to_owned(), outputs: self.columns(name)?, targets, metric })
    }

    fn columns(&self, name: &str) -> Result<Range<usize>> {
        columns("output", self.outputs.iter().map(|(name, width)| (&**name, *width)).collect(), name)
    }
}

impl<A: Scalar> Loss<A> for OutputLosses<A> {
    fn check(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
        let outputs = self.outputs.iter().map(|(_, width)| width).sum();
        let targets = self.parts.last().map_or(0, |part| part.targets.end);
        check_parts(&self.parts, [outputs, targets], y, target)
    }

    fn rows(&self, y: &Matrix<A>, target: &Matrix<A>, loss: &mut [A], mut dy: Option<&mut Matrix<A>>) {
        loss.fill(A::ZERO);
        if let Some(dy) = dy.as_deref_mut() {
            dy.fill(A::ZERO);
        }
        let mut own = vec![A::ZERO; loss.len()];
        for part in &self.parts {
            let weight = A::of(part.weight);
            let y = y.slice(s![.., part.outputs.clone()]).as_standard_layout().into_owned();
            let target = target.slice(s![.., part.targets.clone()]).as_standard_layout().into_owned();
            let mut own_dy = y.clone();
            part.loss.rows(&y, &target, &mut own, if dy.is_some() { Some(&mut own_dy) } else { None });
            loss.iter_mut().zip(&own).for_each(|(loss, &own)| *loss += weight * own);
            if let Some(dy) = dy.as_deref_mut() {
                let mut dy = dy.slice_mut(s![.., part.outputs.clone()]);
                dy.zip_mut_with(&own_dy, |dy, &own| *dy += weight * own);
            }
        }
    }

    fn counts(&self, _: &Matrix<A>, _: &Matrix<A>, counts: &mut [A]) {
        counts.fill(A::ONE);
    }

    fn parts(&self) -> &[LossPart<A>] {
        &self.parts
    }
}

impl<A: Scalar> fmt::Debug for OutputLosses<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OutputLosses{:?}", self.parts)
    }
}

/// A metric of one output of a network: see [`OutputLosses::metric`].
#[derive(Debug, Clone)]
pub struct OutputMetric<M> {
    output: String,
    outputs: Range<usize>,
    targets: Range<usize>,
    metric: M,
}

impl<A: Scalar, M: Metric<A>> Metric<A> for OutputMetric<M> {
    fn name(&self) -> String {
        format!("{}_{}", self.output, self.metric.name())
    }

    fn evaluate(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<f64> {
        self.metric.evaluate(&y.slice(s![.., self.outputs.clone()]), &target.slice(s![.., self.targets.clone()]))
    }

    fn higher_is_better(&self) -> bool {
        self.metric.higher_is_better()
    }

    fn check(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
        self.metric.check(&y.slice(s![.., self.outputs.clone()]), &target.slice(s![.., self.targets.clone()]))
    }
}
