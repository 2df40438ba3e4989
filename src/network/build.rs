//! Builds a [`Network`], step by step.

use std::sync::OnceLock;

use super::nodes::{Node, Op, next_id};
use super::plan::{Plan, checked_output};
use super::{Network, Origin, Port, Shared, Step, Value, side_by_side};
use crate::layer::{Join, Layer, MEMORY_LIMIT};
use crate::{Error, Result, Scalar, Shape};

impl<A: Scalar> Network<A> {
    /// Creates a network without inputs and steps.
    pub fn new() -> Self {
        Self {
            nodes: Vec::new(),
            steps: Vec::new(),
            values: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            birth: next_id(),
            id: 0,
            plan: OnceLock::new(),
            memory_limit: MEMORY_LIMIT,
        }
    }

    /// A network with one input of any shape: its shapes are inferred when it is used inside another network.
    pub(super) fn open() -> (Self, Value) {
        let mut network = Self::new();
        let x = network.declare("x", None);
        (network, x)
    }

    /// Declares an input with a name and a sample shape.
    pub fn input(&mut self, name: &str, shape: impl Into<Shape>) -> Value {
        self.declare(name, Some(shape.into()))
    }

    pub(super) fn declare(&mut self, name: &str, shape: Option<Shape>) -> Value {
        let value = self.new_value(Origin::Input, shape);
        self.inputs.push(Port { name: name.to_owned(), value: value.index });
        value
    }

    pub(super) fn new_value(&mut self, origin: Origin, shape: Option<Shape>) -> Value {
        self.values.push((origin, shape));
        self.plan = OnceLock::new();
        Value { index: self.values.len() - 1, network: self.birth }
    }

    /// Adds a step that applies `layer`, which may be a network, to `value`. Returns its output.
    ///
    /// # Errors
    /// When the layer does not accept the value; the message contains the layer, its name and both shapes.
    /// [`Error::Graph`] for a value of another network. The network is not changed.
    pub fn add(&mut self, value: Value, layer: impl Layer<A>) -> Result<Value> {
        let name = self.nodes.len().to_string();
        self.push(name, Op::layer(Box::new(layer)), &[value])
    }

    /// Adds a step that applies `join` to `values`. Returns its output.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let mut g = Network::<f64>::new();
    /// let (a, b) = (g.input("a", 2), g.input("b", 3));
    /// let both = g.join(Concat, [a, b])?;
    /// g.output("both", both)?;
    /// let x = ndarray::array![[1.0, 2.0, 3.0, 4.0, 5.0]];
    /// assert_eq!(g.predict(&x)?, x);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// When the join does not accept these values; [`Error::Graph`] for an empty list, and for a value of another
    /// network. The network is not changed.
    pub fn join(&mut self, join: impl Join<A>, values: impl AsRef<[Value]>) -> Result<Value> {
        let name = self.nodes.len().to_string();
        self.push(name, Op::Join(Box::new(join)), values.as_ref())
    }

