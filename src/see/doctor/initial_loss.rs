//! [`initial_loss`]: checks the loss of an untrained network.

use ndarray::Array2;

use super::{Disease, Finding, Report, samples};
use crate::layer::Layer;
use crate::losses::Loss;
use crate::network::Source;
use crate::{Matrix, Network, Result, Scalar};

/// Compares the loss of an untrained network with that of an uninformed prediction.
///
/// That prediction is the output of the network's last activations for zeros. For classes it has equal probabilities,
/// so the loss is ln C for C classes and ln 2 for a binary target; for numbers it is 0, so the mean squared error is
/// the mean square of the targets.
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
/// assert!((initial.knowing_nothing - 3.0_f64.ln()).abs() < 1e-12);
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
    let knowing_nothing = loss.evaluate(&knowing_nothing(network, x)?, target)?.to_f64();
    let classes = samples::are_classes(target, network.prediction_shape().len());
    Ok(InitialLoss { loss: got, knowing_nothing, classes })
}

/// The loss of a network, and that of an uninformed prediction.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct InitialLoss {
    /// The network's loss.
    pub loss: f64,
    /// The loss of an uninformed prediction.
    pub knowing_nothing: f64,
    /// Whether the targets are classes.
    pub classes: bool,
}

impl InitialLoss {
    /// The loss divided by that of an uninformed prediction: about 1 for an untrained network.
    pub fn ratio(&self) -> f64 {
        self.loss / self.knowing_nothing
    }

    /// The largest healthy ratio. The mean squared error is quadratic: 4 is twice the distance.
    fn limit(&self) -> f64 {
        if self.classes { 2.0 } else { 4.0 }
    }

    /// Reports on an untrained network, whose ratio should also be at least one half.
    pub fn report(&self) -> Report {
        let Self { loss, knowing_nothing, .. } = *self;
        let advice = if !loss.is_finite() {
            "the loss is no number: look for NaN in the data, and for weights that are far too large"
        } else if knowing_nothing <= 0.0 {
            "an answer that knows nothing is already right: look at the targets"
        } else if self.ratio() > self.limit() {
            "the network is sure of wrong answers: scale the inputs, or begin with smaller weights in the last layer"
        } else if self.ratio() < 0.5 {
            "the network knows the answers already: it was trained, or the targets are among the inputs"
        } else if knowing_nothing > 100.0 {
            "the targets are far from 0: scale them to a mean of 0 and a deviation of 1"
        } else {
            ""
        };
        let values = [("loss", loss), ("knowing nothing", knowing_nothing), ("ratio", self.ratio())];
        Report {
            title: "loss before training",
            values: values.map(|(name, value)| (name.to_owned(), value)).into(),
            advice: if advice.is_empty() { Vec::new() } else { vec![advice.to_owned()] },
        }
    }

    /// The finding for any network, trained or not.
    pub(super) fn finding(&self) -> Option<Finding> {
        if self.knowing_nothing > 100.0 {
            return Some(Finding {
                disease: Disease::UnscaledTargets,
                place: "the targets".into(),
                number: self.knowing_nothing,
                rule: "the loss of an answer that knows nothing is at most 100",
                advice: "scale the targets to a mean of 0 and a deviation of 1",
                source: "LeCun, Bottou, Orr, Müller, Efficient BackProp, 1998",
            });
        }
        let wrong = self.knowing_nothing > 0.0 && (self.ratio() > self.limit() || !self.ratio().is_finite());
        wrong.then(|| Finding {
            disease: Disease::WrongStart,
            place: "the loss".into(),
            number: self.ratio(),
            rule: if self.classes {
                "at most 2 times the loss of an answer that knows nothing, which is ln C for C classes"
            } else {
                "at most 4 times the loss of the answer 0"
            },
            advice: "scale the inputs, or begin with smaller weights in the last layer",
            source: "Karpathy, A recipe for training neural networks, 2019",
        })
    }
}

/// The outputs if the last layers with parameters, one before each output, give zeros.
fn knowing_nothing<A: Scalar>(network: &Network<A>, x: &Matrix<A>) -> Result<Array2<A>> {
    let steps = network.steps(network.input_shape())?;
    let mut silent = Vec::new();
    let mut sources: Vec<Source> = network.output_sources().map(|(_, source)| source).collect();
    while let Some(source) = sources.pop() {
        let Source::Step(at) = source else { continue };
        if steps[at].parameter_count() > 0 {
            silent.push(format!("{}.", steps[at].name));
        } else {
            sources.extend(&steps[at].takes);
        }
    }
    let mut copy = network.clone();
    copy.visit_mut(&mut |info, matrix| {
        let name = info.name.to_string();
        if silent.iter().any(|place| name.starts_with(place)) {
            matrix.fill(A::ZERO);
        }
    });
    // A network without parameters is given zeros.
    if silent.is_empty() { copy.predict(&Array2::from_elem(x.dim(), A::ZERO)) } else { copy.predict(x) }
}
