//! A graph becomes a network: a walk along the values from the input to the output, one layer at a time, and where the
//! value forks, one such walk for each branch.

use std::cell::Cell;
use std::collections::BTreeMap;

use ndarray::Array2;

use super::fork::Fork;
use super::graph::read as read_graph;
use super::patterns::{self, Read, first};
use crate::layer::{Arrays, Registry};
use crate::spec::Spec;
use crate::spec::onnx::{Attribute, Graph, Node, Tensor};
use crate::spec::onnx::{channel_axis, dims};
use crate::{Error, Network, Result, Scalar, Shape};

/// A parameter that a layer is made with: its numbers, row-major.
type Parameters = BTreeMap<String, Vec<f64>>;

/// What a pattern found: a layer, and the value that it computes. Without a kind it does nothing.
pub(super) struct Found<'g> {
    pub(super) spec: Option<Spec>,
    pub(super) parameters: Parameters,
    pub(super) output: &'g str,
}

impl<'g> Found<'g> {
    /// A layer without parameters.
    pub(super) fn layer(spec: Spec, output: &'g str) -> Self {
        Self { spec: Some(spec), parameters: Parameters::new(), output }
    }

    pub(super) fn with(mut self, name: impl Into<String>, numbers: Vec<f64>) -> Self {
        self.parameters.insert(name.into(), numbers);
        self
    }

    /// What changes nothing in a network that predicts.
    pub(super) fn nothing(output: &'g str) -> Self {
        Self { spec: None, parameters: Parameters::new(), output }
    }
}

/// How deep branches may lie in branches: what the description of a network in a file can hold.
const DEEPEST: usize = 32;

/// The operators and constants of a graph.
pub(super) struct Operators<'g> {
    nodes: &'g [Node<'g>],
    constants: BTreeMap<&'g str, &'g Tensor<'g>>,
    users: BTreeMap<&'g str, Vec<&'g Node<'g>>>,
}

/// What patterns are given: the graph from the current value on.
pub(super) struct Walk<'g> {
    operators: &'g Operators<'g>,
    /// The value up to which the graph has been read, the operators of this branch that take it, and the shape of a
    /// sample there.
    pub(super) at: &'g str,
    here: Vec<&'g Node<'g>>,
    pub(super) shape: Shape,
}

/// Layers one after the other.
struct Chain {
    input: Shape,
    output: Shape,
    specs: Vec<Spec>,
    parameters: Vec<Parameters>,
}

pub(super) fn read<A: Scalar>(bytes: &[u8], name: &str) -> Result<Network<A>> {
    let problem = |problem: String| Error::Format { what: name.to_owned(), problem };
    let graph = read_graph(bytes).map_err(problem)?;
    let operators = Operators::of(&graph).map_err(problem)?;
    let (start, shape, end) = operators.ends(&graph).map_err(problem)?;
    let walk = Walk { operators: &operators, at: start, here: operators.users(start).to_vec(), shape };
    let import = Import { name, registry: Registry::<A>::new(), left: Cell::new(graph.nodes.len()) };
    let chain = import.chain(walk, end, 0)?;
    import.registry.network(&spec_of(chain.input, &chain.specs), &mut Constants(&chain.parameters))
}

/// A file that is being read.
struct Import<'n, A: Scalar> {
    name: &'n str,
    registry: Registry<A>,
    /// How many more layers there can be: each is at least one operator.
    left: Cell<usize>,
}

