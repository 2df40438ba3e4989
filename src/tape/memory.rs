//! The memory of a training step, checked before it is allocated, and the buffers of the gradients.

use super::Tape;
use crate::layer::{Layer, MEMORY_LIMIT, not_empty, resize_gradients};
use crate::network::as_network;
use crate::{Network, Result, Scalar, Shape};

impl<A: Scalar> Tape<A> {
    /// Allocates a gradient for each trainable parameter.
    pub(super) fn lay_out_gradients(&mut self, layer: &dyn Layer<A>) -> Result<()> {
        let result = resize_gradients(layer, &mut self.dw);
        self.rates.clear();
        self.rates.resize(self.dw.len(), 1.0);
        if result.is_ok() {
            layer.scale_rates(&mut self.rates);
        }
        self.gathered.batches = 0;
        result
    }

    /// Returns an error if a step on `rows` samples would need too much memory.
    pub(super) fn check_memory(&mut self, network: &dyn Layer<A>, rows: usize, shapes: [Shape; 2]) -> Result<()> {
        shapes.into_iter().try_for_each(|shape| not_empty(shape, || format!("{network:?}")))?;
        let limit = as_network(network).map_or(MEMORY_LIMIT, Network::memory_limit);
        network.needs(shapes[0], shapes[1]).afford_step::<A>(rows, limit, shapes)?;
        self.afforded = rows;
        Ok(())
    }
}
