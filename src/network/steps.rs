//! The steps of a [`Network`] as others look at them.

use std::ops::Range;

use ndarray::Array2;

use super::engine::State;
use super::nodes::Op;
use super::{Network, Origin};
use crate::layer::{Cache, Info, Join, Layer};
use crate::{Error, Result, Scalar, Shape};

/// A layer or join of a network in its place.
pub(crate) struct StepView<'n, A: Scalar> {
    /// Its name, as in those of its parameters.
    pub(crate) name: &'n str,
    /// What it does, as its `Debug` prints it.
    pub(crate) text: String,
    op: &'n Op<A>,
    /// What it takes.
    pub(crate) takes: Vec<Source>,
    /// The shapes of what it takes.
    pub(crate) inputs: Vec<Shape>,
    pub(crate) output: Shape,
    /// Whether its layer stood at an earlier step, too.
    pub(crate) again: bool,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// An input, by its position.
    Input(usize),
    /// A step, by its position.
    Step(usize),
}

impl<'n, A: Scalar> StepView<'n, A> {
    /// The layer, unless it is a join.
    pub(crate) fn layer(&self) -> Option<&'n dyn Layer<A>> {
        self.op.as_layer()
    }

    /// The join, unless it is a layer.
    pub(crate) fn join(&self) -> Option<&'n dyn Join<A>> {
        if let Op::Join(join) = self.op { Some(&**join) } else { None }
    }

    /// Shows each of its parameters, by their names in the layer.
    pub(crate) fn visit(&self, f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {
        self.op.visit(f);
    }

    /// How many numbers training can change.
    pub(crate) fn parameter_count(&self) -> usize {
        let mut count = 0;
        self.op.visit(&mut |info, matrix| count += if info.role.is_trainable() { matrix.len() } else { 0 });
        count
    }

    pub(crate) fn multiply_adds(&self) -> u64 {
        self.op.multiply_adds(&self.inputs)
    }
}

impl<A: Scalar> Network<A> {
    /// The steps, in order, for rows of this shape.
    ///
    /// # Errors
    /// Those of a network that is not ready, or cannot take this shape.
    pub(crate) fn steps(&self, input: Shape) -> Result<Vec<StepView<'_, A>>> {
        let shapes = self.plan()?.shapes(self, input)?;
        let mut met = vec![false; self.nodes.len()];
        let view = |step: &super::Step| {
            let node = &self.nodes[step.node];
            StepView {
                name: &node.name,
                text: node.op.text(),
                op: &node.op,
                takes: step.takes.iter().map(|&value| self.source(value)).collect(),
                inputs: step.takes.iter().map(|&value| shapes[value]).collect(),
                output: shapes[step.gives],
                again: std::mem::replace(&mut met[step.node], true),
            }
        };
        Ok(self.steps.iter().map(view).collect())
    }

    /// What makes each output.
    pub(crate) fn output_sources(&self) -> impl Iterator<Item = (&str, Source)> {
        self.outputs.iter().map(|port| (&*port.name, self.source(port.value)))
    }

    /// Where an input, by its position, lies in a row.
    pub(crate) fn columns_of_input(&self, at: usize) -> Range<usize> {
        let widths: Vec<usize> = self.inputs().map(|(_, shape)| shape.len()).collect();
        let from = widths[..at].iter().sum();
        from..from + widths[at]
    }

    fn source(&self, value: usize) -> Source {
        match self.values[value].0 {
            Origin::Step(at) => Source::Step(at),
            Origin::Input => Source::Input(self.inputs.iter().position(|port| port.value == value).unwrap_or_default()),
        }
    }

    /// The value and the gradient of the loss with respect to it that the last recorded passes left for each step, where
    /// `ends` are the network's own output and the gradient with respect to it.
    pub(crate) fn recorded<'c>(
        &self,
        cache: &'c mut Cache,
        ends: [&'c Array2<A>; 2],
    ) -> Result<Vec<[&'c Array2<A>; 2]>> {
        let plan = self.plan()?;
        let State { buffers, gradients, .. } = cache.get::<State<A>>();
        let recorded = self.steps.iter().map(|step| {
            if plan.whole[1] && self.outputs[0].value == step.gives {
                return Some(ends);
            }
            let value = buffers.get(step.gives)?;
            Some([value, gradients.get(step.gives).unwrap_or(value)])
        });
        let recorded: Option<Vec<_>> = recorded.collect();
        recorded.ok_or(Error::Order { call: "recorded", needs: "`forward` with the same network" })
    }
}
