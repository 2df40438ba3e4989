//! The loss of a training step.

use super::finite::check_finite;
use super::{Stage, Tape};
use crate::kernels::resize;
use crate::kernels::sequences::Sequences;
use crate::losses::Loss;
use crate::{Error, Matrix, Result, Scalar};

impl<A: Scalar> Tape<A> {
    /// Computes the loss of the outputs against `target`, and its gradient for the backward pass.
    ///
    /// Where the lengths of the sequences in the output are known, each step before the padding counts as a sample: the
    /// row of `target` holds one target for each step, and those in the padding are ignored.
    ///
    /// # Errors
    /// When the target does not fit the outputs; [`Error::NonFinite`] when the loss is infinite or NaN;
    /// [`Error::Order`] before [`forward`](Self::forward).
    pub fn loss(&mut self, loss: &dyn Loss<A>, target: &Matrix<A>) -> Result<A> {
        self.reduce_loss(loss, target, None)
    }

    /// Like [`loss`](Self::loss), with a weight for each sample: Σ wᵢℓᵢ / Σ wᵢcᵢ, where ℓᵢ is the loss of sample i and
    /// cᵢ its [count](Loss::counts) in the mean; 0 if all weights are 0. For losses that are sums, Σ wᵢℓᵢ.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let network = Sequential::<f64>::new(1).with(Identity)?;
    /// let mut tape = Tape::new(&network, 0);
    /// tape.forward(&network, &ndarray::array![[1.0], [3.0]])?;
    /// let target = ndarray::array![[0.0], [0.0]];
    /// assert_eq!(tape.weighted_loss(&Mse, &target, &[3.0, 1.0])?, (3.0 * 1.0 + 9.0) / 4.0);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`loss`](Self::loss); [`Error::Dimensions`] unless there is a weight for each sample.
    pub fn weighted_loss(&mut self, loss: &dyn Loss<A>, target: &Matrix<A>, weights: &[A]) -> Result<A> {
        if weights.len() != self.y.nrows() {
            let (wants, got) = ([self.y.nrows(), 1], [weights.len(), 1]);
            return Err(Error::Dimensions { what: "the weights of these samples".into(), wants, got });
        }
        self.reduce_loss(loss, target, Some(weights))
    }

    fn reduce_loss(&mut self, loss: &dyn Loss<A>, target: &Matrix<A>, weights: Option<&[A]>) -> Result<A> {
        self.needs(Stage::Forward, "loss")?;
        self.stage = Stage::Forward;
        resize(&mut self.dy, self.y.nrows(), self.y.ncols())?;
        // Field by field, so that the borrows are disjoint.
        let sequences =
            (!self.lengths.is_empty()).then(|| Sequences::each_step(&self.lengths, self.outputs.positions()));
        let value = match sequences {
            None => self.loss.reduce(loss, &self.y, target, weights, Some(&mut self.dy)),
            Some(all) => self.loss.reduce_steps(loss, [&self.y, target], all, weights, Some(&mut self.dy)),
        }?;
        if !value.is_finite() {
            check_finite("input", &self.x, 0)?;
            check_finite("target", target, 0)?;
            return Err(Error::NonFinite { what: "the loss".into(), got: value.to_f64(), in_data: false });
        }
        self.stage = Stage::Loss;
        Ok(value)
    }
}
