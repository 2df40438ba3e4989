//! The doctor: examines a network on a batch, and reports problems and remedies.
//!
//! ```
//! use neuropil::prelude::*;
//! use neuropil::{data, doctor};
//!
//! let data::Samples { x, target } = data::moons::<f64>(100, 0.1, &mut rng(1));
//! let network = Sequential::mlp(&[2, 16, 2], Tanh, &mut rng(1))?;
//! let (loss, mut sgd) = (CrossEntropy::new(), Sgd::new(0.1));
//! let diagnosis = doctor::examine(&network, &x, &target, &loss, &mut sgd)?;
//! assert!(diagnosis.is_healthy(), "{diagnosis}");
//!
//! let unscaled = x * 1000.0;
//! let diagnosis = doctor::examine(&network, &unscaled, &target, &loss, &mut sgd)?;
//! assert!(diagnosis.has(doctor::Disease::UnscaledInputs), "{diagnosis}");
//! # Ok::<(), Error>(())
//! ```
//!
//! Single checks are functions that return numbers and a [`Report`]:
//!
//! ```
//! use neuropil::prelude::*;
//! use neuropil::{data, doctor};
//!
//! let data::Samples { x, target } = data::moons(64, 0.1, &mut rng(1));
//! let network = Sequential::<f64>::mlp(&[2, 32, 2], Relu, &mut rng(7))?;
//! let loss = CrossEntropy::new();
//! for report in [
//!     doctor::initial_loss(&network, &x, &target, &loss)?.report(),
//!     doctor::overfit(&network, &x, &target, &loss)?.report(),
//!     doctor::units(&network, &x)?.report(),
//!     doctor::updates(&network, &x, &target, &loss, &mut Adam::new(1e-3))?.report(),
//! ] {
//!     print!("{report}");
//!     assert!(report.is_healthy(), "{report}");
//! }
//! # Ok::<(), Error>(())
//! ```

use std::fmt;

use crate::losses::Loss;
use crate::optimizers::Optimizer;
use crate::text::figures;
use crate::{Error, Matrix, Network, Result, Scalar};

mod flow;
mod initial_loss;
mod overfit;
mod report;
mod samples;
mod units;
mod updates;
mod wiring;

pub use initial_loss::{InitialLoss, initial_loss};
pub use overfit::{Overfit, overfit};
pub use report::Report;
pub use units::{UnitShare, Units, units};
pub use updates::{Update, Updates, updates};

/// The problems that the doctor finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Disease {
    /// NaN or infinity in inputs, targets, parameters or outputs.
    NonFinite,
    /// Inputs whose scale is far from 1.
    UnscaledInputs,
    /// Targets that are much larger than the outputs of an untrained network.
    UnscaledTargets,
    /// Equal inputs with different labels.
    Contradictions,
    /// Labels unrelated to the inputs.
    ShuffledLabels,
    /// A softmax or sigmoid before a loss that already includes it.
    RedundantActivation,
    /// All units of a layer are equal, and so get equal gradients.
    Symmetry,
    /// An initial loss far from that of an uninformed prediction.
    WrongInitialLoss,
    /// Units whose output and slope are zero for every sample.
    DeadUnits,
    /// Units whose slope is near zero for nearly all samples.
    SaturatedUnits,
    /// Outputs that vanish from layer to layer.
    VanishingOutputs,
    /// Outputs that explode from layer to layer.
    ExplodingOutputs,
    /// Gradients that vanish in the backward pass.
    VanishingGradients,
    /// Gradients that explode in the backward pass.
    ExplodingGradients,
    /// Updates that are large relative to the weights.
    LargeUpdates,
    /// Updates that are tiny relative to the weights, although the loss is still high.
    SmallUpdates,
}

/// A problem.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The kind of problem.
    pub disease: Disease,
    /// Where it is: the layer, parameter or data set.
    pub place: String,
    /// The measured value.
    pub number: f64,
    /// The rule that it violates.
    pub rule: &'static str,
    /// What to do.
    pub advice: &'static str,
    /// The source of the rule.
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

/// The findings of the doctor: first those about the data, which may cause the others.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Diagnosis {
    /// The problems.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// Whether there are no findings.
    pub fn is_healthy(&self) -> bool {
        self.findings.is_empty()
    }

    /// Whether this problem was found.
    pub fn has(&self, disease: Disease) -> bool {
        self.findings.iter().any(|finding| finding.disease == disease)
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_healthy() {
            return writeln!(f, "healthy: no findings");
        }
        self.findings.iter().try_for_each(|finding| write!(f, "{finding}"))
    }
}

/// Examines a network, trained or not, on a batch of dozens or better hundreds of samples, with the loss and the
/// optimizer used for training. Network and optimizer are not changed.
///
/// The rules are rules of thumb: a finding is worth a look. [`overfit`], which takes longer, tests whether the network
/// can fit one batch.
///
/// # Errors
/// When the samples do not fit the network or the target does not fit the loss; [`Error::Setting`] for fewer than two
/// samples.
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
        // After a NaN, all other checks are meaningless.
        return Ok(Diagnosis { findings });
    }
    samples::inputs(x, &mut findings);
    samples::labels(x, target, y.ncols(), &mut findings);
    wiring::redundant_activation(network, loss, &mut findings);
    wiring::symmetry(network, &mut findings);
    let start = initial_loss(network, x, target, loss)?;
    findings.extend(start.finding());
    findings.extend(units(network, x)?.findings());
    match flow::examine(network, x, target, loss, &mut findings) {
        // The first update diverges, which the initial loss has already shown.
        Err(Error::NonFinite { .. }) => return Ok(Diagnosis { findings }),
        result => result?,
    }
    // Small updates are fine at a low loss, and vanishing gradients already explain them.
    let vanishing = findings.iter().any(|finding| finding.disease == Disease::VanishingGradients);
    let should_move = start.ratio() > 0.5 && !vanishing;
    let updates = updates(network, x, target, loss, optimizer)?;
    findings.extend(updates.findings().filter(|found| should_move || found.disease != Disease::SmallUpdates));
    Ok(Diagnosis { findings })
}
