//! Imports a graph of operators as a network.
//!
//! Each ONNX value is either a constant or a value of the network with a [`View`] of its samples. The walk starts at
//! the outputs: an operator is read once all its inputs are known. Where several operators form one layer, the layer is
//! recognized backwards from the last of them, and the others are never read by themselves.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::rc::Rc;

use ndarray::Array2;

use super::graph::read as read_graph;
use crate::layer::{Arrays, Join, Layer, Parts, Registry};
use crate::spec::Spec;
use crate::spec::onnx::Graph;
use crate::{Error, Network, Result, Scalar, Shape, Value};

mod activations;
mod arithmetic;
mod arrange;
mod attention;
mod compute;
mod conditions;
mod constants;
mod fold;
mod functions;
mod groups;
mod index;
mod learned;
mod lengths;
mod node;
mod norms;
mod operators;
mod padding;
mod ports;
mod products;
mod recurrent;
mod reduce;
mod same;
mod shapes;
mod steps;
mod table;
mod values;
mod view;
mod windows;

use constants::{Constant, Ints};
use index::Index;
use view::View;

type Node<'g> = crate::spec::onnx::Node<'g>;

/// The result of reading an operator, or why it was not read.
type Read<T> = Result<T, Stop>;

/// Why an operator was not read.
enum Stop {
    /// It uses values that are not known yet.
    Needs(Vec<String>),
    Problem(String),
    Layer(Error),
}

impl From<String> for Stop {
    fn from(problem: String) -> Self {
        Self::Problem(problem)
    }
}

impl From<&str> for Stop {
    fn from(problem: &str) -> Self {
        Self::Problem(problem.to_owned())
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Layer(error)
    }
}

/// What is known about an ONNX value.
#[derive(Clone)]
enum Known {
    Constant(Rc<Constant>),
    Data(Data),
    /// A value with merged axes: for each axis of ONNX, the number of axes of the view.
    Grouped(Data, Vec<usize>),
}

/// A value of the network, its sample shape, and its ONNX view.
#[derive(Clone)]
struct Data {
    value: Value,
    shape: Shape,
    view: View,
    /// Whether the ONNX value has integers, whose arithmetic differs.
    integer: bool,
}

/// A recognized layer or join: its settings, and its parameters, row-major.
struct Found {
    spec: Spec,
    parameters: BTreeMap<String, Vec<f64>>,
}

impl Found {
    fn new(spec: Spec) -> Self {
        Self { spec, parameters: BTreeMap::new() }
    }

    fn with(mut self, name: impl Into<String>, numbers: Vec<f64>) -> Self {
        self.parameters.insert(name.into(), numbers);
        self
    }
}

/// The state of an import.
struct Reader<'g, A: Scalar> {
    index: Index<'g>,
    opset: i64,
    /// The batch size, if the file fixes it.
    batch: Option<usize>,
    /// Whether the batch is not the first axis of an input, although that does not follow from the sizes in the file.
    batch_within: bool,
    network: Network<A>,
    registry: Registry<A>,
    /// The input values.
    inputs: Vec<Value>,
    known: HashMap<String, Known>,
    /// Constants that the file repeats for each sample and that are stored once here: their sizes in the file; empty if
    /// unknown.
    per_sample: HashMap<String, Ints>,
    /// Values in another order or shape, each computed once.
    arranged: HashMap<(Value, Vec<[usize; 2]>, Shape), Value>,
    /// The number of values that constants may still expand to: a constant used often must not take more memory than
    /// the length of the file.
    room: usize,
    /// The number of steps for a file that leaves it open, and whether this file does.
    steps: usize,
    any_steps: bool,
    /// Whether lengths of sequences are looked for, whether some were found, and the values whose lengths are known.
    finds_lengths: bool,
    found_lengths: Cell<bool>,
    with_lengths: HashSet<Value>,
}

