//! ONNX operators as plain data: [`Operators`], to which each layer adds its own.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use ndarray::Array2;

use crate::{Error, Result, Scalar, Shape};

/// A graph of operators and constants.
#[derive(Debug, Default)]
pub(crate) struct Graph<'b> {
    pub(crate) nodes: Vec<Node<'b>>,
    pub(crate) constants: Vec<(String, Tensor<'b>)>,
    pub(crate) inputs: Vec<Port>,
    pub(crate) outputs: Vec<Port>,
    /// In a file for any number of steps, the number that the network declares.
    pub(crate) steps: Option<usize>,
}

/// The name, type and sizes of an input or output; `None` for the batch and other variable sizes.
#[derive(Debug, Default)]
pub(crate) struct Port {
    pub(crate) name: String,
    /// The ONNX number of its element type.
    pub(crate) kind: i64,
    pub(crate) dims: Vec<Option<usize>>,
    /// The name of a variable size other than the batch.
    pub(crate) variable: String,
}

/// An operator of a graph.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Node<'b> {
    pub(crate) op: String,
    /// Its operator set; empty for the standard one.
    pub(crate) domain: String,
    pub(crate) inputs: Vec<String>,
    pub(crate) outputs: Vec<String>,
    pub(crate) attributes: Vec<(String, Attribute<'b>)>,
}

/// An attribute of an operator.
#[derive(Debug, PartialEq)]
#[non_exhaustive]
pub enum Attribute<'b> {
    /// An integer.
    Int(i64),
    /// A floating-point number.
    Float(f32),
    /// A string.
    Text(String),
    /// A list of floating-point numbers.
    Floats(Vec<f32>),
    /// A list of integers.
    Ints(Vec<i64>),
    /// A list of strings.
    Texts(Vec<String>),
    /// A constant.
    Tensor(Tensor<'b>),
    /// Any other type.
    Other,
}

impl Attribute<'static> {
    /// Sizes as integers.
    pub fn sizes(list: impl IntoIterator<Item = usize>) -> Self {
        Self::Ints(list.into_iter().map(|n| i64::try_from(n).unwrap_or(i64::MAX)).collect())
    }
}

/// A constant: its sizes, its element type, and its little-endian numbers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tensor<'b> {
    pub(crate) dims: Vec<usize>,
    pub(crate) kind: i64,
    pub(crate) data: Cow<'b, [u8]>,
}

pub(crate) const FLOAT: i64 = 1;
pub(crate) const INT32: i64 = 6;
pub(crate) const INT64: i64 = 7;
pub(crate) const TEXT: i64 = 8;
pub(crate) const BOOL: i64 = 9;

impl Tensor<'static> {
    /// Floating-point numbers of this shape.
    pub fn floats(dims: &[usize], numbers: impl IntoIterator<Item = f32>) -> Self {
        let data = numbers.into_iter().flat_map(f32::to_le_bytes).collect();
        Self { dims: dims.to_vec(), kind: FLOAT, data }
    }

    /// Integers of this shape.
    pub fn ints(dims: &[usize], numbers: &[i64]) -> Self {
        Self { dims: dims.to_vec(), kind: INT64, data: numbers.iter().flat_map(|x| x.to_le_bytes()).collect() }
    }
}

