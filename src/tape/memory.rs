//! The memory of a training step, checked before it is allocated, and the buffers of the gradients.

use ndarray::Array2;

use super::Tape;
use crate::kernels::resize;
use crate::layer::{Layer, MEMORY_LIMIT, Needs, not_empty};
use crate::network::as_network;
use crate::{Network, Result, Scalar, Shape};

impl<A: Scalar> Tape<A> {
    /// Allocates a gradient for each trainable parameter.
    pub(super) fn lay_out_gradients(&mut self, layer: &dyn Layer<A>) -> Result<()> {
        let (mut slots, mut result) = (0, Ok(()));
        layer.visit(&mut |info, w| {
            if info.role.is_trainable() {
                if slots == self.dw.len() {
                    self.dw.push(Array2::default((0, 0)));
                }
                if result.is_ok() {
                    result = resize(&mut self.dw[slots], w.nrows(), w.ncols());
                }
                slots += 1;
            }
        });
        self.dw.truncate(slots);
        self.rates.clear();
        self.rates.resize(slots, 1.0);
        layer.scale_rates(&mut self.rates);
        self.gathered.batches = 0;
        result
    }

    /// Returns an error if a step on `rows` samples would need too much memory.
    pub(super) fn check_memory(&mut self, network: &dyn Layer<A>, rows: usize, shapes: [Shape; 2]) -> Result<()> {
        let [input, output] = shapes;
        shapes.into_iter().try_for_each(|shape| not_empty(shape, || format!("{network:?}")))?;
        let limit = as_network(network).map_or(MEMORY_LIMIT, Network::memory_limit);
        // Beside what the layer needs: x and y, and the gradients with respect to them.
        let ends = (input.len() as u64).saturating_add(output.len() as u64).saturating_mul(2);
        let needs = network.needs(input, output).and(Needs::per_sample(ends));
        needs.afford::<A>(rows, limit, || format!("a training step of {rows} samples"))?;
        self.afforded = rows;
        Ok(())
    }
}
