//! [`initial_loss`]: checks the loss of an untrained network.

use ndarray::Array2;

use super::{Disease, Finding, Report, samples};
use crate::layer::Layer;
use crate::losses::Loss;
use crate::network::Source;
use crate::{Matrix, Network, Result, Scalar};

/// Compares the loss of an untrained network with that of an uninformed prediction.
///
/// The uninformed prediction is what the last activation makes of zeros. For C classes, it is equal probabilities, with
/// the loss ln C (ln 2 for a binary target); for regression, it is 0, with the mean square of the targets as the mean
/// squared error.
///
/// ```
/// use neuropil::prelude::*;
/// use neuropil::doctor;
/// use ndarray::array;
///
/// let network = Sequential::<f64>::mlp(&[2, 8, 3], Tanh, &mut rng(7))?;
/// let (x, target) = (array![[0.1, 0.2], [-0.3, 0.1]], array![[2.0], [0.0]]);
/// let initial = doctor::initial_loss(&network, &x, &target, &CrossEntropy::new())?;
/// assert!(initial.report().is_healthy());
/// assert!((initial.baseline - 3.0_f64.ln()).abs() < 1e-12);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// When the samples do not fit the network, or the target does not fit the loss.
pub fn initial_loss<A: Scalar>(
    network: &Network<A>,
    x: &Matrix<A>,
    target: &Matrix<A>,
    loss: &dyn Loss<A>,
) -> Result<InitialLoss> {
    let got = loss.evaluate(&network.predict(x)?, target)?.to_f64();
    let baseline = loss.evaluate(&uninformed(network, x)?, target)?.to_f64();
    let classes = samples::are_classes(target, network.prediction_shape().len());
    Ok(InitialLoss { loss: got, baseline, classes })
}

/// The loss of a network, and that of an uninformed prediction.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct InitialLoss {
    /// The network's loss.
    pub loss: f64,
    /// The loss of an uninformed prediction.
    pub baseline: f64,
    /// Whether the targets are classes.
    pub classes: bool,
}

impl InitialLoss {
    /// The loss divided by the baseline: about 1 for an untrained network.
    pub fn ratio(&self) -> f64 {
        self.loss / self.baseline
    }

    /// The largest healthy ratio: 4 for the mean squared error means twice the distance.
    fn limit(&self) -> f64 {
        if self.classes { 2.0 } else { 4.0 }
    }

    /// Reports on an untrained network, whose ratio should also be at least one half.
    pub fn report(&self) -> Report {
        let Self { loss, baseline, .. } = *self;
        let advice = if !loss.is_finite() {
            "the loss is not finite: look for NaN in the data, and for weights that are far too large"
        } else if baseline <= 0.0 {
            "an uninformed prediction is already perfect: check the targets"
        } else if self.ratio() > self.limit() {
            "the network is confident and wrong: scale the inputs, or initialize the last layer with smaller weights"
        } else if self.ratio() < 0.5 {
            "the loss is too low for an untrained network: it was trained, or the targets are among the inputs"
        } else if baseline > 100.0 {
            "the targets are far from 0: scale them to mean 0 and standard deviation 1"
        } else {
            ""
        };
        let values = [("loss", loss), ("baseline", baseline), ("ratio", self.ratio())];
        Report {
            title: "initial loss",
            values: values.map(|(name, value)| (name.to_owned(), value)).into(),
            advice: if advice.is_empty() { Vec::new() } else { vec![advice.to_owned()] },
        }
    }

    /// The finding for any network, trained or not.
    pub(super) fn finding(&self) -> Option<Finding> {
        if self.baseline > 100.0 {
            return Some(Finding {
                disease: Disease::UnscaledTargets,
                place: "the targets".into(),
                number: self.baseline,
                rule: "the loss of an uninformed prediction is at most 100",
                advice: "scale the targets to mean 0 and standard deviation 1",
                source: "LeCun, Bottou, Orr, Müller, Efficient BackProp, 1998",
            });
        }
        let wrong = self.baseline > 0.0 && (self.ratio() > self.limit() || !self.ratio().is_finite());
        wrong.then(|| Finding {
            disease: Disease::WrongInitialLoss,
            place: "the loss".into(),
            number: self.ratio(),
            rule: if self.classes {
                "the loss is at most 2 times that of an uninformed prediction, which is ln C for C classes"
            } else {
                "the loss is at most 4 times that of predicting 0"
            },
            advice: "scale the inputs, or initialize the last layer with smaller weights",
            source: "Karpathy, A recipe for training neural networks, 2019",
        })
    }
}

/// The outputs when all parameters of the last layer with parameters before each output are 0.
fn uninformed<A: Scalar>(network: &Network<A>, x: &Matrix<A>) -> Result<Array2<A>> {
    let steps = network.steps(network.input_shape())?;
    let mut silent = Vec::new();
    let mut sources: Vec<Source> = network.output_sources().map(|(_, source)| source).collect();
    while let Some(source) = sources.pop() {
        let Source::Step(at) = source else { continue };
        if steps[at].parameter_count() > 0 {
            silent.push(format!("{}.", steps[at].name));
        } else {
            sources.extend(&steps[at].sources);
        }
    }
    let mut copy = network.clone();
    copy.visit_mut(&mut |info, matrix| {
        let name = info.name.to_string();
        if silent.iter().any(|place| name.starts_with(place)) {
            matrix.fill(A::ZERO);
        }
    });
    // A network without parameters gets zeros as inputs.
    if silent.is_empty() { copy.predict(&Array2::from_elem(x.dim(), A::ZERO)) } else { copy.predict(x) }
}