/// The ONNX graph of a network being exported, as one layer or join sees it: its input values, its parameters, and the
/// operators so far.
///
/// A layer adds operators with [`then`](Self::then), each of which takes the current value and computes the next one:
///
/// ```
/// use neuropil::layer::{Backward, Layer, Pass};
/// use neuropil::prelude::*;
/// use neuropil::spec::onnx::Operators;
///
/// #[derive(Debug, Clone)]
/// struct Half;
///
/// impl<A: Scalar> Layer<A> for Half {
///     fn output_shape(&self, input: Shape) -> Result<Shape> {
///         Ok(input)
///     }
///     fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, _: &mut Pass<'_>) -> Result<()> {
///         y.assign(&(x * A::of(0.5)));
///         Ok(())
///     }
///     fn backward(&self, at: Backward<'_, A>, _: &mut Pass<'_>) -> Result<()> {
///         if let Some(dx) = at.dx {
///             dx.assign(&(at.dy * A::of(0.5)));
///         }
///         Ok(())
///     }
///     fn onnx(&self, operators: &mut Operators) -> Result<()> {
///         let half = operators.number(0.5);
///         operators.then("Mul", &[&half], []);
///         Ok(())
///     }
/// }
/// ```
#[derive(Debug, Default)]
pub struct Operators {
    pub(crate) graph: Graph<'static>,
    /// The names and sample shapes of the layer's input values.
    inputs: Vec<(String, Shape)>,
    /// The current value.
    value: String,
    /// The prefix of the layer's parameter names: `2.`.
    prefix: String,
    parameters: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    values: usize,
    /// The lengths of sequences by the name of their value, and whether its layer has found them.
    lengths: BTreeMap<String, (String, bool)>,
    found: Option<String>,
    /// The positions of the steps of a value.
    positions: BTreeMap<String, String>,
    /// The values that are 0 in padding.
    pub(crate) cleared: BTreeSet<String>,
    /// Whether the operators are correct only for this number of steps.
    pub(crate) of_these_steps: bool,
}

impl Operators {
    /// Starts a layer with this prefix and these inputs; `visit` visits its parameters.
    pub(crate) fn begin<A: Scalar>(
        &mut self,
        prefix: &str,
        inputs: Vec<(String, Shape)>,
        visit: impl FnOnce(&mut dyn FnMut(&str, &[usize], &Array2<A>)),
    ) {
        self.parameters.clear();
        visit(&mut |name, dims, matrix| {
            let numbers = matrix.iter().map(|x| x.to_f64() as f32).collect();
            self.parameters.insert(name.to_owned(), (dims.to_vec(), numbers));
        });
        self.value = inputs.first().map(|(name, _)| name.clone()).unwrap_or_default();
        prefix.clone_into(&mut self.prefix);
        self.inputs = inputs;
    }

    /// The name of the current value: the layer's input until it adds an operator.
    pub fn value(&self) -> String {
        self.value.clone()
    }

    /// Sets the current value.
    pub fn set_value(&mut self, name: impl Into<String>) {
        self.value = name.into();
    }

    /// The lengths of the sequences in the value of this name, if known: (batch), as `f32`.
    pub fn lengths_of(&self, value: &str) -> Option<String> {
        self.lengths.get(value).map(|(lengths, _)| lengths.clone())
    }

    /// Sets the lengths of the sequences in the layer's output, (batch), as `f32`; see
    /// [`finds_lengths`](crate::layer::Layer::finds_lengths).
    pub fn set_found(&mut self, lengths: impl Into<String>) {
        self.found = Some(lengths.into());
    }

    /// Records the lengths of the output of the last layer: those that it has found, or else those of its inputs.
    pub(crate) fn pass_lengths_on(&mut self, takes: &[(String, Shape)], value: &str, output: Shape) {
        let known = takes.iter().find_map(|(value, _)| self.lengths_of(value)).map(|lengths| (lengths, false));
        let lengths = self.found.take().map(|lengths| (lengths, true)).or(known);
        if let (Some(lengths), Shape::Sequence { .. }) = (lengths, output) {
            self.lengths.insert(value.to_owned(), lengths);
        }
    }

    /// [`without_padding`](Self::without_padding) for an output of the network; the output of a layer that finds
    /// lengths keeps its own padding.
    pub(crate) fn as_output(&mut self, value: &str, shape: Shape) -> String {
        match self.lengths.get(value) {
            Some((_, false)) => self.without_padding(value, shape),
            _ => value.to_owned(),
        }
    }

