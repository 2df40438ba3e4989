//! [`overfit`]: can the network learn one batch by heart?

use super::Report;
use crate::losses::Loss;
use crate::optimizers::Adam;
use crate::{Error, Matrix, Network, Result, Scalar, Tape};

/// The learning rates that are tried, each from the same start.
const RATES: [f64; 3] = [1e-2, 1e-3, 1e-1];
/// The most steps for each.
const STEPS: u64 = 500;
/// The share of the loss before that may be left.
const LEFT: f64 = 0.01;

/// Trains a copy of the network on one batch until it knows it by heart. A network that cannot do that for a few dozen
/// samples will learn no more from many.
///
/// It takes up to 500 steps of [`Adam`] at 0.01, at 0.001 and at 0.1; the loss should fall to a hundredth. The report has
/// `loss before`, the lowest `loss after`, and the `steps` to it.
///
/// # Errors
/// When the samples do not fit the network, or the target does not fit the loss.
pub fn overfit<A: Scalar>(
    network: &Network<A>,
    x: &Matrix<A>,
    target: &Matrix<A>,
    loss: &dyn Loss<A>,
) -> Result<Report> {
    let before = loss.evaluate(&network.predict(x)?, target)?.to_f64();
    let (mut after, mut steps) = (before, 0);
    for rate in RATES {
        let (mut copy, mut tape, mut adam) = (network.clone(), Tape::new(network, 0), Adam::new(rate));
        for step in 1..=STEPS {
            match tape.train(&mut copy, x, target, loss, &mut adam) {
                Err(Error::NonFinite { .. }) => break,
                result => result?,
            };
            if step % 10 == 0 {
                let now = loss.evaluate(&copy.predict(x)?, target)?.to_f64();
                if now < after {
                    (after, steps) = (now, step);
                }
                if after <= LEFT * before {
                    break;
                }
            }
        }
        if after <= LEFT * before {
            break;
        }
    }
    let mut report = Report::new("one batch by heart");
    report.value("loss before", before);
    report.value("loss after", after);
    report.value("steps", steps as f64);
    if after > LEFT * before || !before.is_finite() {
        report.advice.push(
            "the network cannot learn even this: look for samples that are alike with targets that are not, for frozen or \
             dead layers, for unscaled inputs and targets, for a loss that does not fit the last activation, or widen it; \
             a loss that cannot come near 0, such as one with label smoothing, may be as low as it gets"
                .into(),
        );
    }
    Ok(report)
}
