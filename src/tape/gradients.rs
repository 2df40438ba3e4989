//! Operations on the gradients between the backward pass and the step.

use ndarray::{Array2, Zip};

use super::{Stage, Tape};
use crate::error::check_setting;
use crate::kernels::resize;
use crate::layer::Layer;
use crate::optimizers::{Norm, all_finite};
use crate::{Error, Result, Scalar};

/// The accumulated gradients of several batches.
#[derive(Debug)]
pub(super) struct Gathered<A: Scalar> {
    /// Σ count·dL/dw for each parameter.
    sums: Vec<Array2<A>>,
    pub(super) batches: usize,
    /// The divisor of the mean over all batches; 1 for losses that are sums.
    count: f64,
}

impl<A: Scalar> Default for Gathered<A> {
    fn default() -> Self {
        Self { sums: Vec::new(), batches: 0, count: 0.0 }
    }
}

impl<A: Scalar> Tape<A> {
    /// dL/dw for each trainable parameter, in the order of [`Layer::visit`].
    pub fn weight_gradients(&self) -> &[Array2<A>] {
        &self.dw
    }

    /// Accumulates gradients over several batches for one step: afterwards, the gradients are those of the loss over
    /// all samples since the last step, as if they were one batch.
    ///
    /// Call it after each backward pass, and [`step`](Self::step) at the end. Running statistics, such as those of a
    /// batch norm, are updated with each batch.
    ///
    /// ```
    /// use neuropil::prelude::*;
    /// use ndarray::{array, s};
    ///
    /// let (x, target) = (array![[0.0, 1.0], [1.0, 1.0], [2.0, 0.5]], array![[1.0], [0.0], [0.5]]);
    /// let mut network = Sequential::<f64>::mlp(&[2, 4, 1], Tanh, &mut rng(7))?;
    /// let mut whole = network.clone();
    /// Tape::new(&whole, 7).train(&mut whole, &x, &target, &Mse, &mut Sgd::new(0.1))?;
    ///
    /// let mut tape = Tape::new(&network, 7);
    /// for rows in [s![..2, ..], s![2.., ..]] {
    ///     tape.forward(&network, &x.slice(rows))?;
    ///     tape.loss(&Mse, &target.slice(rows))?;
    ///     tape.backward_weights(&network)?;
    ///     tape.accumulate(&mut network)?;
    /// }
    /// tape.step(&mut network, &mut Sgd::new(0.1))?;
    /// let difference = network.parameter("0.weight").unwrap() - whole.parameter("0.weight").unwrap();
    /// assert!(difference.iter().all(|d| d.abs() < 1e-15));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Order`] before a backward pass, or if the forward pass was of another network.
    pub fn accumulate(&mut self, network: &mut dyn Layer<A>) -> Result<()> {
        self.needs(Stage::Backward, "accumulate")?;
        self.needs_network(network, "accumulate")?;
        let Gathered { sums, batches, count } = &mut self.gathered;
        sums.resize_with(self.dw.len(), || Array2::default((0, 0)));
        // Mean losses are weighted by their divisors; losses that are sums are added.
        let share = self.loss.count();
        *count = if *batches == 0 { 0.0 } else { *count } + share.unwrap_or(0.0);
        let (weight, total) = match share {
            // So far all sample weights are 0, and so are the gradients.
            Some(share) => (A::of(share), A::of(if *count == 0.0 { 1.0 } else { *count })),
            None => (A::ONE, A::ONE),
        };
        for (sum, dw) in sums.iter_mut().zip(&mut self.dw) {
            if *batches == 0 {
                resize(sum, dw.nrows(), dw.ncols())?;
                sum.fill(A::ZERO);
            }
            Zip::from(sum).and(dw).for_each(|sum, dw| {
                *sum += weight * *dw;
                *dw = *sum / total;
            });
        }
        *batches += 1;
        if self.training {
            network.update_statistics(&mut self.cache);
        }
        Ok(())
    }