    /// The name of this value with 0 in padding; itself if its lengths are not known.
    pub(crate) fn without_padding(&mut self, value: &str, shape: Shape) -> String {
        let known = self.lengths_of(value).filter(|_| !self.cleared.contains(value));
        let (Some(lengths), Shape::Sequence { .. }) = (known, shape) else { return value.to_owned() };
        let (seen, zero) = (self.before_padding(&lengths, value, false), self.number(0.0));
        let cleared = self.node("Where", &[&seen, value, &zero], []);
        self.lengths.insert(cleared.clone(), (lengths, false));
        self.cleared.insert(cleared.clone());
        cleared
    }

    /// Whether each step of `x` precedes the padding: (batch, steps, 1), or (batch, 1, 1, steps) for keys.
    pub(crate) fn before_padding(&mut self, lengths: &str, x: &str, keys: bool) -> String {
        let (alone, axes): (&[i64], &[i64]) = if keys { (&[0, 1, 1, 1], &[0, 1]) } else { (&[0, 1, 1], &[1]) };
        let (alone, axes, positions) = (self.integers(alone), self.integers(axes), self.positions(x));
        let lengths = self.node("Reshape", &[lengths, &alone], []);
        let positions = self.node("Unsqueeze", &[&positions, &axes], []);
        self.node("Less", &[&positions, &lengths], [])
    }

    /// The positions of the steps of `x`, (batch, steps, …), from 0: (steps), as `f32`.
    pub(crate) fn positions(&mut self, x: &str) -> String {
        if let Some(known) = self.positions.get(x) {
            return known.clone();
        }
        let steps = self.node("Shape", &[x], [("start", Attribute::Int(1)), ("end", Attribute::Int(2))]);
        let first = self.integers(&[0]);
        let steps = self.node("Squeeze", &[&steps, &first], []);
        let [zero, one] = [0, 1].map(|n| self.unnamed(Tensor::ints(&[], &[n])));
        let positions = self.node("Range", &[&zero, &steps, &one], []);
        let positions = self.node("Cast", &[&positions], [("to", Attribute::Int(FLOAT))]);
        self.positions.insert(x.to_owned(), positions.clone());
        positions
    }

    /// Marks the operators of this layer as correct only for this number of steps.
    ///
    /// This is not needed if the operators or constants differ for longer sequences, such as a constant with an entry
    /// for each step: the network is also exported for many more steps, and its file allows any number of steps only if
    /// both exports are the same.
    pub fn keep_steps(&mut self) {
        self.of_these_steps = true;
    }

    /// The sample shape of the layer's input.
    pub fn input(&self) -> Shape {
        self.inputs.first().map_or(Shape::Flat(0), |(_, shape)| *shape)
    }

    /// The names and sample shapes of a join's input values.
    pub fn inputs(&self) -> &[(String, Shape)] {
        &self.inputs
    }

