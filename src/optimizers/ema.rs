//! [`Ema`]: a moving average of a network's weights.

use std::fmt;

use crate::kernels::simd::each;
use crate::layer::Layer;
use crate::optimizers::check_fraction;
use crate::{Error, Result, Scalar};

/// An exponential moving average of the weights, which often generalizes better than the weights themselves (Polyak and
/// Juditsky 1992).
///
/// After each step, a ← a + (1 - d)·(w - a) with decay d; initially, a = w. Running statistics are not averaged: the
/// latest ones are kept. This is `PyTorch`'s `AveragedModel` with `get_ema_multi_avg_fn`.
///
/// [`Trainer::ema`](crate::train::Trainer::ema) maintains it during training. In a custom loop:
///
/// ```
/// use neuropil::prelude::*;
///
/// let (x, target) = (ndarray::array![[0.0, 1.0]], ndarray::array![[1.0]]);
/// let mut network = Sequential::<f64>::mlp(&[2, 4, 1], Tanh, &mut rng(7))?;
/// let (mut tape, mut sgd, mut ema) = (Tape::new(&network, 7), Sgd::new(0.1), Ema::new(0.99));
/// for _ in 0..100 {
///     tape.train(&mut network, &x, &target, &Mse, &mut sgd)?;
///     ema.update(&network)?;
/// }
/// let last = network.predict(&x)?;
/// ema.swap(&mut network)?; // the network holds the average,
/// assert_ne!(network.predict(&x)?, last);
/// ema.swap(&mut network)?; // and its own weights again.
/// assert_eq!(network.predict(&x)?, last);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Ema<A> {
    pub(crate) decay: f64,
    /// The average of each parameter and statistic, in the order of [`Layer::visit`]; while swapped, the values of the
    /// network.
    pub(crate) numbers: Vec<A>,
    /// Whether the network holds the average.
    pub(crate) swapped: bool,
}

impl<A: Scalar> Ema<A> {
    /// Creates an average with this decay, in [0, 1): 0.99 averages over about the last hundred steps.
    pub fn new(decay: f64) -> Self {
        Self { decay, numbers: Vec::new(), swapped: false }
    }

    /// Updates the average with the weights of the network, once after each step.
    ///
    /// # Errors
    /// [`Error::Setting`] unless the decay is in [0, 1); [`Error::Order`] while the network holds the average;
    /// [`Error::Dimensions`] for a network of a different size.
    pub fn update(&mut self, network: &dyn Layer<A>) -> Result<()> {
        self.check_decay()?;
        if self.swapped {
            return Err(Error::Order { call: "Ema::update", needs: "`swap`, back to the trained weights," });
        }
        if self.numbers.is_empty() {
            network.visit(&mut |_, w| self.numbers.extend(w));
            return Ok(());
        }
        self.check(network)?;
        let new = A::of(1.0 - self.decay);
        let mut rest = &mut self.numbers[..];
        network.visit(&mut |info, w| {
            let (average, after) = std::mem::take(&mut rest).split_at_mut(w.len());
            rest = after;
            match w.as_slice() {
                Some(w) if info.role.is_trainable() => each(
                    (average, w),
                    #[inline(always)]
                    |(a, &w)| *a += new * (w - *a),
                ),
                _ => average.iter_mut().zip(w).for_each(|(a, &w)| *a = w),
            }
        });
        Ok(())
    }

    /// Swaps the network's weights and the average; a second call undoes the first. Before the first
    /// [`update`](Self::update), it does nothing.
    ///
    /// # Errors
    /// [`Error::Dimensions`] for a network of a different size.
    pub fn swap(&mut self, network: &mut dyn Layer<A>) -> Result<()> {
        if self.numbers.is_empty() {
            return Ok(());
        }
        self.check(network)?;
        let mut numbers = self.numbers.iter_mut();
        network.visit_mut(&mut |_, w| w.iter_mut().zip(&mut numbers).for_each(|(w, a)| std::mem::swap(w, a)));
        self.swapped = !self.swapped;
        Ok(())
    }

    /// Whether the network holds the average, and this value the network's own weights.
    pub fn is_swapped(&self) -> bool {
        self.swapped
    }

    /// Resets the average; the next [`update`](Self::update) starts a new one.
    pub(crate) fn restart(&mut self) {
        self.numbers.clear();
        self.swapped = false;
    }

    pub(crate) fn check_decay(&self) -> Result<()> {
        check_fraction("Ema", "decay", self.decay)
    }

    /// Checks that the network has the same number of parameters.
    fn check(&self, network: &dyn Layer<A>) -> Result<()> {
        let mut count = 0;
        network.visit(&mut |_, w| count += w.len());
        if count == self.numbers.len() {
            return Ok(());
        }
        let what = "the parameters and statistics of the network that is averaged".into();
        Err(Error::Dimensions { what, wants: [self.numbers.len(), 1], got: [count, 1] })
    }
}

/// Omits the values.
impl<A> fmt::Debug for Ema<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ema(decay {}{})", self.decay, if self.swapped { ", swapped" } else { "" })
    }
}