/// Imports a file for these outputs, or for all if the list is empty; `folder` may contain external data. `steps` is
/// the number of steps for a file that leaves it open.
pub(super) fn read<A: Scalar>(
    bytes: &[u8],
    name: &str,
    folder: Option<&Path>,
    outputs: &[&str],
    steps: Option<usize>,
) -> Result<(Network<A>, Vec<String>)> {
    let problem = |problem: String| Error::Format { what: name.to_owned(), problem };
    let (mut graph, opset, size) = read_graph(bytes, folder).map_err(problem)?;
    ports::choose_outputs(&mut graph, outputs).map_err(problem)?;
    let classes = learned::take_labels(&mut graph).unwrap_or_default();
    let of_steps = |steps| {
        let (network, found) = import(&graph, opset, size, steps, true);
        // Lengths are certain if the network is written as it was read.
        let certain = |network: &Network<A>| same::is_written_as(network, &graph);
        if !found.lengths || network.as_ref().is_ok_and(certain) {
            return (network, found);
        }
        import(&graph, opset, size, steps, false)
    };
    steps::for_any(of_steps, steps, graph.steps).map(|network| (network, classes)).map_err(problem)
}

/// What an import has found besides the network.
#[derive(Default)]
struct Findings {
    any_steps: bool,
    lengths: bool,
}

/// Imports a graph.
fn import<A: Scalar>(
    graph: &Graph<'_>,
    opset: i64,
    size: usize,
    steps: usize,
    finds_lengths: bool,
) -> (Result<Network<A>, String>, Findings) {
    let index = match Index::of(graph) {
        Ok(index) => index,
        Err(problem) => return (Err(problem), Findings::default()),
    };
    let mut reader = Reader {
        index,
        opset,
        batch: None,
        batch_within: false,
        network: Network::new(),
        registry: Registry::new(),
        inputs: Vec::new(),
        known: HashMap::new(),
        per_sample: HashMap::new(),
        arranged: HashMap::new(),
        room: size.saturating_add(1 << 20),
        steps,
        any_steps: false,
        finds_lengths,
        found_lengths: Cell::new(false),
        with_lengths: HashSet::new(),
    };
    let read = reader.read_graph(graph);
    let findings = Findings { any_steps: reader.any_steps, lengths: reader.found_lengths.get() };
    // A step is unused if only the sizes of its output are used.
    let network = read.and_then(|()| reader.network.without_unused().map_err(|error| error.to_string()));
    (network, findings)
}

/// The message for an operator or output that was not read.
fn explain(at: &str, stop: Stop) -> String {
    match stop {
        Stop::Problem(problem) => format!("{at}: {problem}"),
        Stop::Layer(error) => format!("{at}: {error}"),
        Stop::Needs(names) => format!("{at}: it takes {} of itself", names.join(" and ")),
    }
}

impl<'g, A: Scalar> Reader<'g, A> {
    fn read_graph(&mut self, graph: &Graph<'_>) -> Result<(), String> {
        self.read_inputs(&graph.inputs)?;
        for port in &graph.outputs {
            self.walk(&port.name)?;
        }
        self.read_outputs(&graph.outputs).map_err(|(at, stop)| explain(&at, stop))
    }

    /// Reads everything that a value depends on.
    fn walk(&mut self, name: &str) -> Result<(), String> {
        let mut waiting = vec![name.to_owned()];
        while let Some(name) = waiting.last().cloned() {
            if self.known.contains_key(&name) || self.index.constants.contains_key(&*name) {
                waiting.pop();
                continue;
            }
            let Some((node, output)) = self.index.maker(&name) else {
                return Err(format!("nothing makes its value `{name}`"));
            };
            match self.operator(node, output) {
                Ok(known) => {
                    self.known.insert(name, known);
                }
                Err(Stop::Needs(names)) if names.iter().any(|name| !self.known.contains_key(name)) => {
                    waiting.extend(names.into_iter().rev());
                }
                Err(stop) => return Err(explain(&format!("its operator {}", node.op), stop)),
            }
        }
        Ok(())
    }

    /// Reads an operator for one of its outputs.
    fn operator(&mut self, node: &'g Node<'g>, output: usize) -> Read<Known> {
        if self.index.is_constant(&node.outputs[output]) {
            return self.folded(node).map(|constant| Known::Constant(Rc::new(constant)));
        }
        if node.domain == learned::DOMAIN {
            return self.of_pipelines(node, output).map(Known::Data);
        }
        if matches!(&*node.op, "RNN" | "LSTM" | "GRU") {
            return self.recurrent(node, output).map(Known::Data);
        }
        if node.op == "Split" {
            return self.split(node, output).map(Known::Data);
        }
        if node.op == "LayerNormalization" && output < 3 {
            return self.layer_norm(node, output).map(Known::Data);
        }
        if output > 0 {
            return Err(format!("its output {output} is used, which no layer here gives").into());
        }
        if node.inputs.iter().any(|name| matches!(self.known.get(name), Some(Known::Grouped(..)))) {
            return self.in_groups(node);
        }
        if node.op == "Reshape"
            && let Some(grouped) = self.group(node)?
        {
            return Ok(grouped);
        }
        self.first_output(node).map(Known::Data)
    }

