//! What can be done with the gradients between the backward pass and the step.

use ndarray::{Array2, Zip};

use super::{Stage, Tape};
use crate::error::check_setting;
use crate::kernels::resize;
use crate::layer::Layer;
use crate::optimizers::{Norm, all_finite};
use crate::{Error, Result, Scalar};

/// The gradients of several batches that are to make one step.
#[derive(Debug)]
pub(super) struct Gathered<A: Scalar> {
    /// Σ count·dL/dw for each parameter.
    sums: Vec<Array2<A>>,
    pub(super) batches: usize,
    /// What the mean over all batches is divided by; 1 for losses that are sums.
    count: f64,
}

impl<A: Scalar> Default for Gathered<A> {
    fn default() -> Self {
        Self { sums: Vec::new(), batches: 0, count: 0.0 }
    }
}

impl<A: Scalar> Tape<A> {
    /// dL/dw for each trainable parameter as it is now, in the order of [`Layer::visit`].
    pub fn weight_gradients(&self) -> &[Array2<A>] {
        &self.dw
    }

    /// Adds the gradients of this batch to those of the batches before it, so that one step goes over all of them: after
    /// it, the gradients are those of the loss over all samples since the last step, as if they had been one batch.
    ///
    /// Call it after each backward pass, and [`step`](Self::step) when there are enough. Statistics such as those of a
    /// batch norm are taken over with each batch.
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
    /// [`Error::Order`] before a backward pass, or for another network than that of the forward pass.
    pub fn accumulate(&mut self, network: &mut dyn Layer<A>) -> Result<()> {
        self.needs(Stage::Backward, "accumulate")?;
        self.needs_network(network, "accumulate")?;
        let Gathered { sums, batches, count } = &mut self.gathered;
        sums.resize_with(self.dw.len(), || Array2::default((0, 0)));
        // A mean counts as much as it was divided by; of sums, the sum is wanted.
        let share = self.loss.count();
        *count = if *batches == 0 { 0.0 } else { *count } + share.unwrap_or(0.0);
        let (weight, total) = match share {
            // No sample weighed anything yet: the gradients are 0 whatever they are divided by.
            Some(share) => (A::of(share), A::of(if *count == 0.0 { 1.0 } else { *count })),
            None => (A::ONE, A::ONE),
        };
        for (sum, dw) in sums.iter_mut().zip(&mut self.dw) {
            if *batches == 0 {
                resize(sum, dw.nrows(), dw.ncols());
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

    /// Forgets the gradients that [`accumulate`](Self::accumulate) has gathered.
    pub fn forget_gathered(&mut self) {
        self.gathered.batches = 0;
    }

    /// Limits each number of the gradients to ±`limit` (`PyTorch`'s `clip_grad_value_`).
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

    /// Shortens the gradients, all together as one vector, by the factor min(1, max/(norm + 10⁻⁶)) (`PyTorch`'s
    /// `clip_grad_norm_`), and returns the norm that they had. Frozen parameters do not count.
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
    /// [`Error::Order`] before a backward pass; [`Error::Setting`] unless the largest norm is at least 0;
    /// [`Error::NonFinite`] when the norm is infinite or NaN, with the gradients as they were.
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

    /// Whether all gradients are numbers; those of frozen parameters do not matter.
    ///
    /// # Errors
    /// [`Error::NonFinite`] with the name of the first parameter that has an infinite or NaN gradient; [`Error::Order`]
    /// before a backward pass.
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
