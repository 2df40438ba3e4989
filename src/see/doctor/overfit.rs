//! [`overfit`]: can the network overfit one batch?

use super::Report;
use crate::losses::Loss;
use crate::optimizers::Adam;
use crate::{Error, Matrix, Network, Result, Scalar, Tape};

/// The learning rates to try, each from the initial parameters.
const RATES: [f64; 3] = [1e-2, 1e-3, 1e-1];
/// The maximum number of steps with each learning rate.
const STEPS: u64 = 500;
/// The fraction of the initial loss to reach.
const LEFT: f64 = 0.01;

/// Trains a copy of the network on one batch until it overfits: a network that cannot fit a few dozen samples will not
/// fit many.
///
/// It takes up to 500 steps of [`Adam`] with each of the learning rates 0.01, 0.001 and 0.1; the loss should fall to 1%
/// of the initial loss.
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

/// How well a network can fit one batch.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Overfit {
    /// The initial loss.
    pub before: f64,
    /// The lowest loss.
    pub after: f64,
    /// The number of steps to the lowest loss.
    pub steps: u64,
}

impl Overfit {
    /// Reports the result.
    pub fn report(&self) -> Report {
        let Self { before, after, steps } = *self;
        let advice = "the network cannot fit even one batch: look for equal samples with different targets, frozen or dead layers, \
             unscaled inputs and targets, and a loss that does not fit the last activation, or widen the network; a loss \
             whose minimum is above 0, such as one with label smoothing, may have reached it";
        let wrong = after > LEFT * before || !before.is_finite();
        let values = [("loss before", before), ("loss after", after), ("steps", steps as f64)];
        Report {
            title: "overfitting one batch",
            values: values.map(|(name, value)| (name.to_owned(), value)).into(),
            advice: if wrong { vec![advice.to_owned()] } else { Vec::new() },
        }
    }
}