impl<A: Scalar> Import<'_, A> {
    fn problem(&self, problem: String) -> Error {
        Error::Format { what: self.name.to_owned(), problem }
    }

    /// The layers from the walk's value to the one called `end`.
    fn chain(&self, mut walk: Walk<'_>, end: &str, depth: usize) -> Result<Chain> {
        let (input, mut specs, mut parameters) = (walk.shape, Vec::new(), Vec::new());
        while walk.at != end {
            let left = self.left.get().checked_sub(1);
            self.left.set(left.ok_or_else(|| self.problem("its operators go round in a circle".into()))?);
            let found = match patterns::next(&walk).map_err(|problem| self.problem(problem))? {
                Some(found) => found,
                None => self.fork(&walk, depth)?,
            };
            if let Some(spec) = found.spec {
                parameters.push(found.parameters);
                // The layer by itself, for its checks and the shape after it.
                let alone = spec_of(walk.shape, std::slice::from_ref(&spec));
                let layer = self.registry.network(&alone, &mut Constants(&parameters[parameters.len() - 1..]));
                let within = |error| match error {
                    Error::Layer { error, .. } => Error::Layer { name: specs.len().to_string(), error },
                    error => error,
                };
                walk.shape = layer.map_err(within)?.prediction_shape();
                specs.push(spec);
            }
            walk.at = found.output;
            walk.here = walk.operators.users(walk.at).to_vec();
        }
        Ok(Chain { input, output: walk.shape, specs, parameters })
    }

    /// The layer of branches that begins at the walk's value.
    fn fork<'g>(&self, walk: &Walk<'g>, depth: usize) -> Result<Found<'g>> {
        // What takes only the value and constants is no place where branches meet.
        let branching = |fork: &Fork<'_>| fork.branches.len() > 1 || known(fork.join);
        let Some(Fork { join, branches }) = Fork::at(walk).filter(branching) else {
            let ops: Vec<&str> = walk.here.iter().map(|node| &*node.op).collect();
            let ops = if ops.is_empty() { "nothing".into() } else { ops.join(" and ") };
            return Err(self.problem(format!("what takes its value `{}`, {ops}, is no layer of this crate", walk.at)));
        };
        if !known(join) {
            let problem =
                format!("the branches from its value `{}` meet in {}, which joins none here", walk.at, join.op);
            return Err(self.problem(problem));
        }
        if depth >= DEEPEST {
            return Err(self.problem(format!("it has branches in branches more than {DEEPEST} deep")));
        }
        let mut chains = Vec::new();
        for branch in branches {
            let from = Walk { here: branch.first, ..*walk };
            chains.push(self.chain(from, branch.end, depth + 1)?);
        }
        let (spec, parameters) = joined(join, chains).map_err(|problem| self.problem(problem))?;
        Ok(Found { spec: Some(spec), parameters, output: first(join) })
    }
}

/// Whether layers here join branches with this operator.
fn known(join: &Node<'_>) -> bool {
    matches!(&*join.op, "Add" | "Sum" | "Concat")
}

/// The layer of branches that end in this operator.
fn joined(join: &Node<'_>, mut chains: Vec<Chain>) -> Read<(Spec, Parameters)> {
    let mut parameters = Parameters::new();
    let spec = match &*join.op {
        "Add" => {
            // What goes around the body comes first, as far as one can tell.
            chains.sort_by_key(|chain| !chain.specs.is_empty());
            let [around, body] = &mut *chains else { return Err("its operator Add has not two inputs".into()) };
            let spec = Spec::new("residual").set("body", body.as_layer("body", &mut parameters));
            if around.specs.is_empty() {
                spec
            } else {
                spec.set("projection", around.as_layer("projection", &mut parameters))
            }
        }
        op => {
            let way = if op == "Sum" { "sum" } else { "concat" };
            if let ("concat", Some(chain)) = (way, chains.first()) {
                expect_channels(join, chain.output)?;
            }
            let branches = chains.iter_mut().enumerate();
            let branches = branches.map(|(i, chain)| chain.as_layer(&format!("branch{i}"), &mut parameters));
            Spec::new("parallel").set("join", way).set("branches", branches.collect::<Vec<_>>())
        }
    };
    Ok((spec, parameters))
}

impl Chain {
    /// The layers as one, whose parameters are added to others under its name.
    fn as_layer(&mut self, name: &str, all: &mut Parameters) -> Spec {
        for (i, parameters) in self.parameters.drain(..).enumerate() {
            let place = if self.specs.len() == 1 { name.to_owned() } else { format!("{name}.{i}") };
            all.extend(parameters.into_iter().map(|(name, numbers)| (format!("{place}.{name}"), numbers)));
        }
        match &*self.specs {
            [] => Spec::new("identity"),
            [one] => one.clone(),
            specs => spec_of(self.input, specs),
        }
    }
}

/// The error unless an operator works along the axis of features or channels.
pub(super) fn expect_channels(node: &Node<'_>, shape: Shape) -> Read<()> {
    let (axis, rank) = (node.int("axis", -1)?, 1 + dims(shape).len() as i64);
    node.expect("axis", axis.rem_euclid(rank) == channel_axis(shape))
}

/// A network of these layers.
fn spec_of(input: Shape, layers: &[Spec]) -> Spec {
    let spec = Spec::new("sequential").set("input", input).set("layers", layers.to_vec());
    spec.set("rates", vec![1.0; layers.len()])
}

/// The parameters of layers, by position and name.
struct Constants<'p>(&'p [Parameters]);

