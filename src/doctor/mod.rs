//! The doctor: looks at a network and a batch, and says what is wrong and what to do.
//!
//! ```
//! use neuropil::prelude::*;
//! use neuropil::{data, doctor};
//!
//! let data::Samples { x, target } = data::moons::<f64>(100, 0.1, &mut rng(1));
//! let network = Sequential::mlp(&[2, 16, 2], Tanh, &mut rng(1))?;
//! let diagnosis = doctor::examine(&network, &x, &target, &CrossEntropy::new(), &mut Sgd::new(0.1))?;
//! assert!(diagnosis.is_healthy(), "{diagnosis}");
//!
//! let unscaled = x * 1000.0;
//! let diagnosis = doctor::examine(&network, &unscaled, &target, &CrossEntropy::new(), &mut Sgd::new(0.1))?;
//! assert!(diagnosis.has(doctor::Disease::UnscaledInputs), "{diagnosis}");
//! # Ok::<(), Error>(())
//! ```

use std::fmt;

use crate::losses::Loss;
use crate::optimizers::Optimizer;
use crate::text::figures;
use crate::train::sanity;
use crate::{Error, Matrix, Network, Result, Scalar};

mod flow;
mod samples;
mod wiring;

/// What the doctor knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Disease {
    /// NaN or infinity among inputs, targets, parameters or outputs.
    NonFinite,
    /// Inputs of another size than 1.
    UnscaledInputs,
    /// Targets that are far larger than what a fresh network gives.
    UnscaledTargets,
    /// The same input with different labels.
    Contradictions,
    /// Labels that have nothing to do with the inputs.
    ShuffledLabels,
    /// A last layer and a loss that do the same thing twice.
    Twice,
    /// The units of a layer are all alike, and learn alike.
    Symmetry,
    /// The loss at the start is far from that of an answer which knows nothing.
    WrongStart,
    /// Units that are zero, with slope zero, for every sample.
    DeadUnits,
    /// Units whose slope is near zero for nearly all samples.
    SaturatedUnits,
    /// Outputs that fade from layer to layer.
    FadingOutputs,
    /// Outputs that grow from layer to layer.
    GrowingOutputs,
    /// Gradients that vanish on their way back.
    VanishingGradients,
    /// Gradients that explode on their way back.
    ExplodingGradients,
    /// Steps that are large beside the weights.
    LargeUpdates,
    /// Steps that are tiny beside the weights, though there is much to learn.
    SmallUpdates,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What it is.
    pub disease: Disease,
    /// Where: a layer with its position, a parameter, or the data.
    pub place: String,
    /// What was measured.
    pub number: f64,
    /// What it should be.
    pub rule: &'static str,
    /// What to do about it.
    pub advice: &'static str,
    /// Where the rule comes from.
    pub source: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { disease, place, number, rule, advice, source } = self;
        writeln!(f, "{disease:?} in {place}: {}", figures(*number, 3))?;
        writeln!(f, "  rule    {rule}")?;
        writeln!(f, "  do      {advice}")?;
        writeln!(f, "  source  {source}")
    }
}

/// All that the doctor found, the data's troubles first: those cause others.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Diagnosis {
    /// What is wrong.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// Whether nothing was found.
    pub fn is_healthy(&self) -> bool {
        self.findings.is_empty()
    }

    /// Whether this was found.
    pub fn has(&self, disease: Disease) -> bool {
        self.findings.iter().any(|finding| finding.disease == disease)
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_healthy() {
            return writeln!(f, "nothing found: healthy");
        }
        self.findings.iter().try_for_each(|finding| write!(f, "{finding}"))
    }
}

/// Looks at a network, fresh or trained, on a batch of samples (some dozens, better some hundreds), with the loss and the
/// optimizer that are to train it. Network and optimizer stay as they are.
///
/// The rules are rules of thumb: a finding is a place to look at, with its number. Whether a network can learn one batch
/// by heart is asked by [`sanity::overfit`], which takes longer.
///
/// # Errors
/// When the samples do not fit the network, the target does not fit the loss, or there are fewer than two samples.
pub fn examine<A: Scalar>(
    network: &Network<A>,
    x: &Matrix<A>,
    target: &Matrix<A>,
    loss: &dyn Loss<A>,
    optimizer: &mut dyn Optimizer<A>,
) -> Result<Diagnosis> {
    let mut findings = Vec::new();
    let y = network.predict(x)?;
    loss.check(&y, target)?;
    samples::non_finite(network, x, target, &y, &mut findings);
    if !findings.is_empty() {
        // NaN is everywhere then.
        return Ok(Diagnosis { findings });
    }
    samples::inputs(x, &mut findings);
    samples::labels(x, target, y.ncols(), &mut findings);
    wiring::twice(network, loss, &mut findings);
    wiring::symmetry(network, &mut findings);
    let loss_left = start(network, x, target, loss, &mut findings)?;
    units(network, x, &mut findings)?;
    match flow::examine(network, x, target, loss, &mut findings) {
        // What explodes at the first step, the loss at the start has told of.
        Err(Error::NonFinite { .. }) => return Ok(Diagnosis { findings }),
        result => result?,
    }
    updates(network, x, target, loss, optimizer, loss_left, &mut findings)?;
    Ok(Diagnosis { findings })
}

