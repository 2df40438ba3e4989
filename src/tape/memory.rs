//! The memory of a training step, checked before any is asked for.

use super::Tape;
use crate::layer::{Layer, MEMORY_LIMIT, Needs, not_empty};
use crate::network::as_network;
use crate::{Network, Result, Scalar, Shape};

impl<A: Scalar> Tape<A> {
    /// Returns an error if a step on `rows` samples would need too much memory.
    pub(super) fn check_memory(&mut self, network: &dyn Layer<A>, rows: usize, output: Shape) -> Result<()> {
        [self.shape, output].into_iter().try_for_each(|shape| not_empty(shape, || format!("{network:?}")))?;
        let limit = as_network(network).map_or(MEMORY_LIMIT, Network::memory_limit);
        // Beside what the layer needs: x and y, and the gradients with respect to them.
        let ends = (self.shape.len() as u64).saturating_add(output.len() as u64).saturating_mul(2);
        let needs = network.needs(self.shape, output).and(Needs::per_sample(ends));
        needs.afford::<A>(rows, limit, || format!("a training step of {rows} samples"))?;
        self.afforded = rows;
        Ok(())
    }
}
