//! [`Network::include`]: the steps of a network among those of another one.

use super::{Network, Value};
use crate::{Result, Scalar};

impl<A: Scalar> Network<A> {
    /// Adds the steps of a block, a network of one or more inputs, to this network; `values` are its inputs, in the
    /// order of their declaration. Returns its output.
    ///
    /// [`add`](Self::add) adds a block of one input as a single step. This is for blocks of several inputs, such as a
    /// [decoder layer](crate::TransformerLayer::decoder). If the first of its layers is at position 3, the names of
    /// all begin with `3.`; [`rename`](Self::rename) replaces the 3, and [`freeze`](Self::freeze) freezes all of them.
    ///
    /// ```
    /// use neuropil::joins::Add;
    /// use neuropil::prelude::*;
    ///
    /// let rng = &mut rng(1);
    /// let mut block = Network::<f64>::new();
    /// let (a, b) = (block.input("a", 4), block.input("b", 4));
    /// let (a, b) = (block.add(a, Dense::new(4, 4, rng))?, block.add(b, Dense::new(4, 4, rng))?);
    /// let sum = block.join(Add, [a, b])?;
    /// block.output("sum", sum)?;
    ///
    /// let mut g = Network::new();
    /// let x = g.input("x", 4);
    /// let tanh = g.add(x, Tanh)?;
    /// let y = g.include(block, [x, tanh])?;
    /// g.output("y", y)?;
    /// g.rename(1, "both")?;
    /// assert_eq!(g.parameter("both.0.weight").unwrap().dim(), (4, 4));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`add`](Self::add); [`Error::Graph`](crate::Error::Graph) unless there is one value for each input of the
    /// block, and the block has one output. The network is not changed.
    pub fn include(&mut self, block: impl Into<Self>, values: impl AsRef<[Value]>) -> Result<Value> {
        let (block, values) = (block.into(), values.as_ref());
        let name = self.nodes.len().to_string();
        let what = format!("step {name}, {block:?}");
        if block.outputs.len() != 1 || block.inputs.len() != values.len() {
            let (inputs, outputs) = (block.inputs.len(), block.outputs.len());
            let problem = format!(
                "it has {inputs} inputs and {outputs} outputs, got {} values; give one value for each input, and \
                 declare one output",
                values.len()
            );
            return Err(self.problem(&what, problem));
        }
        values.iter().try_for_each(|&value| self.index_of(value, &what).map(drop))?;
        block.plan()?;
        let before = (self.nodes.len(), self.steps.len(), self.values.len(), self.id);
        let result = self.copy(&name, block, values);
        if result.is_err() {
            self.nodes.truncate(before.0);
            self.steps.truncate(before.1);
            self.values.truncate(before.2);
            self.id = before.3;
        }
        result
    }

    /// Copies a complete block.
    fn copy(&mut self, name: &str, block: Self, values: &[Value]) -> Result<Value> {
        let (first, output) = (self.nodes.len(), block.outputs[0].value);
        // The value here of each value of the block; steps only take earlier ones.
        let mut here = vec![values[0]; block.values.len()];
        for (port, &value) in block.inputs.iter().zip(values) {
            here[port.value] = value;
        }
        for node in block.nodes {
            self.take(format!("{name}.{}", node.name), node.op);
            self.nodes.last_mut().expect("the one just taken").rate = node.rate;
        }
        for step in block.steps {
            let takes: Vec<Value> = step.takes.iter().map(|&value| here[value]).collect();
            here[step.gives] = self.step(first + step.node, &takes)?;
        }
        Ok(here[output])
    }
}
