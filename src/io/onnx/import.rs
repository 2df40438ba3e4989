//! A graph becomes a network: a walk along the values from the input to the output, one layer at a time.

use std::collections::BTreeMap;

use ndarray::Array2;

use super::graph::{Attribute, Graph, Node, Tensor, read as read_graph};
use super::patterns;
use crate::spec::{Arrays, Registry, Spec};
use crate::{Error, Result, Scalar, Sequential, Shape};

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

/// What patterns are given: the graph from the current value on.
pub(super) struct Walk<'g> {
    constants: BTreeMap<&'g str, &'g Tensor<'g>>,
    users: BTreeMap<&'g str, Vec<&'g Node<'g>>>,
    /// How many operators there are: no walk along a chain is longer.
    pub(super) nodes: usize,
    /// The value up to which the graph has been read, and the shape of a sample there.
    pub(super) at: &'g str,
    pub(super) shape: Shape,
}

type Read<T> = Result<T, String>;

pub(super) fn read<A: Scalar>(bytes: &[u8], name: &str) -> Result<Sequential<A>> {
    let problem = |problem: String| Error::Format { what: name.to_owned(), problem };
    let graph = read_graph(bytes).map_err(problem)?;
    let (mut walk, end) = Walk::new(&graph).map_err(problem)?;
    let input = walk.shape;
    let (mut specs, mut parameters) = (Vec::new(), Vec::new());
    let registry = Registry::<A>::new();
    for _ in 0..=graph.nodes.len() {
        if walk.at == end {
            return registry.network(&chain(input, &specs), &mut Constants(&parameters));
        }
        let found = patterns::next(&walk).map_err(problem)?;
        if let Some(spec) = found.spec {
            parameters.push(found.parameters);
            // The layer by itself, for its checks and the shape after it.
            let last = &parameters[parameters.len() - 1..];
            let layer = registry.network(&chain(walk.shape, std::slice::from_ref(&spec)), &mut Constants(last));
            let within = |error| match error {
                Error::Layer { error, .. } => Error::Layer { index: specs.len(), error },
                error => error,
            };
            walk.shape = layer.map_err(within)?.output();
            specs.push(spec);
        }
        walk.at = found.output;
    }
    Err(problem("its operators go round in a circle".into()))
}

fn chain(input: Shape, layers: &[Spec]) -> Spec {
    let spec = Spec::new("sequential").set("input", input).set("layers", layers.to_vec());
    spec.set("rates", vec![1.0; layers.len()])
}

/// The parameters of layers, by position and name.
struct Constants<'p>(&'p [Parameters]);

impl<A: Scalar> Arrays<A> for Constants<'_> {
    fn take(&mut self, name: &str, rows: usize, columns: usize) -> Result<Array2<A>> {
        let layer = name.split_once('.');
        let numbers = layer.and_then(|(layer, name)| self.0.get(layer.parse::<usize>().ok()?)?.get(name));
        let problem = |problem: String| Error::Format { what: format!("the constant for {name}"), problem };
        let numbers = numbers.ok_or_else(|| problem("it is missing".into()))?;
        if rows.checked_mul(columns) != Some(numbers.len()) {
            return Err(problem(format!("it has {} numbers, not {rows} x {columns}", numbers.len())));
        }
        let numbers = numbers.iter().map(|&x| A::of(x)).collect();
        Array2::from_shape_vec((rows, columns), numbers).map_err(|error| problem(error.to_string()))
    }
}

impl<'g> Walk<'g> {
    /// The beginning of the graph, and the value at its end.
    fn new(graph: &'g Graph<'g>) -> Read<(Self, &'g str)> {
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
                if !node.inputs[..i].contains(input) {
                    users.entry(input).or_default().push(node);
                }
            }
        }
        // Older files list constants among the inputs.
        let mut inputs = graph.inputs.iter().filter(|input| !constants.contains_key(&*input.name));
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
        Ok((Self { constants, users, nodes: graph.nodes.len(), at: &input.name, shape }, &output.name))
    }

    /// The operators that take a value.
    pub(super) fn users(&self, value: &str) -> &[&'g Node<'g>] {
        self.users.get(value).map_or(&[], Vec::as_slice)
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
        let constant = self.constants.get(name).copied();
        constant.ok_or_else(|| format!("input {input} of its operator {} is `{name}`, which is no constant", node.op))
    }

    /// The numbers of a constant input.
    pub(super) fn numbers(&self, node: &Node<'_>, input: usize) -> Read<Vec<f64>> {
        self.constant(node, input)?
            .numbers()
            .map_err(|problem| format!("the constant `{}`: {problem}", node.inputs[input]))
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

    /// The error unless an attribute, here its value, is the only one that layers here know.
    pub(super) fn expect(&self, name: &str, ok: bool) -> Read<()> {
        if ok { Ok(()) } else { Err(format!("its operator {} has a value of {name} that no layer here has", self.op)) }
    }
}