/// The loss beside that of an answer which knows nothing; returns how much of it is left.
fn start<A: Scalar>(
    network: &Network<A>,
    x: &Matrix<A>,
    target: &Matrix<A>,
    loss: &dyn Loss<A>,
    findings: &mut Vec<Finding>,
) -> Result<f64> {
    let report = sanity::initial_loss(network, x, target, loss)?;
    let (ratio, nothing) = (report.get("ratio").unwrap_or(f64::NAN), report.get("knowing nothing").unwrap_or(0.0));
    // A loss of numbers is a square: 4 is twice as far.
    let (limit, rule) = if samples::are_classes(target, network.prediction_shape().len()) {
        (2.0, "at most 2 times the loss of an answer that knows nothing, which is ln C for C classes")
    } else {
        (4.0, "at most 4 times the loss of the answer 0")
    };
    if nothing > 100.0 {
        findings.push(Finding {
            disease: Disease::UnscaledTargets,
            place: "the targets".into(),
            number: nothing,
            rule: "the loss of an answer that knows nothing is at most 100",
            advice: "scale the targets to a mean of 0 and a deviation of 1",
            source: "LeCun, Bottou, Orr, Müller, Efficient BackProp, 1998",
        });
    } else if nothing > 0.0 && (ratio > limit || !ratio.is_finite()) {
        findings.push(Finding {
            disease: Disease::WrongStart,
            place: "the loss".into(),
            number: ratio,
            rule,
            advice: "scale the inputs, or begin with smaller weights in the last layer",
            source: "Karpathy, A recipe for training neural networks, 2019",
        });
    }
    Ok(ratio)
}

/// Dead and saturated units.
fn units<A: Scalar>(network: &Network<A>, x: &Matrix<A>, findings: &mut Vec<Finding>) -> Result<()> {
    const SHARE: f64 = 0.2;
    let report = sanity::units(network, x)?;
    let last = format!("{} ", network.layers().len() - 1);
    for (name, share) in report.values.into_iter().filter(|(_, share)| *share > SHARE) {
        if let Some(layer) = name.strip_suffix(", dead") {
            findings.push(Finding {
                disease: Disease::DeadUnits,
                place: format!("layer {layer}"),
                number: share,
                rule: "at most 0.2 of a layer's units are 0, with slope 0, for every sample",
                advice: "use a smaller learning rate, He's initialisation, or an activation with a slope on both sides, \
                         such as LeakyRelu",
                source: "Lu, Shin, Su, Karniadakis, Dying ReLU and initialization, 2019",
            });
        } else if let Some(layer) = name.strip_suffix(", saturated").filter(|layer| !layer.starts_with(&last)) {
            findings.push(Finding {
                disease: Disease::SaturatedUnits,
                place: format!("layer {layer}"),
                number: share,
                rule: "at most 0.2 of a hidden layer's units have a slope below 0.01 for nearly all samples",
                advice: "scale the inputs, begin with smaller weights, or put a normalisation before it",
                source: "Glorot, Bengio, Understanding the difficulty of training deep feedforward networks, 2010",
            });
        }
    }
    Ok(())
}

/// The size of a step beside the weights.
fn updates<A: Scalar>(
    network: &Network<A>,
    x: &Matrix<A>,
    target: &Matrix<A>,
    loss: &dyn Loss<A>,
    optimizer: &mut dyn Optimizer<A>,
    loss_left: f64,
    findings: &mut Vec<Finding>,
) -> Result<()> {
    // Where gradients vanish, steps are small for that reason.
    let vanishing = findings.iter().any(|finding| finding.disease == Disease::VanishingGradients);
    let source = "Karpathy, CS231n, Neural networks part 3, 2015";
    for (name, ratio) in sanity::updates(network, x, target, loss, optimizer)?.values {
        if ratio > 0.1 {
            findings.push(Finding {
                disease: Disease::LargeUpdates,
                place: name,
                number: ratio,
                rule: "a step is about 0.001 of the weights, and at most 0.1 (lengths as vectors)",
                advice: "use a smaller learning rate, or clip the gradients",
                source,
            });
        } else if ratio < 1e-5 && loss_left > 0.5 && !vanishing {
            findings.push(Finding {
                disease: Disease::SmallUpdates,
                place: name,
                number: ratio,
                rule: "a step is about 0.001 of the weights, and at least 0.00001 while there is much to learn",
                advice: "use a larger learning rate; if it is 0, look for dead units after this layer",
                source,
            });
        }
    }
    Ok(())
}
