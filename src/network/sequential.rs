//! [`Sequential`]: a network that is a chain.

use std::any::TypeId;
use std::fmt;
use std::ops::{Deref, DerefMut};

use ndarray::Array2;
use rand::Rng;

use super::{Network, Port, Value};
use crate::activations::Activation;
use crate::layer::boxed::delegate_layer;
use crate::layer::{Backward, Cache, Info, Layer, Needs, Parts, Pass, Restore, Steps};
use crate::layers::Dense;
use crate::spec::Spec;
use crate::{Error, Matrix, Result, Scalar, Shape};

/// A chain of layers: the output of each is the input of the next.
///
/// It is a [`Network`] and has all its methods; this type only makes chains easy to build. Each layer is checked
/// against the shape of its input as it is added.
///
/// ```
/// use neuropil::prelude::*;
///
/// let mut rng = rng(7);
/// let network = Sequential::<f32>::new(784)
///     .with(Dense::new(784, 128, &mut rng))?
///     .with(Tanh)?
///     .with(Dense::new(128, 10, &mut rng))?;
/// assert_eq!(network.output(), Shape::Flat(10));
/// assert_eq!(network.parameter_count(), 784 * 128 + 128 + 128 * 10 + 10);
/// println!("{network}"); // a table of the layers
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct Sequential<A: Scalar>(Network<A>);

impl<A: Scalar> Sequential<A> {
    /// Creates an empty chain for samples of the shape `input`.
    pub fn new(input: impl Into<Shape>) -> Self {
        let mut network = Network::new();
        let x = network.input("x", input);
        network.outputs.push(Port { name: "y".to_owned(), value: x.index });
        Self(network)
    }

    /// Creates a multi-layer perceptron: dense layers of these sizes, with `activation` between them.
    ///
    /// No activation follows the last dense layer, so the outputs are logits or plain values; add a layer where outputs
    /// should be probabilities.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let network = Sequential::<f64>::mlp(&[2, 4, 1], Sigmoid, &mut rng(3))?.with(Sigmoid)?;
    /// assert_eq!(network.parameter_count(), 17);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Empty`] for fewer than two sizes; [`Error::Layer`] for a size of 0.
    #[allow(clippy::needless_pass_by_value)] // By value, as all layers are passed.
    pub fn mlp(sizes: &[usize], activation: impl Activation, rng: &mut impl Rng) -> Result<Self> {
        let [input, _, ..] = *sizes else { return Err(Error::Empty) };
        let mut network = Self::new(input);
        for (i, pair) in sizes.windows(2).enumerate() {
            if i > 0 {
                network.push(activation.clone())?;
            }
            network.push(Dense::new(pair[0], pair[1], rng))?;
        }
        Ok(network)
    }

    /// Appends a layer.
    ///
    /// # Errors
    /// When the layer does not accept the chain's output; the message contains the layer, its position and both shapes.
    pub fn with(mut self, layer: impl Layer<A>) -> Result<Self> {
        self.push(layer)?;
        Ok(self)
    }

    /// Renames the last layer: see [`Network::rename`].
    ///
    /// # Errors
    /// [`Error::Empty`] without layers, and those of [`Network::rename`].
    pub fn named(mut self, name: &str) -> Result<Self> {
        let last = self.0.nodes.last().ok_or(Error::Empty)?.name.clone();
        self.0.rename(last, name)?;
        Ok(self)
    }

    /// Appends a layer in place.
    ///
    /// # Errors
    /// When the layer does not accept the chain's output; the chain is not changed.
    pub fn push(&mut self, layer: impl Layer<A>) -> Result<()> {
        let Some(end) = self.0.outputs.first().map(|port| port.value) else {
            return Err(self.0.problem("the chain", "it has no output to append to".to_owned()));
        };
        let value = self.0.add(Value { index: end, network: self.0.birth }, layer)?;
        self.0.outputs[0].value = value.index;
        Ok(())
    }

    /// The shape of an input sample.
    pub fn input(&self) -> Shape {
        self.0.input_shape()
    }

    /// The shape of an output sample.
    pub fn output(&self) -> Shape {
        self.0.prediction_shape()
    }

    /// Converts the chain into a [`Network`].
    pub fn into_network(self) -> Network<A> {
        self.0
    }
}

impl<A: Scalar> Network<A> {
    /// Whether the network is a chain: one input, one output, and each step takes the output of the one before.
    pub(crate) fn is_chain(&self) -> bool {
        let ([input], [output]) = (&*self.inputs, &*self.outputs) else { return false };
        let mut at = input.value;
        let chained = self.steps.iter().enumerate().all(|(i, step)| {
            let follows = step.takes == [at] && step.node == i && self.nodes[i].op.as_layer().is_some();
            at = step.gives;
            follows
        });
        chained && at == output.value && self.values[input.value].1.is_some()
    }
}

impl<A: Scalar> TryFrom<Network<A>> for Sequential<A> {
    type Error = Error;

    /// # Errors
    /// [`Error::Graph`] for a network that is not a chain.
    fn try_from(network: Network<A>) -> Result<Self> {
        if network.is_chain() {
            return Ok(Self(network));
        }
        Err(network.problem("the network", "it is a graph, not a chain; use it as a `Network`".to_owned()))
    }
}

impl<A: Scalar> From<Sequential<A>> for Network<A> {
    fn from(chain: Sequential<A>) -> Self {
        chain.0
    }
}

impl<A: Scalar> Deref for Sequential<A> {
    type Target = Network<A>;
    fn deref(&self) -> &Network<A> {
        &self.0
    }
}

impl<A: Scalar> DerefMut for Sequential<A> {
    fn deref_mut(&mut self) -> &mut Network<A> {
        &mut self.0
    }
}

impl<A: Scalar> Layer<A> for Sequential<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        self.0.output_shape(input)
    }

    delegate_layer!(A, self => self.0);

    fn spec(&self) -> Option<Spec> {
        self.0.spec()
    }
}

impl<A: Scalar> Restore<A> for Sequential<A> {
    const KIND: &'static str = "sequential";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let spec = parts.spec();
        let (layers, rates) = (spec.layers("layers")?, spec.numbers("rates")?);
        if rates.len() != layers.len() {
            return Err(spec.problem(format!("{} rates for {} layers; give one for each", rates.len(), layers.len())));
        }
        let names = if spec.get("names").is_some() { spec.texts("names")? } else { Vec::new() };
        let mut network = Self::new(spec.shape("input")?);
        for (i, (layer, rate)) in layers.into_iter().zip(rates).enumerate() {
            let name = names.get(i).cloned().unwrap_or_else(|| i.to_string());
            let layer = parts.layer(&name, layer).map_err(|error| error.at(&name))?;
            network.push(layer)?;
            if name != i.to_string() {
                network.set_name(i, &name)?;
            }
            network.set_layer_rate(&name, rate)?;
        }
        Ok(network)
    }
}

impl<A: Scalar> fmt::Debug for Sequential<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<A: Scalar> fmt::Display for Sequential<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
