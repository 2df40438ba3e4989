//! A read-only view of the steps of a [`Network`].

use std::ops::Range;

use ndarray::Array2;

use super::engine::State;
use super::nodes::Op;
use super::plan::Sizes;
use super::{Network, Origin};
use crate::layer::{Cache, Info, Join, Layer};
use crate::spec::{Formula, Spec};
use crate::{Error, Result, Scalar, Shape};

/// A step: a use of a layer or join.
pub(crate) struct StepView<'n, A: Scalar> {
    /// The name of its layer, the prefix of its parameters' names.
    pub(crate) name: &'n str,
    /// Its `Debug` text.
    pub(crate) text: String,
    op: &'n Op<A>,
    /// Its inputs.
    pub(crate) sources: Vec<Source>,
    /// The shapes of its inputs.
    pub(crate) input_shapes: Vec<Shape>,
    pub(crate) output: Shape,
    /// Whether an earlier step uses the same layer.
    pub(crate) again: bool,
    /// The index of the first step that uses its layer.
    pub(crate) home: usize,
    /// The range of its trainable parameters among those of the network.
    pub(crate) slots: Range<usize>,
}

/// The origin of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The input with this index.
    Input(usize),
    /// The step with this index.
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

    /// Calls `f` with each of its parameters, by their names in the layer.
    pub(crate) fn visit(&self, f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {
        self.op.visit(f);
    }

    /// The number of trainable parameters.
    pub(crate) fn parameter_count(&self) -> usize {
        let mut count = 0;
        self.op.visit(&mut |info, matrix| count += if info.role.is_trainable() { matrix.len() } else { 0 });
        count
    }

    pub(crate) fn multiply_adds(&self) -> u64 {
        self.op.multiply_adds(&self.input_shapes)
    }

    /// Its formula, if it has one.
    pub(crate) fn formula(&self) -> Option<Formula> {
        match self.op {
            Op::Layer(layer) => layer.formula(),
            Op::Join(join) => join.formula(self.sources.len()),
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
    /// Those of an incomplete network, or of one that does not accept this shape.
    pub(crate) fn steps(&self, input: Shape) -> Result<Vec<StepView<'_, A>>> {
        let mut inferred = Sizes::default();
        let shapes = &self.plan()?.sizes(self, input, &mut inferred)?.shapes;
        let mut homes = vec![None; self.nodes.len()];
        let view = |(at, step): (usize, &super::Step)| {
            let home = *homes[step.node].get_or_insert(at);
            let node = &self.nodes[step.node];
            StepView {
                name: &node.name,
                text: node.op.text(),
                op: &node.op,
                sources: step.takes.iter().map(|&value| self.source(value)).collect(),
                input_shapes: step.takes.iter().map(|&value| shapes[value]).collect(),
                output: shapes[step.gives],
                again: home < at,
                home,
                slots: node.slots.clone(),
            }
        };
        Ok(self.steps.iter().enumerate().map(view).collect())
    }

    /// The name and the origin of each output.
    pub(crate) fn output_sources(&self) -> impl Iterator<Item = (&str, Source)> {
        self.outputs.iter().map(|port| (&*port.name, self.source(port.value)))
    }

    /// The inputs of a step by name, such as ` of 1, text`; empty in a chain, where they are obvious.
    pub(super) fn inputs_text(&self, steps: &[StepView<'_, A>], step: &StepView<'_, A>) -> String {
        let name = |source: &Source| match *source {
            Source::Input(at) => &*self.inputs[at].name,
            Source::Step(at) => steps[at].name,
        };
        let names: Vec<&str> = step.sources.iter().map(name).collect();
        if self.is_chain() { String::new() } else { format!(" of {}", names.join(", ")) }
    }

    fn source(&self, value: usize) -> Source {
        match self.values[value].0 {
            Origin::Step(at) => Source::Step(at),
            Origin::Input => Source::Input(self.inputs.iter().position(|port| port.value == value).unwrap_or_default()),
        }
    }

    /// The value of each step and the gradient of the loss with respect to it, from the last recorded passes; `ends`
    /// are the network's output and the gradient with respect to it.
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
