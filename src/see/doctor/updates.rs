//! [`updates`]: the size of an update relative to the weights.

use super::{Disease, Finding, Report};
use crate::layer::{Layer, Role};
use crate::losses::Loss;
use crate::optimizers::Optimizer;
use crate::{Matrix, Network, Result, Scalar, Tape};

/// The usual ratios of update to weight: about 10⁻³, larger in the first training steps.
const USUAL: std::ops::RangeInclusive<f64> = 1e-5..=0.1;

/// The L2 norm of each weight's update, relative to the norm of the weight, for one step on this batch.
///
/// A ratio of about 10⁻³ is usual. Biases, which start at 0, and frozen weights are omitted. Network and optimizer are
/// not changed.
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
        // Avoids 0/0 for a weight of zeros that is not updated.
        let ratio = if step == 0.0 { 0.0 } else { step / norm(before.iter()) };
        weights.push(Update { name: info.name.to_string(), ratio });
    });
    Ok(Updates { weights })
}

/// The relative updates of the weights of a network.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Updates {
    /// One entry per trainable weight.
    pub weights: Vec<Update>,
}

/// The relative update of a weight.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Update {
    /// The weight's name, such as `0.weight`.
    pub name: String,
    /// The norm of the update divided by that of the weight.
    pub ratio: f64,
}

impl Updates {
    /// Reports the result.
    pub fn report(&self) -> Report {
        let advice = self.findings().map(|Finding { disease, place, number, advice, .. }| {
            let how = match disease {
                Disease::LargeUpdates => "changes too much",
                _ if number == 0.0 => "does not change",
                _ => "hardly changes",
            };
            format!("{place} {how}: {advice}")
        });
        let values = self.weights.iter().map(|Update { name, ratio }| (name.clone(), *ratio));
        Report { title: "updates relative to weights", values: values.collect(), advice: advice.collect() }
    }

    pub(super) fn findings(&self) -> impl Iterator<Item = Finding> {
        self.weights.iter().filter(|update| !USUAL.contains(&update.ratio)).map(|Update { name, ratio }| {
            let (disease, rule, advice) = if ratio < USUAL.start() {
                (
                    Disease::SmallUpdates,
                    "the update is about 0.001 of the weight (L2 norms), and at least 0.00001 while the loss is high",
                    "use a larger learning rate; if it is 0, look for dead units after this layer",
                )
            } else {
                (
                    Disease::LargeUpdates,
                    "the update is about 0.001 of the weight (L2 norms), and at most 0.1",
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
