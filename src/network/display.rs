//! Prints a [`Network`].

use std::fmt;

use super::{Network, Port};
use crate::Scalar;
use crate::text::table;

impl<A: Scalar> fmt::Debug for Network<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |ports: &[Port]| {
            let text = |port: &Port| match self.values[port.value].1 {
                Some(shape) => format!("{} {shape}", port.name),
                None => port.name.clone(),
            };
            ports.iter().map(text).collect::<Vec<_>>().join(", ")
        };
        if self.is_chain() || self.steps.is_empty() && self.inputs.len() == 1 {
            let (input, output) = (self.input_shape(), self.prediction_shape());
            return write!(f, "Sequential({input} -> {output}, {} layers)", self.steps.len());
        }
        let (inputs, outputs) = (list(&self.inputs), list(&self.outputs));
        write!(f, "Network({inputs} -> {outputs}, {} steps)", self.steps.len())
    }
}

/// Prints a table: each step, its inputs unless they are the output of the step before, its output shape and its number
/// of parameters.
impl<A: Scalar> fmt::Display for Network<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chain = self.is_chain();
        let mut rows = vec![["layer", "output", "parameters"].map(String::from).to_vec()];
        for (name, shape) in self.inputs() {
            let name = if chain { "input" } else { name };
            rows.push(vec![name.to_owned(), shape.to_string()]);
        }
        let Ok(steps) = self.steps(self.input_shape()) else { return write!(f, "{self:?}") };
        for step in &steps {
            let text = format!("{} {}{}", step.name, step.text, self.inputs_text(&steps, step));
            let count = if step.again { "shared".to_owned() } else { step.parameter_count().to_string() };
            rows.push(vec![text, step.output.to_string(), count]);
        }
        rows.push(vec!["total".to_owned(), String::new(), self.parameter_count().to_string()]);
        f.write_str(&table(&rows, |column| column < 2))
    }
}
