//! The operators of ONNX as plain data: [`Operators`], to which each layer adds its own.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ndarray::Array2;

use crate::{Error, Result, Scalar, Shape};

/// A graph of operators with its constants.
#[derive(Debug, Default)]
pub(crate) struct Graph<'b> {
    pub(crate) nodes: Vec<Node<'b>>,
    pub(crate) constants: Vec<(String, Tensor<'b>)>,
    pub(crate) inputs: Vec<Port>,
    pub(crate) outputs: Vec<Port>,
}

/// The name, the type and the sizes of an input or output; `None` for the batch and others that are not fixed.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) name: String,
    /// The number of the type of its numbers.
    pub(crate) kind: i64,
    pub(crate) dims: Vec<Option<usize>>,
}

/// An operator in its place.
#[derive(Debug, Default)]
pub(crate) struct Node<'b> {
    pub(crate) op: String,
    /// Where it comes from, if it is none of ONNX's own.
    pub(crate) domain: String,
    pub(crate) inputs: Vec<String>,
    pub(crate) outputs: Vec<String>,
    pub(crate) attributes: Vec<(String, Attribute<'b>)>,
}

/// A setting of an operator.
#[derive(Debug)]
#[non_exhaustive]
pub enum Attribute<'b> {
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f32),
    /// A word.
    Text(String),
    /// Numbers.
    Floats(Vec<f32>),
    /// Whole numbers.
    Ints(Vec<i64>),
    /// Words.
    Texts(Vec<String>),
    /// A constant.
    Tensor(Tensor<'b>),
    /// One of another type.
    Other,
}

impl Attribute<'static> {
    /// Sizes as whole numbers.
    pub fn sizes(list: impl IntoIterator<Item = usize>) -> Self {
        Self::Ints(list.into_iter().map(|n| i64::try_from(n).unwrap_or(i64::MAX)).collect())
    }
}

/// A constant: its sizes, the number of its type, and its numbers in little-endian order.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor<'b> {
    pub(crate) dims: Vec<usize>,
    pub(crate) kind: i64,
    pub(crate) data: Cow<'b, [u8]>,
}

pub(crate) const FLOAT: i64 = 1;
pub(crate) const INT32: i64 = 6;
pub(crate) const INT64: i64 = 7;

impl Tensor<'static> {
    /// Numbers of this shape.
    pub fn floats(dims: &[usize], numbers: impl IntoIterator<Item = f32>) -> Self {
        let data = numbers.into_iter().flat_map(f32::to_le_bytes).collect();
        Self { dims: dims.to_vec(), kind: FLOAT, data }
    }

    /// Whole numbers of this shape.
    pub fn ints(dims: &[usize], numbers: &[i64]) -> Self {
        Self { dims: dims.to_vec(), kind: INT64, data: numbers.iter().flat_map(|x| x.to_le_bytes()).collect() }
    }
}

/// The operators of a network that is being written, from the point of view of one layer or join: the values that it
/// takes, its parameters, and the graph so far.
///
/// A layer adds operators with [`then`](Self::then), each of which takes the current value and makes the next one:
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
    /// The names of the values that the layer takes, and the shape of a sample of each.
    inputs: Vec<(String, Shape)>,
    /// The current value.
    value: String,
    /// The layer's place in the network, as in the names of its parameters: `2.`.
    place: String,
    parameters: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    values: usize,
}

impl Operators {
    /// Starts a layer: where it is, what it takes, and its parameters, shown by `visit`.
    pub(crate) fn begin<A: Scalar>(
        &mut self,
        place: &str,
        inputs: Vec<(String, Shape)>,
        visit: impl FnOnce(&mut dyn FnMut(&str, &[usize], &Array2<A>)),
    ) {
        self.parameters.clear();
        visit(&mut |name, dims, matrix| {
            let numbers = matrix.iter().map(|x| x.to_f64() as f32).collect();
            self.parameters.insert(name.to_owned(), (dims.to_vec(), numbers));
        });
        self.value = inputs.first().map(|(name, _)| name.clone()).unwrap_or_default();
        place.clone_into(&mut self.place);
        self.inputs = inputs;
    }

    /// The name of the current value: the layer's input until it adds an operator.
    pub fn value(&self) -> String {
        self.value.clone()
    }

