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
//!
//! What it measures can be had one by one, as numbers and as a [`Report`] in words:
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
/// by heart is asked by [`overfit`], which takes longer.
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
    let start = initial_loss(network, x, target, loss)?;
    findings.extend(start.finding());
    findings.extend(units(network, x)?.findings());
    match flow::examine(network, x, target, loss, &mut findings) {
        // What explodes at the first step, the loss at the start has told of.
        Err(Error::NonFinite { .. }) => return Ok(Diagnosis { findings }),
        result => result?,
    }
    // Small steps are well where little is left to learn, and where gradients vanish they are small for that reason.
    let vanishing = findings.iter().any(|finding| finding.disease == Disease::VanishingGradients);
    let should_move = start.ratio() > 0.5 && !vanishing;
    let updates = updates(network, x, target, loss, optimizer)?;
    findings.extend(updates.findings().filter(|found| should_move || found.disease != Disease::SmallUpdates));
    Ok(Diagnosis { findings })
}