impl<A: Scalar> Arrays<A> for Constants<'_> {
    fn take(&mut self, name: &str, rows: usize, columns: usize) -> Result<Array2<A>> {
        // The place among these layers is none in the network: errors tell that themselves.
        let (layer, name) = name.split_once('.').unwrap_or(("", name));
        let numbers = layer.parse::<usize>().ok().and_then(|layer| self.0.get(layer)?.get(name));
        let problem = |problem: String| Error::Format { what: format!("the constant for {name}"), problem };
        let numbers = numbers.ok_or_else(|| problem("it is missing".into()))?;
        if rows.checked_mul(columns) != Some(numbers.len()) {
            return Err(problem(format!("it has {} numbers, not {rows} x {columns}", numbers.len())));
        }
        let numbers = numbers.iter().map(|&x| A::of(x)).collect();
        Array2::from_shape_vec((rows, columns), numbers).map_err(|error| problem(error.to_string()))
    }
}

impl<'g> Operators<'g> {
    fn of(graph: &'g Graph<'g>) -> Read<Self> {
        let mut constants: BTreeMap<&str, &Tensor> =
            graph.constants.iter().map(|(name, tensor)| (&**name, tensor)).collect();
        let mut users: BTreeMap<&str, Vec<&Node>> = BTreeMap::new();
        for node in &graph.nodes {
            if !matches!(&*node.domain, "" | "ai.onnx") {
                return Err(format!("its operator {} is of {}, not of ONNX", node.op, node.domain));
            }
            if let ("Constant", [output], Some(Attribute::Tensor(tensor))) =
                (&*node.op, &*node.outputs, node.attribute("value"))
            {
                constants.insert(output, tensor);
            }
            for (i, input) in node.inputs.iter().enumerate() {
                // Without a name, it is one that is left out.
                if !input.is_empty() && !node.inputs[..i].contains(input) {
                    users.entry(input).or_default().push(node);
                }
            }
        }
        Ok(Self { nodes: &graph.nodes, constants, users })
    }

    /// The value at the beginning with its shape, and the value at the end.
    fn ends(&self, graph: &'g Graph<'g>) -> Read<(&'g str, Shape, &'g str)> {
        // Older files list constants among the inputs.
        let mut inputs = graph.inputs.iter().filter(|input| !self.constants.contains_key(&*input.name));
        let (Some(input), None, [output]) = (inputs.next(), inputs.next(), &*graph.outputs) else {
            return Err("it has not one input and one output, as a network here has".into());
        };
        let sizes: Option<Vec<usize>> = input.dims.iter().skip(1).copied().collect();
        let shape = match sizes.as_deref() {
            Some(&[features]) => features.into(),
            Some(&[steps, features]) => [steps, features].into(),
            Some(&[channels, height, width]) => [channels, height, width].into(),
            _ => {
                let dims = &input.dims;
                return Err(format!(
                    "its input has the sizes {dims:?}; a batch and one to three fixed ones are needed"
                ));
            }
        };
        Ok((&input.name, shape, &output.name))
    }

    /// The operators that take a value.
    fn users(&self, value: &str) -> &[&'g Node<'g>] {
        self.users.get(value).map_or(&[], Vec::as_slice)
    }
}

impl<'g> Walk<'g> {
    /// All operators of the graph: a walk along a chain takes no more steps than there are.
    pub(super) fn operators(&self) -> &'g [Node<'g>] {
        self.operators.nodes
    }

    /// The operators of this branch that take a value.
    pub(super) fn users(&self, value: &str) -> &[&'g Node<'g>] {
        if value == self.at { &self.here } else { self.operators.users(value) }
    }

    /// The only operator that takes a value, if it is of this kind.
    pub(super) fn only(&self, value: &str, op: &str) -> Option<&'g Node<'g>> {
        match *self.users(value) {
            [node] if node.op == op => Some(node),
            _ => None,
        }
    }

    /// The constant that a node's input is.
    pub(super) fn constant(&self, node: &Node<'_>, input: usize) -> Read<&'g Tensor<'g>> {
        let name = node.inputs.get(input).map(String::as_str).unwrap_or_default();
        let constant = self.operators.constants.get(name).copied();
        constant.ok_or_else(|| format!("input {input} of its operator {} is `{name}`, which is no constant", node.op))
    }

    /// The numbers of a constant input.
    pub(super) fn numbers(&self, node: &Node<'_>, input: usize) -> Read<Vec<f64>> {
        self.constant(node, input)?
            .numbers()
            .map_err(|problem| format!("the constant `{}`: {problem}", node.inputs[input]))
    }

    /// The numbers of a constant input that meets the channels: of no more axes than the value here, and of size 1 in
    /// all but that of the channels.
    pub(super) fn per_channel(&self, node: &Node<'_>, input: usize) -> Read<Vec<f64>> {
        let (sizes, rank) = (&self.constant(node, input)?.dims, 1 + dims(self.shape).len());
        let channels = rank - channel_axis(self.shape) as usize;
        // Axes are matched from the last one on.
        let others = |(place, &n): (usize, &usize)| place + 1 == channels || n == 1;
        if sizes.len() > rank || !sizes.iter().rev().enumerate().all(others) {
            let name = &node.inputs[input];
            return Err(format!("the constant `{name}` has the sizes {sizes:?}, not one number for each channel"));
        }
        self.numbers(node, input)
    }

    /// A constant input that is one number.
    pub(super) fn number(&self, node: &Node<'_>, input: usize) -> Read<f64> {
        match *self.numbers(node, input)? {
            [x] => Ok(x),
            _ => Err(format!("the constant `{}` is not one number", node.inputs[input])),
        }
    }

    /// The sizes that a `Reshape` takes.
    pub(super) fn integers(&self, node: &Node<'_>, input: usize) -> Read<Vec<i64>> {
        self.constant(node, input)?
            .integers()
            .map_err(|problem| format!("the constant `{}`: {problem}", node.inputs[input]))
    }
}

