//! Removes the steps of a network that no output depends on.

use super::{Network, Shared, Value};
use crate::{Result, Scalar};

impl<A: Scalar> Network<A> {
    /// Removes the steps that no output depends on; if there are any, the layers are renumbered.
    ///
    /// # Errors
    /// Those of an incomplete network.
    pub(crate) fn without_unused(self) -> Result<Self> {
        let mut needed = vec![false; self.values.len()];
        self.outputs.iter().for_each(|port| needed[port.value] = true);
        for step in self.steps.iter().rev() {
            if needed[step.gives] {
                step.takes.iter().for_each(|&value| needed[value] = true);
            }
        }
        let network = if self.steps.iter().all(|step| needed[step.gives]) { self } else { self.only(&needed)? };
        network.plan()?;
        Ok(network)
    }

    /// A network of the inputs, the outputs, and the steps that compute a `needed` value.
    fn only(&self, needed: &[bool]) -> Result<Self> {
        let mut g = Self::new();
        let (mut values, mut layers) = (vec![None; self.values.len()], vec![None; self.nodes.len()]);
        for port in &self.inputs {
            values[port.value] = Some(g.declare(&port.name, self.values[port.value].1));
        }
        for step in self.steps.iter().filter(|step| needed[step.gives]) {
            let node = &self.nodes[step.node];
            let layer: Shared =
                *layers[step.node].get_or_insert_with(|| g.take(g.nodes.len().to_string(), node.op.clone()));
            g.nodes[layer.node].rate = node.rate;
            let takes: Vec<Value> = step.takes.iter().filter_map(|&value| values[value]).collect();
            values[step.gives] = Some(g.step(layer.node, &takes)?);
        }
        for port in &self.outputs {
            if let Some(value) = values[port.value] {
                g.output(&port.name, value)?;
            }
        }
        Ok(g)
    }
}
