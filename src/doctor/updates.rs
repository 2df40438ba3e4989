//! [`updates`]: how far does a step move each weight?

use super::{Disease, Finding, Report};
use crate::layer::{Layer, Role};
use crate::losses::Loss;
use crate::optimizers::Optimizer;
use crate::{Matrix, Network, Result, Scalar, Tape};

/// The ratios of a step to the weights that are usual: about 10⁻³, and for the first steps of a training more.
const USUAL: std::ops::RangeInclusive<f64> = 1e-5..=0.1;

/// How long the step of each weight matrix is beside the matrix itself, both as L2 norms, for one step on this batch.
///
/// A ratio of about 10⁻³ is usual. There is one for each weight that learns; biases, which begin at 0, are left out. The optimizer stays as it is, too.
///
/// # Errors
/// Those of [`Tape::train`].
pub fn updates<A: Scalar>(
    network: &Network<A>,
    x: &Matrix<A>,
    target: &Matrix<A>,
    loss: &dyn Loss<A>,
    optimizer: &mut dyn Optimizer<A>,
) -> Result<Updates> {
    let (mut copy, memory) = (network.clone(), optimizer.memory().clone());
    let result = Tape::new(network, 0).train(&mut copy, x, target, loss, optimizer);
    *optimizer.memory_mut() = memory;
    result?;

    let (mut before, mut slots) = (Vec::new(), 0);
    network.visit(&mut |info, w| {
        before.push(w.clone());
        slots += usize::from(info.role.is_trainable());
    });
    let mut rates = vec![1.0; slots];
    network.scale_rates(&mut rates);

    let mut weights = Vec::new();
    let (mut before, mut rates) = (before.iter(), rates.iter());
    copy.visit(&mut |info, after| {
        let (Some(before), rate) = (before.next(), if info.role.is_trainable() { rates.next() } else { None }) else {
            return;
        };
        if info.role != Role::Weight || rate.is_none_or(|&rate| rate == 0.0) {
            return;
        }
        let step = norm((after - before).iter());
        // Zeros that do not move would be 0/0.
        let ratio = if step == 0.0 { 0.0 } else { step / norm(before.iter()) };
        weights.push(Update { name: info.name.to_string(), ratio });
    });
    Ok(Updates { weights })
}

/// How far a step moves the weights of a network.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Updates {
    /// For each weight that learns.
    pub weights: Vec<Update>,
}

/// How far a step moves a weight.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Update {
    /// The weight's name, such as `0.weight`.
    pub name: String,
    /// The length of the step beside that of the weight.
    pub ratio: f64,
}

impl Updates {
    /// In words.
    pub fn report(&self) -> Report {
        let advice = self.findings().map(|Finding { disease, place, number, advice, .. }| {
            let how = match disease {
                Disease::LargeUpdates => "jumps",
                _ if number == 0.0 => "does not move",
                _ => "hardly moves",
            };
            format!("{place} {how}: {advice}")
        });
        let values = self.weights.iter().map(|Update { name, ratio }| (name.clone(), *ratio));
        Report { title: "updates beside weights", values: values.collect(), advice: advice.collect() }
    }

    pub(super) fn findings(&self) -> impl Iterator<Item = Finding> {
        self.weights.iter().filter(|update| !USUAL.contains(&update.ratio)).map(|Update { name, ratio }| {
            let (disease, rule, advice) = if ratio < USUAL.start() {
                (
                    Disease::SmallUpdates,
                    "a step is about 0.001 of the weights, and at least 0.00001 while there is much to learn",
                    "use a larger learning rate; if it is 0, look for dead units after this layer",
                )
            } else {
                (
                    Disease::LargeUpdates,
                    "a step is about 0.001 of the weights, and at most 0.1 (lengths as vectors)",
                    "use a smaller learning rate, or clip the gradients",
                )
            };
            let source = "Karpathy, CS231n, Neural networks part 3, 2015";
            Finding { disease, place: name.clone(), number: *ratio, rule, advice, source }
        })
    }
}

fn norm<'a, A: Scalar>(numbers: impl Iterator<Item = &'a A>) -> f64 {
    numbers.map(|x| x.to_f64().powi(2)).sum::<f64>().sqrt()
}