    fn make(&self, found: &Found) -> Result<Box<dyn Layer<A>>> {
        let root = Spec::new("");
        Parts::new(&root, &mut Numbers(&found.parameters), &self.registry).layer("", &found.spec)
    }

    /// Adds a layer to a value with samples of this shape; returns its output and the sample shape.
    fn layer(&mut self, value: Value, shape: Shape, found: &Found) -> Read<(Value, Shape)> {
        let layer = self.make(found)?;
        let after = layer.output_shape(shape)?;
        can_be_held(after).map_err(|problem| format!("it gives {problem}"))?;
        let after_layer = self.network.add(value, layer)?;
        self.pass_lengths_on(&[value], after_layer, after);
        Ok((after_layer, after))
    }

    /// Adds a layer whose output has the same order in ONNX.
    fn on(&mut self, (value, shape): (Value, Shape), found: &Found) -> Read<Data> {
        let (value, shape) = self.layer(value, shape, found)?;
        Ok(Data { value, shape, view: View::of(shape), integer: false })
    }

    /// Adds a layer that keeps the shape and the order of the values.
    fn elementwise(&mut self, data: &Data, found: &Found) -> Read<Data> {
        let (value, shape) = self.layer(data.value, data.shape, found)?;
        Ok(Data { value, shape, ..data.clone() })
    }

    /// Adds a join of values with the same order in ONNX.
    fn joined(&mut self, join: impl Join<A>, values: &[(Value, Shape)]) -> Read<Data> {
        let shapes: Vec<Shape> = values.iter().map(|(_, shape)| *shape).collect();
        let shape = join.output_shape(&shapes)?;
        can_be_held(shape).map_err(|problem| format!("it gives {problem}"))?;
        let values: Vec<Value> = values.iter().map(|(value, _)| *value).collect();
        let value = self.network.join(join, values.clone())?;
        self.pass_lengths_on(&values, value, shape);
        Ok(Data { value, shape, view: View::of(shape), integer: false })
    }
}

/// Sizes as a shape.
fn shape_of(sizes: &[usize]) -> Result<Shape, String> {
    let shape: Shape = match *sizes {
        [n] => n.into(),
        [steps, features] => [steps, features].into(),
        [channels, height, width] => [channels, height, width].into(),
        _ => return Err(format!("the sizes {sizes:?} are not the shape of a sample")),
    };
    // The size must not overflow.
    match shape.len() {
        0 | usize::MAX => Err(format!("a sample cannot have the sizes {sizes:?}")),
        _ => Ok(shape),
    }
}

/// Rejects samples that are empty, or so large that products with a few more sizes might overflow.
fn can_be_held(shape: Shape) -> Result<(), String> {
    if (1..=usize::MAX >> 16).contains(&shape.len()) {
        return Ok(());
    }
    Err(format!("samples {shape}, which nothing can hold"))
}

/// Sizes as a shape; more than three become flat features.
fn any_shape(sizes: &[usize]) -> Result<Shape, String> {
    match sizes {
        [] => Ok(1.into()),
        [_] | [_, _] | [_, _, _] => shape_of(sizes),
        more => {
            let len = more.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
            shape_of(&[len.ok_or_else(|| format!("a sample cannot have the sizes {sizes:?}"))?])
        }
    }
}

/// The parameters of one layer by name.
struct Numbers<'p>(&'p BTreeMap<String, Vec<f64>>);

impl<A: Scalar> Arrays<A> for Numbers<'_> {
    fn take(&mut self, name: &str, rows: usize, columns: usize) -> Result<Array2<A>> {
        let name = name.trim_start_matches('.');
        let problem = |problem: String| Error::Format { what: format!("the constant for {name}"), problem };
        let numbers = self.0.get(name).ok_or_else(|| problem("it is missing".into()))?;
        if rows.checked_mul(columns) != Some(numbers.len()) {
            return Err(problem(format!("it has {} numbers, not {rows} x {columns}", numbers.len())));
        }
        let numbers = numbers.iter().map(|&x| A::of(x)).collect();
        Array2::from_shape_vec((rows, columns), numbers).map_err(|error| problem(error.to_string()))
    }
}