    /// Adds a layer for use in several steps, each added by [`apply`](Self::apply). It has one set of parameters; their
    /// gradient is the sum over all uses.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let mut g = Network::<f64>::new();
    /// let (left, right) = (g.input("left", 4), g.input("right", 4));
    /// let encoder = g.share(Dense::new(4, 2, &mut rng(1)));
    /// let (u, v) = (g.apply(encoder, left)?, g.apply(encoder, right)?);
    /// let distance = g.join(neuropil::joins::Distance, [u, v])?;
    /// g.output("distance", distance)?;
    /// assert_eq!(g.parameter_count(), 4 * 2 + 2);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn share(&mut self, layer: impl Layer<A>) -> Shared {
        let name = self.nodes.len().to_string();
        self.take(name, Op::layer(Box::new(layer)))
    }

    /// Adds a step that applies a [shared](Self::share) layer to `value`.
    ///
    /// # Errors
    /// As [`add`](Self::add); [`Error::Graph`] for a layer of another network.
    pub fn apply(&mut self, layer: Shared, value: Value) -> Result<Value> {
        if layer.network != self.birth || layer.node >= self.nodes.len() {
            return Err(self.problem("the shared layer", "it is of another network; call `share` of this one".into()));
        }
        self.step(layer.node, &[value])
    }

    /// Declares `value` as an output with this name.
    ///
    /// # Errors
    /// [`Error::Graph`] for a value of another network, and for a name that is taken.
    pub fn output(&mut self, name: &str, value: Value) -> Result<()> {
        let value = self.index_of(value, &format!("the output `{name}`"))?;
        if self.outputs.iter().any(|port| port.name == name) {
            return Err(self.problem(&format!("the output `{name}`"), "another one has this name; rename it".into()));
        }
        self.outputs.push(Port { name: name.to_owned(), value });
        self.plan = OnceLock::new();
        Ok(())
    }

    /// Sets the memory limit in bytes; the default is 16 GiB.
    ///
    /// The limit applies to an upper bound on what a training step allocates: values, gradients, parameters and what
    /// the layers cache for the backward pass. Optimizer state is not counted, and predictions need only the memory for
    /// one chunk of the batch. The bound is checked for one sample as each layer is added, and for the whole batch
    /// before a pass allocates anything, so a file that describes a huge network cannot exhaust memory.
    ///
    /// In nested networks, the limit of the outermost one applies. It is not saved.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let mut network = Sequential::<f32>::new([1, 1, 1]).with(Upsample::nearest([1000, 1000]))?;
    /// network.set_memory_limit(1 << 20);
    /// let error = network.predict(&ndarray::array![[1.0]]).unwrap_err();
    /// assert!(matches!(error, Error::Memory { limit: Some(1_048_576), .. }), "{error}");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn set_memory_limit(&mut self, bytes: u64) {
        self.memory_limit = bytes;
        self.changed(); // Tapes must check the new limit.
    }

    /// The memory limit in bytes: see [`set_memory_limit`](Self::set_memory_limit).
    pub fn memory_limit(&self) -> u64 {
        self.memory_limit
    }

    /// The names and sample shapes of the inputs, in the order of their columns.
    pub fn inputs(&self) -> impl ExactSizeIterator<Item = (&str, Shape)> {
        self.inputs.iter().map(|port| (&*port.name, self.shape_of(port.value)))
    }

    /// The names and sample shapes of the outputs, in the order of their columns.
    pub fn outputs(&self) -> impl ExactSizeIterator<Item = (&str, Shape)> {
        self.outputs.iter().map(|port| (&*port.name, self.shape_of(port.value)))
    }

    /// The shape of an input row: that of the input, or all features of several inputs side by side.
    pub fn input_shape(&self) -> Shape {
        side_by_side(self.inputs().map(|(_, shape)| shape))
    }

    /// The shape of an output row: that of the output, or all features of several outputs side by side.
    pub fn prediction_shape(&self) -> Shape {
        side_by_side(self.outputs().map(|(_, shape)| shape))
    }

    /// The shape of an input row; `None` if the network accepts any.
    #[cfg(feature = "files")]
    pub(crate) fn declared_shape(&self) -> Option<Shape> {
        let known = self.inputs.iter().all(|port| self.values[port.value].1.is_some());
        known.then(|| self.input_shape())
    }

    /// The layers, each once, in the order in which they were added.
    pub fn layers(&self) -> impl DoubleEndedIterator<Item = &dyn Layer<A>> + ExactSizeIterator {
        let layers: Vec<&dyn Layer<A>> = self.nodes.iter().filter_map(|node| node.op.as_layer()).collect();
        layers.into_iter()
    }

    /// The sample shape of a value; `Flat(0)` if it depends on an input of any shape.
    pub(super) fn shape_of(&self, value: usize) -> Shape {
        self.values[value].1.unwrap_or(Shape::Flat(0))
    }

    pub(super) fn push(&mut self, name: String, op: Op<A>, values: &[Value]) -> Result<Value> {
        let before = (self.nodes.len(), self.id);
        let layer = self.take(name, op);
        let result = self.step(layer.node, values);
        if result.is_err() {
            self.nodes.truncate(before.0);
            self.id = before.1;
        }
        result
    }

    pub(super) fn take(&mut self, name: String, op: Op<A>) -> Shared {
        let first = self.nodes.last().map_or(0, |node| node.slots.end);
        self.nodes.push(Node::new(name, op, first));
        self.changed();
        Shared { node: self.nodes.len() - 1, network: self.birth }
    }

    pub(super) fn step(&mut self, node: usize, values: &[Value]) -> Result<Value> {
        self.nodes[node].op.check_parameters().map_err(|error| error.at(&self.nodes[node].name))?;
        self.connect(node, values)
    }

    /// Adds a step of a layer whose parameters are checked later.
    pub(super) fn connect(&mut self, node: usize, values: &[Value]) -> Result<Value> {
        let name = self.nodes[node].name.clone();
        let what = format!("step {name}");
        let takes = values.iter().map(|&value| self.index_of(value, &what)).collect::<Result<Vec<_>>>()?;
        let shapes: Option<Vec<Shape>> = takes.iter().map(|&value| self.values[value].1).collect();
        let shape = match shapes {
            _ if takes.is_empty() => return Err(self.problem(&what, "it takes no values; give it at least one".into())),
            Some(shapes) => Some(checked_output(&self.nodes[node], &shapes, self.memory_limit)?),
            None => None,
        };
        let gives = self.new_value(Origin::Step(self.steps.len()), shape);
        self.steps.push(Step { node, takes, gives: gives.index });
        if let Err(error) = self.check_lengths() {
            self.steps.pop();
            self.values.pop();
            return Err(error);
        }
        self.changed();
        Ok(gives)
    }

    /// The index of a value of this network.
    pub(super) fn index_of(&self, value: Value, what: &str) -> Result<usize> {
        if value.network == self.birth && value.index < self.values.len() {
            return Ok(value.index);
        }
        Err(self.problem(what, "it takes a value of another network; take one of this network's".to_owned()))
    }

    #[allow(clippy::unused_self)] // A method, because errors of all kinds are made this way.
    pub(super) fn problem(&self, step: &str, problem: String) -> Error {
        Error::Graph { step: step.to_owned(), problem }
    }

    /// Invalidates everything derived from the structure: the plan, and the caches on tapes.
    pub(super) fn changed(&mut self) {
        self.id = next_id();
        self.plan = OnceLock::new();
    }

    /// The execution plan.
    pub(super) fn plan(&self) -> Result<&Plan> {
        self.plan.get_or_init(|| Plan::new(self)).as_ref().map_err(Clone::clone)
    }
}