    /// Discards the accumulated gradients.
    pub fn discard_accumulated(&mut self) {
        self.gathered.batches = 0;
    }

    /// Clips each gradient to ±`limit` (PyTorch's `clip_grad_value_`).
    ///
    /// # Errors
    /// [`Error::Order`] before a backward pass; [`Error::Setting`] unless the limit is at least 0.
    pub fn clip_value(&mut self, limit: f64) -> Result<()> {
        self.needs(Stage::Backward, "clip_value")?;
        check_setting("the limit of gradients", limit, "at least 0", limit >= 0.0)?;
        let limit = A::of(limit);
        for dw in self.dw.iter_mut().zip(&self.rates).filter(|(_, rate)| **rate > 0.0).map(|(dw, _)| dw) {
            dw.mapv_inplace(|dw| dw.minimum(limit).maximum(-limit));
        }
        Ok(())
    }

    /// Scales the gradients, taken together as one vector, by min(1, max/(norm + 10⁻⁶)) (PyTorch's `clip_grad_norm_`),
    /// and returns the norm before. Frozen parameters do not count.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let network = Sequential::<f64>::mlp(&[2, 4, 1], Tanh, &mut rng(7))?;
    /// let mut tape = Tape::new(&network, 7);
    /// tape.forward(&network, &ndarray::array![[0.0, 1.0]])?;
    /// tape.loss(&Mse, &ndarray::array![[100.0]])?;
    /// tape.backward_weights(&network)?;
    /// assert!(tape.clip_norm(Norm::L2, 1.0)? > 100.0);
    /// assert!(tape.clip_norm(Norm::L2, 1.0)? <= 1.0);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Order`] before a backward pass; [`Error::Setting`] unless `max` is at least 0; [`Error::NonFinite`]
    /// when the norm is not finite; the gradients are then unchanged.
    pub fn clip_norm(&mut self, norm: Norm, max: f64) -> Result<f64> {
        self.needs(Stage::Backward, "clip_norm")?;
        check_setting("the largest norm of gradients", max, "at least 0", max >= 0.0)?;
        let learning = |(dw, &rate): (_, &f64)| if rate > 0.0 { Some(dw) } else { None };
        let parts = self.dw.iter().zip(&self.rates).filter_map(learning);
        let got = norm.of(parts.filter_map(|dw: &Array2<A>| dw.as_slice()));
        if !got.is_finite() {
            return Err(Error::NonFinite { what: "the norm of the gradients".into(), got, in_data: false });
        }
        let factor = max / (got + 1e-6);
        if factor < 1.0 {
            let factor = A::of(factor);
            self.dw.iter_mut().zip(&self.rates).filter(|(_, rate)| **rate > 0.0).for_each(|(dw, _)| *dw *= factor);
        }
        Ok(got)
    }

    /// Checks that all gradients are finite, except those of frozen parameters.
    ///
    /// # Errors
    /// [`Error::NonFinite`] with the name of the first parameter whose gradient is not finite; [`Error::Order`] before
    /// a backward pass.
    pub fn check_gradients(&self, network: &dyn Layer<A>) -> Result<()> {
        self.needs(Stage::Backward, "check_gradients")?;
        let wrong = |(dw, &rate): (&Array2<A>, &f64)| rate > 0.0 && !dw.as_slice().is_some_and(all_finite);
        let Some(slot) = self.dw.iter().zip(&self.rates).position(wrong) else { return Ok(()) };
        let (mut at, mut name) = (0, String::new());
        network.visit(&mut |info, _| {
            if info.role.is_trainable() {
                if at == slot {
                    name = info.name.to_string();
                }
                at += 1;
            }
        });
        let got = self.dw[slot].iter().find(|dw| !dw.is_finite()).map_or(f64::NAN, |dw| dw.to_f64());
        Err(Error::NonFinite { what: format!("the gradient of {name}"), got, in_data: false })
    }
}