    /// Makes another value the current one.
    pub fn set_value(&mut self, name: impl Into<String>) {
        self.value = name.into();
    }

    /// The shape of a sample of the layer's input.
    pub fn input(&self) -> Shape {
        self.inputs.first().map_or(Shape::Flat(0), |(_, shape)| *shape)
    }

    /// The names of the values that a join takes, and the shape of a sample of each.
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

    /// Adds an operator that takes the current value and these others, and makes its output the current one.
    pub fn then<const N: usize>(&mut self, op: &str, rest: &[&str], attributes: [(&str, Attribute<'static>); N]) {
        let value = self.value();
        let inputs: Vec<&str> = std::iter::once(&*value).chain(rest.iter().copied()).collect();
        self.value = self.node(op, &inputs, attributes);
    }

    /// Gives the last operator a second output, and returns its name.
    pub fn second_output(&mut self) -> String {
        let output = self.new_value();
        if let Some(node) = self.graph.nodes.last_mut() {
            node.outputs.push(output.clone());
        }
        output
    }

    /// Adds a constant that is named after a parameter of this layer, and returns its name. A layer at several places has
    /// it once; what is another one at another place gets a number, too.
    pub fn constant(&mut self, name: &str, tensor: Tensor<'static>) -> String {
        let first = format!("{}{name}", self.place);
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

    /// Adds a constant that is no parameter, and returns its name.
    pub fn unnamed(&mut self, tensor: Tensor<'static>) -> String {
        let name = self.new_name('c');
        self.graph.constants.push((name.clone(), tensor));
        name
    }

    /// A constant that is one number.
    pub fn number(&mut self, x: f64) -> String {
        self.unnamed(Tensor::floats(&[], [x as f32]))
    }

    /// A constant list of whole numbers, such as the sizes that `Reshape` takes.
    pub fn integers(&mut self, list: &[i64]) -> String {
        self.unnamed(Tensor::ints(&[list.len()], list))
    }

    /// The true shape and the numbers of a parameter of this layer.
    ///
    /// # Errors
    /// [`Error::Format`] if it has none of this name.
    pub fn parameter(&self, name: &str) -> Result<(Vec<usize>, Vec<f32>)> {
        self.parameters.get(name).cloned().ok_or_else(|| Error::Format {
            what: format!("the layer {}", self.place),
            problem: format!("it has no parameter `{name}`"),
        })
    }

    /// Whether the layer has a parameter of this name.
    pub fn has(&self, name: &str) -> bool {
        self.parameters.contains_key(name)
    }

    /// A parameter of this layer as a constant of this shape, or of its own.
    ///
    /// # Errors
    /// As [`parameter`](Self::parameter).
    pub fn parameter_constant(&mut self, name: &str, dims: Option<&[usize]>) -> Result<String> {
        let (own, numbers) = self.parameter(name)?;
        Ok(self.constant(name, Tensor::floats(dims.unwrap_or(&own), numbers)))
    }

    /// The sizes that let one number per channel broadcast over all of its channel: \[c\], or [c, 1, 1] in an image.
    pub(crate) fn per_channel(&self, count: usize) -> Vec<usize> {
        match self.input() {
            Shape::Image { .. } if count > 1 => vec![count, 1, 1],
            _ => vec![count],
        }
    }

    /// Gives the current value another shape.
    pub(crate) fn reshape(&mut self, from: Shape, to: Shape) {
        if dims(from) != dims(to) {
            // 0 keeps the size of the batch.
            let sizes: Vec<i64> = std::iter::once(0).chain(dims(to).into_iter().map(|n| n as i64)).collect();
            let sizes = self.integers(&sizes);
            self.then("Reshape", &[&sizes], []);
        }
    }

    fn new_value(&mut self) -> String {
        self.new_name('v')
    }

    /// A name that nothing has yet, also no input or output.
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

/// The axis of features or channels, with the batch as axis 0.
pub(crate) fn channel_axis(shape: Shape) -> i64 {
    if matches!(shape, Shape::Sequence { .. }) { 2 } else { 1 }
}

/// The sizes of a sample.
pub(crate) fn dims(shape: Shape) -> Vec<usize> {
    shape.with_sizes(<[usize]>::to_vec)
}