impl Node<'_> {
    fn attribute(&self, name: &str) -> Option<&Attribute<'_>> {
        self.attributes.iter().find(|(other, _)| other == name).map(|(_, attribute)| attribute)
    }

    fn wrong<T>(&self, name: &str) -> Read<T> {
        Err(format!("the attribute {name} of its operator {} is of another type", self.op))
    }

    /// Whether it has that input.
    pub(super) fn has(&self, input: usize) -> bool {
        self.inputs.get(input).is_some_and(|name| !name.is_empty())
    }

    pub(super) fn float(&self, name: &str, default: f64) -> Read<f64> {
        match self.attribute(name) {
            None => Ok(default),
            // Its shortest decimal is what was meant: 0.01, not 0.009999999776.
            Some(Attribute::Float(x)) => x.to_string().parse().or_else(|_| self.wrong(name)),
            Some(_) => self.wrong(name),
        }
    }

    pub(super) fn int(&self, name: &str, default: i64) -> Read<i64> {
        match self.attribute(name) {
            None => Ok(default),
            Some(Attribute::Int(x)) => Ok(*x),
            Some(_) => self.wrong(name),
        }
    }

    /// A number of things, which is not negative.
    pub(super) fn count(&self, name: &str, default: usize) -> Read<usize> {
        let n = self.int(name, default as i64)?;
        usize::try_from(n).map_err(|_| format!("{name} of its operator {} is {n}, which is negative", self.op))
    }

    pub(super) fn text(&self, name: &str, default: &str) -> Read<String> {
        match self.attribute(name) {
            None => Ok(default.to_owned()),
            Some(Attribute::Text(text)) => Ok(text.clone()),
            Some(_) => self.wrong(name),
        }
    }

    pub(super) fn texts(&self, name: &str) -> Read<Vec<String>> {
        match self.attribute(name) {
            None => Ok(Vec::new()),
            Some(Attribute::Texts(texts)) => Ok(texts.clone()),
            Some(_) => self.wrong(name),
        }
    }

    /// A list of so many sizes; if it is not there, of copies of `default`.
    pub(super) fn sizes<const N: usize>(&self, name: &str, default: usize) -> Read<[usize; N]> {
        match self.attribute(name) {
            None => Ok([default; N]),
            Some(Attribute::Ints(list)) => {
                let sizes: Option<Vec<usize>> = list.iter().map(|&n| usize::try_from(n).ok()).collect();
                let sizes = sizes.and_then(|sizes| sizes.try_into().ok());
                sizes.ok_or_else(|| format!("{name} of its operator {} is {list:?}, not {N} sizes", self.op))
            }
            Some(_) => self.wrong(name),
        }
    }

    /// A list of any integers.
    pub(super) fn ints(&self, name: &str) -> Read<Vec<i64>> {
        match self.attribute(name) {
            None => Ok(Vec::new()),
            Some(Attribute::Ints(list)) => Ok(list.clone()),
            Some(_) => self.wrong(name),
        }
    }

    /// The error if an attribute is there that no layer here has.
    pub(super) fn lacks(&self, name: &str) -> Read<()> {
        self.expect(name, self.attribute(name).is_none())
    }

    /// The error unless an attribute, here its value, is the only one that layers here know.
    pub(super) fn expect(&self, name: &str, ok: bool) -> Read<()> {
        if ok { Ok(()) } else { Err(format!("its operator {} has a value of {name} that no layer here has", self.op)) }
    }
}
