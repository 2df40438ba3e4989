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
/// It takes up to 500 steps of [`Adam`] at 0.01, at 0.001 and at 0.1; the loss should fall to a hundredth.
///
/// # Errors
/// When the samples do not fit the network, or the target does not fit the loss.
pub fn overfit<A: Scalar>(
    network: &Network<A>,
    x: &Matrix<A>,
    target: &Matrix<A>,
    loss: &dyn Loss<A>,
) -> Result<Overfit> {
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
    Ok(Overfit { before, after, steps })
}

/// How well a network could learn one batch by heart.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Overfit {
    /// The loss before.
    pub before: f64,
    /// The lowest loss.
    pub after: f64,
    /// The steps to it.
    pub steps: u64,
}

impl Overfit {
    /// In words.
    pub fn report(&self) -> Report {
        let Self { before, after, steps } = *self;
        let advice = "the network cannot learn even this: look for samples that are alike with targets that are not, for frozen or \
             dead layers, for unscaled inputs and targets, for a loss that does not fit the last activation, or widen it; \
             a loss that cannot come near 0, such as one with label smoothing, may be as low as it gets";
        let wrong = after > LEFT * before || !before.is_finite();
        let values = [("loss before", before), ("loss after", after), ("steps", steps as f64)];
        Report {
            title: "one batch by heart",
            values: values.map(|(name, value)| (name.to_owned(), value)).into(),
            advice: if wrong { vec![advice.to_owned()] } else { Vec::new() },
        }
    }
}
