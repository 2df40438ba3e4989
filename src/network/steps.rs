//! The steps of a [`Network`] as others look at them.

use std::ops::Range;

use ndarray::Array2;

use super::engine::State;
use super::nodes::Op;
use super::{Network, Origin};
use crate::layer::{Cache, Info, Join, Layer};
use crate::spec::{Formula, Spec};
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
    /// The position of the step at which its layer stands first.
    pub(crate) home: usize,
    /// Which of the network's trainable parameters are its own.
    pub(crate) slots: Range<usize>,
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

    /// What it computes, if that says more than its name.
    pub(crate) fn formula(&self) -> Option<Formula> {
        match self.op {
            Op::Layer(layer) => layer.formula(),
            Op::Join(join) => join.formula(self.takes.len()),
        }
    }

    pub(crate) fn spec(&self) -> Option<Spec> {
        self.op.spec()
    }
}

impl<A: Scalar> Network<A> {
    /// The steps, in order, for rows of this shape.
    ///
    /// # Errors
    /// Those of a network that is not ready, or cannot take this shape.
    pub(crate) fn steps(&self, input: Shape) -> Result<Vec<StepView<'_, A>>> {
        let shapes = self.plan()?.shapes(self, input)?;
        let mut homes = vec![None; self.nodes.len()];
        let view = |(at, step): (usize, &super::Step)| {
            let home = *homes[step.node].get_or_insert(at);
            let node = &self.nodes[step.node];
            StepView {
                name: &node.name,
                text: node.op.text(),
                op: &node.op,
                takes: step.takes.iter().map(|&value| self.source(value)).collect(),
                inputs: step.takes.iter().map(|&value| shapes[value]).collect(),
                output: shapes[step.gives],
                again: home < at,
                home,
                slots: node.slots.clone(),
            }
        };
        Ok(self.steps.iter().enumerate().map(view).collect())
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

    /// What a step takes, by name, such as ` of 1, text`; nothing in a chain, where it is what the step before gives.
    pub(super) fn takes_text(&self, steps: &[StepView<'_, A>], step: &StepView<'_, A>) -> String {
        let name = |source: &Source| match *source {
            Source::Input(at) => &*self.inputs[at].name,
            Source::Step(at) => steps[at].name,
        };
        let names: Vec<&str> = step.takes.iter().map(name).collect();
        if self.is_chain() { String::new() } else { format!(" of {}", names.join(", ")) }
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