    /// Adds an operator, and returns the name of its output.
    pub fn node<const N: usize>(
        &mut self,
        op: &str,
        inputs: &[&str],
        attributes: [(&str, Attribute<'static>); N],
    ) -> String {
        let output = self.new_value();
        self.graph.nodes.push(Node {
            op: op.to_owned(),
            domain: String::new(),
            inputs: inputs.iter().map(|&input| input.to_owned()).collect(),
            outputs: vec![output.clone()],
            attributes: attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        });
        output
    }

    /// Adds an operator with the current value and `rest` as inputs, and makes its output the current value.
    pub fn then<const N: usize>(&mut self, op: &str, rest: &[&str], attributes: [(&str, Attribute<'static>); N]) {
        let value = self.value();
        let inputs: Vec<&str> = std::iter::once(&*value).chain(rest.iter().copied()).collect();
        self.value = self.node(op, &inputs, attributes);
    }

    /// Adds a second output to the last operator, and returns its name.
    pub fn second_output(&mut self) -> String {
        let output = self.new_value();
        if let Some(node) = self.graph.nodes.last_mut() {
            node.outputs.push(output.clone());
        }
        output
    }

    /// Adds a constant named after a parameter of this layer, and returns its name. A layer that is used in several
    /// steps shares it; a different constant of the same name gets a number.
    pub fn constant(&mut self, name: &str, tensor: Tensor<'static>) -> String {
        let first = format!("{}{name}", self.prefix);
        let mut name = first.clone();
        for number in 2.. {
            match self.graph.constants.iter().find(|(other, _)| *other == name) {
                None => break,
                Some((_, other)) if *other == tensor => return name,
                Some(_) => name = format!("{first}_{number}"),
            }
        }
        self.graph.constants.push((name.clone(), tensor));
        name
    }

    /// Adds a constant that is not named after a parameter, and returns its name.
    pub fn unnamed(&mut self, tensor: Tensor<'static>) -> String {
        let name = self.new_name('c');
        self.graph.constants.push((name.clone(), tensor));
        name
    }

    /// Adds a scalar constant.
    pub fn number(&mut self, x: f64) -> String {
        self.unnamed(Tensor::floats(&[], [x as f32]))
    }

    /// Adds a constant list of integers, such as the shape for `Reshape`.
    pub fn integers(&mut self, list: &[i64]) -> String {
        self.unnamed(Tensor::ints(&[list.len()], list))
    }

    /// The shape of a parameter of this layer, before flattening to a matrix, and its values.
    ///
    /// # Errors
    /// [`Error::Format`] if there is no parameter with this name.
    pub fn parameter(&self, name: &str) -> Result<(Vec<usize>, Vec<f32>)> {
        self.parameters.get(name).cloned().ok_or_else(|| Error::Format {
            what: format!("the layer {}", self.prefix),
            problem: format!("it has no parameter `{name}`"),
        })
    }

    /// Whether the layer has a parameter with this name.
    pub fn has(&self, name: &str) -> bool {
        self.parameters.contains_key(name)
    }

    /// Adds a parameter of this layer as a constant, with the sizes `dims` if given.
    ///
    /// # Errors
    /// As [`parameter`](Self::parameter).
    pub fn parameter_constant(&mut self, name: &str, dims: Option<&[usize]>) -> Result<String> {
        let (own, numbers) = self.parameter(name)?;
        Ok(self.constant(name, Tensor::floats(dims.unwrap_or(&own), numbers)))
    }

    /// The shape in which one number per channel broadcasts: \[c\], or [c, 1, 1] for an image.
    pub(crate) fn per_channel(&self, count: usize) -> Vec<usize> {
        match self.input() {
            Shape::Image { .. } if count > 1 => vec![count, 1, 1],
            _ => vec![count],
        }
    }

    /// Reshapes the current value, unless it has this shape already.
    pub(crate) fn reshape(&mut self, from: Shape, to: Shape) {
        if dims(from) != dims(to) {
            // 0 keeps the batch size.
            let sizes: Vec<i64> = std::iter::once(0).chain(dims(to).into_iter().map(|n| n as i64)).collect();
            let sizes = self.integers(&sizes);
            self.then("Reshape", &[&sizes], []);
        }
    }

    fn new_value(&mut self) -> String {
        self.new_name('v')
    }

    /// A name that is not taken by any value, input or output.
    fn new_name(&mut self, letter: char) -> String {
        loop {
            self.values += 1;
            let name = format!("{letter}{}", self.values);
            if !self.graph.inputs.iter().chain(&self.graph.outputs).any(|port| port.name == name) {
                return name;
            }
        }
    }
}

/// The axis of features or channels; the batch is axis 0.
pub(crate) fn channel_axis(shape: Shape) -> i64 {
    if matches!(shape, Shape::Sequence { .. }) { 2 } else { 1 }
}

/// The sizes of a sample.
pub(crate) fn dims(shape: Shape) -> Vec<usize> {
    shape.with_sizes(<[usize]>::to_vec)
}
