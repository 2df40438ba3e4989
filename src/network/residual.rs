//! [`Residual`]: adds a layer's output to its input.

use std::any::TypeId;
use std::fmt;

use ndarray::Array2;

use super::nodes::Op;
use super::{Network, Value};
use crate::joins::Add;
use crate::layer::boxed::delegate_layer;
use crate::layer::{Backward, Cache, Info, Layer, Needs, Parts, Pass, Restore, Steps};
use crate::spec::Spec;
use crate::{Error, Matrix, Result, Scalar, Shape};

/// A residual block, y = x + f(x), or y = p(x) + f(x) with a projection p (He, Zhang, Ren and Sun, 2016).
///
/// The gradient also flows through the shortcut, dx = dy + df, where df is the gradient through f; so deep stacks of
/// such blocks can be trained. f and p are any layers, often a [`Sequential`](crate::Sequential). f(x) has the shape of
/// x, or of p(x). The parameters are named `body.…` and `projection.…`.
///
/// It is a small [`Network`] that accepts samples of any shape.
///
/// # Errors
/// In a network: [`Error::Input`](crate::Error::Input) when the output shape of f is not that of x or p; errors of f
/// and p.
///
/// ```
/// use neuropil::prelude::*;
///
/// let rng = &mut rng(1);
/// let block = Residual::new(Sequential::mlp(&[8, 16, 8], Relu, rng)?);
/// let wider = Residual::new(Dense::new(8, 12, rng)).projection(Dense::new(8, 12, rng).without_bias());
/// let network = Sequential::<f32>::new(8).with(block)?.with(wider)?;
/// assert_eq!(network.output(), Shape::Flat(12));
/// assert_eq!(network.parameter("0.body.0.weight").unwrap().dim(), (8, 16));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct Residual<A: Scalar>(Network<A>);

impl<A: Scalar> Residual<A> {
    /// Creates a block that adds its input to the output of `body`.
    pub fn new(body: impl Layer<A>) -> Self {
        Self::of(Box::new(body), None)
    }

    /// Replaces the shortcut by `projection` of the input.
    #[must_use]
    pub fn projection(self, projection: impl Layer<A>) -> Self {
        let body = self.0.into_layers().swap_remove(0);
        Self::of(body, Some(Box::new(projection)))
    }

    fn of(body: Box<dyn Layer<A>>, projection: Option<Box<dyn Layer<A>>>) -> Self {
        let (mut g, x) = Network::open();
        let mut part = |name: &str, layer| g.grow(name, layer, x);
        let body = part("body", body);
        let around = projection.map_or(x, |projection| part("projection", projection));
        let sum = g.join(Add, [around, body]).expect("values of its own, whose shapes are not known yet");
        g.rename(g.nodes.len() - 1, "sum").expect("a new name");
        g.output("y", sum).expect("its only output");
        Self(g)
    }

    /// f, or p if there is one.
    fn part(&self, index: usize) -> Option<&dyn Layer<A>> {
        self.0.layers().nth(index)
    }

    pub(super) fn network(&self) -> &Network<A> {
        &self.0
    }
}

impl<A: Scalar> Network<A> {
    /// Its layers, each once.
    pub(super) fn into_layers(self) -> Vec<Box<dyn Layer<A>>> {
        let layers = self.nodes.into_iter();
        layers.filter_map(|node| if let Op::Layer(layer) = node.op { Some(layer) } else { None }).collect()
    }

    /// Adds a named step to a network of unknown shapes, which cannot fail: the network around it checks the layer.
    pub(super) fn grow(&mut self, name: &str, layer: Box<dyn Layer<A>>, value: Value) -> Value {
        let node = self.take(self.nodes.len().to_string(), Op::layer(layer)).node;
        let value = self.connect(node, &[value]).expect("a value of its own, whose shape is not known yet");
        self.rename(self.nodes.len() - 1, name).expect("a new name");
        value
    }
}

impl<A: Scalar> Layer<A> for Residual<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        self.0.output_shape(input).map_err(|error| match error.of_join("sum", &self) {
            Error::Input { layer, got, .. } => {
                let wants = match self.part(1).map(|projection| projection.output_shape(input)) {
                    Some(Ok(shape)) => format!("a body that returns the projection's shape, {shape}"),
                    _ => format!("a body that returns the input's shape, {input} (or set a `projection`)"),
                };
                Error::Input { layer, wants, got }
            }
            error => error,
        })
    }

    delegate_layer!(A, self => self.0);

    fn spec(&self) -> Option<Spec> {
        let parts = self.0.layers().map(Layer::spec).collect::<Option<Vec<_>>>()?;
        let named = ["body", "projection"].into_iter().zip(parts);
        Some(named.fold(Spec::new("residual"), |all, (name, spec)| all.set(name, spec)))
    }
}

impl<A: Scalar> Restore<A> for Residual<A> {
    const KIND: &'static str = "residual";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let spec = parts.spec();
        let mut part = |name: &str| parts.layer(name, spec.layer(name)?).map_err(|error| error.at(name));
        let body = part("body")?;
        let projection = if spec.get("projection").is_some() { Some(part("projection")?) } else { None };
        Ok(Self::of(body, projection))
    }
}

impl<A: Scalar> fmt::Debug for Residual<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Residual(")?;
        self.part(0).map_or(Ok(()), |body| write!(f, "{body:?}"))?;
        self.part(1).map_or(Ok(()), |projection| write!(f, ", projection {projection:?}"))?;
        f.write_str(")")
    }
}
