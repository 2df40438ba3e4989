//! Optimizer steps: [`Tape::step`], [`Tape::step_layer`] and [`Tape::train`].

use super::{Stage, Tape};
use crate::kernels::make_row_major;
use crate::layer::Layer;
use crate::losses::Loss;
use crate::optimizers::Optimizer;
use crate::{Error, Matrix, Network, Result, Scalar};

impl<A: Scalar> Tape<A> {
    /// Updates the parameters with `optimizer` and the gradients of the backward pass.
    ///
    /// # Errors
    /// [`Error::Order`] before a backward pass, or if the forward pass was of another network; [`Error::Setting`] for
    /// an optimizer setting outside its range. The parameters are not changed.
    pub fn step(&mut self, network: &mut dyn Layer<A>, optimizer: &mut dyn Optimizer<A>) -> Result<()> {
        self.needs(Stage::Backward, "step")?;
        self.needs_network(network, "step")?;
        self.apply(network, optimizer)
    }

    fn apply(&mut self, network: &mut dyn Layer<A>, optimizer: &mut dyn Optimizer<A>) -> Result<()> {
        self.update(network, optimizer, None)?;
        if self.gathered.batches == 0 && self.training {
            network.update_statistics(&mut self.cache);
        }
        self.gathered.batches = 0;
        self.stage = Stage::Start;
        Ok(())
    }

    /// Updates only the parameters of the layer with this name, so that parts of a network can have their own
    /// optimizers. Running statistics are not updated; [`step`](Self::step) does that.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let (x, target) = (ndarray::array![[0.0, 1.0]], ndarray::array![[1.0]]);
    /// let mut network = Sequential::<f64>::mlp(&[2, 4, 1], Tanh, &mut rng(7))?;
    /// let before = network.clone();
    /// let mut tape = Tape::new(&network, 7);
    /// tape.forward(&network, &x)?;
    /// tape.loss(&Mse, &target)?;
    /// tape.backward(&network)?;
    /// tape.step_layer(&mut network, "2", &mut Adam::new(0.01))?;
    /// assert_eq!(network.parameter("0.weight"), before.parameter("0.weight"));
    /// assert_ne!(network.parameter("2.weight"), before.parameter("2.weight"));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Unknown`] for a layer that does not exist or has no parameters; those of [`step`](Self::step).
    pub fn step_layer(&mut self, network: &mut Network<A>, name: &str, optimizer: &mut dyn Optimizer<A>) -> Result<()> {
        self.needs(Stage::Backward, "step_layer")?;
        self.needs_network(network, "step_layer")?;
        let prefix = format!("{name}.");
        let (mut found, mut known) = (false, Vec::new());
        network.visit(&mut |info, _| {
            let own = info.name.to_string();
            let layer = own.rsplit_once('.').map_or(&*own, |(layer, _)| layer).to_owned();
            if info.role.is_trainable() {
                found |= own.starts_with(&prefix);
                known.push(layer);
            }
        });
        if !found {
            known.dedup();
            return Err(Error::Unknown { what: "layer with parameters", name: name.to_owned(), known });
        }
        self.update(network, optimizer, Some(&prefix))
    }

    /// Updates every trainable parameter, or those whose names start with `prefix`.
    pub(super) fn update(
        &mut self,
        network: &mut dyn Layer<A>,
        optimizer: &mut dyn Optimizer<A>,
        prefix: Option<&str>,
    ) -> Result<()> {
        optimizer.begin_step()?;
        let base = optimizer.learning_rate();
        let mut gradients = self.dw.iter().zip(&self.rates).enumerate();
        network.visit_mut(&mut |info, w| {
            if info.role.is_trainable()
                && let Some((slot, (dw, &rate))) = gradients.next()
                && rate > 0.0
                && prefix.is_none_or(|prefix| info.name.to_string().starts_with(prefix))
            {
                make_row_major(w);
                if let (Some(w), Some(dw)) = (w.as_slice_mut(), dw.as_slice()) {
                    if rate == 1.0 {
                        optimizer.update(slot, info.role, w, dw);
                    } else {
                        optimizer.set_learning_rate(base * rate);
                        optimizer.update(slot, info.role, w, dw);
                        optimizer.set_learning_rate(base);
                    }
                }
            }
        });
        Ok(())
    }

    /// Runs one training step on a batch: forward pass, loss, backward pass (without dL/dx) and optimizer step. Returns
    /// the loss before the update.
    ///
    /// # Errors
    /// Those of [`forward`](Self::forward), [`loss`](Self::loss) and [`step`](Self::step); the parameters are not
    /// changed.
    pub fn train(
        &mut self,
        network: &mut dyn Layer<A>,
        x: &Matrix<A>,
        target: &Matrix<A>,
        loss: &dyn Loss<A>,
        optimizer: &mut dyn Optimizer<A>,
    ) -> Result<A> {
        self.forward(network, x)?;
        let value = self.loss(loss, target)?;
        self.run_backward(network, false)?;
        self.apply(network, optimizer)?;
        Ok(value)
    }
}
