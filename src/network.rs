//! [`Sequential`]: layers in a chain, checked as they are put together.

use std::fmt;

use ndarray::{Array1, Array2, Axis, aview1};
use rand::Rng;
use rand::rngs::Xoshiro256PlusPlus;

use crate::activations::Activation;
use crate::error::check_setting;
use crate::kernels::resize;
use crate::layers::{Cache, Dense, Layer, Pass};
use crate::spec::Parts;
use crate::{Error, Matrix, Result, Scalar, Shape, rng};

mod chain;
pub(crate) mod fork;
pub(crate) mod nodes;

use nodes::Nodes;

/// About so many input numbers are predicted from at a time: enough for several threads, and few enough for the caches.
const NUMBERS: usize = 1 << 20;

/// Layers in a chain: the output of each is the input of the next.
///
/// The chain knows the shape of its samples and checks each layer as it is added. It is a [`Layer`] itself, so networks
/// nest. Predicting changes nothing in it: any number of threads may share one `&network`.
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
pub struct Sequential<A: Scalar> {
    nodes: Nodes<A>,
    /// The shape of a sample before each layer, and after the last.
    shapes: Vec<Shape>,
}

impl<A: Scalar> Sequential<A> {
    /// A chain without layers yet, for samples of this shape.
    pub fn new(input: impl Into<Shape>) -> Self {
        Self { nodes: Nodes::new(), shapes: vec![input.into()] }
    }

    /// A multi-layer perceptron: dense layers of these sizes, with `activation` between them.
    ///
    /// After the last dense layer comes nothing, so the network gives logits or plain values; add a layer where
    /// outputs should be probabilities.
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
    #[allow(clippy::needless_pass_by_value)] // As every layer, it moves in.
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

    /// The chain with one more layer at its end.
    ///
    /// # Errors
    /// When the layer cannot take what the chain gives; the text names the layer, its position, and both shapes.
    pub fn with(mut self, layer: impl Layer<A> + 'static) -> Result<Self> {
        self.push(layer)?;
        Ok(self)
    }

    /// Adds a layer at the end.
    ///
    /// # Errors
    /// When the layer cannot take what the chain gives; the chain stays as it was.
    pub fn push(&mut self, layer: impl Layer<A> + 'static) -> Result<()> {
        self.push_boxed(Box::new(layer))
    }

    fn push_boxed(&mut self, layer: Box<dyn Layer<A>>) -> Result<()> {
        let index = self.nodes.len();
        let output = layer.output_shape(self.output()).map_err(|error| error.at(index))?;
        self.nodes.push(index.to_string(), layer);
        self.shapes.push(output);
        Ok(())
    }

    pub(crate) fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let spec = parts.spec();
        let (layers, rates) = (spec.layers("layers")?, spec.numbers("rates")?);
        if rates.len() != layers.len() {
            return Err(spec.problem(format!("{} rates for {} layers; give one for each", rates.len(), layers.len())));
        }
        let mut network = Self::new(spec.shape("input")?);
        for (i, (layer, rate)) in layers.into_iter().zip(rates).enumerate() {
            let layer = parts.layer(&i.to_string(), layer).map_err(|error| error.at(i))?;
            network.push_boxed(layer)?;
            network.set_layer_rate(i, rate)?;
        }
        Ok(network)
    }

    /// The shape of a sample that goes in.
    pub fn input(&self) -> Shape {
        self.shapes[0]
    }

    /// The shape of a sample that comes out.
    pub fn output(&self) -> Shape {
        self.shapes[self.nodes.len()]
    }

    /// The layers, from first to last.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = &dyn Layer<A>> {
        self.nodes.iter().map(|node| &*node.layer)
    }

    /// Lets layer `index` learn at `rate` times the optimizer's learning rate; at 0 it stays as it is.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let mut network = Sequential::<f64>::mlp(&[2, 4, 1], Tanh, &mut rng(7))?;
    /// network.set_layer_rate(2, 0.1)?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] for a layer that does not exist, and for a rate that is negative or not finite.
    pub fn set_layer_rate(&mut self, index: usize, rate: f64) -> Result<()> {
        check_setting("a layer's learning rate", rate, "at least 0 and finite", rate >= 0.0 && rate.is_finite())?;
        if self.nodes.set_rate(index, rate) {
            return Ok(());
        }
        let (what, wants) = ("the index of a layer", "below the number of layers");
        Err(Error::Setting { what: what.into(), wants, got: index as f64 })
    }

    /// Keeps the parameters and statistics of layer `index` as they are: `set_layer_rate(index, 0.0)`.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let (x, target) = (ndarray::array![[0.0, 1.0]], ndarray::array![[1.0]]);
    /// let mut network = Sequential::<f64>::mlp(&[2, 4, 1], Tanh, &mut rng(7))?;
    /// network.freeze(0)?;
    /// let before = network.clone();
    /// Tape::new(&network, 0).train(&mut network, &x, &target, &Mse, &mut Sgd::new(0.1))?;
    /// assert_eq!(network.parameter("0.weight"), before.parameter("0.weight"));
    /// assert_ne!(network.parameter("2.weight"), before.parameter("2.weight"));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] for a layer that does not exist.
    pub fn freeze(&mut self, index: usize) -> Result<()> {
        self.set_layer_rate(index, 0.0)
    }

    /// A copy of the parameter or statistic of this name, such as `2.weight`.
    pub fn parameter(&self, name: &str) -> Option<Array2<A>> {
        let mut found = None;
        self.visit(&mut |info, matrix| {
            if info.name.to_string() == name {
                found = Some(matrix.clone());
            }
        });
        found
    }

    /// How many numbers training can change.
    pub fn parameter_count(&self) -> usize {
        count_parameters(self)
    }

    /// The outputs for a batch, one row a sample.
    ///
    /// # Errors
    /// [`Error::Width`] when the rows are not of the network's input shape; [`Error::Empty`] without layers.
    pub fn predict(&self, x: &Matrix<A>) -> Result<Array2<A>> {
        let mut scratch = Scratch::default();
        self.predict_into(x, &mut scratch)?;
        Ok(scratch.output)
    }

    /// The outputs for one sample.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let network = Sequential::<f64>::mlp(&[3, 2], Tanh, &mut rng(1))?;
    /// assert_eq!(network.predict_one(&[1.0, 2.0, 3.0])?.len(), 2);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Width`] when the sample is not of the network's input shape; [`Error::Empty`] without layers.
    pub fn predict_one(&self, x: &[A]) -> Result<Array1<A>> {
        Ok(self.predict(&aview1(x).insert_axis(Axis(0)))?.into_flat())
    }

    /// The outputs for a batch, in memory that is kept for the next call: once the buffers have their size, a call
    /// allocates nothing.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let network = Sequential::<f64>::mlp(&[3, 2], Tanh, &mut rng(1))?;
    /// let mut scratch = Scratch::default();
    /// let y = network.predict_into(&ndarray::array![[1.0, 2.0, 3.0]], &mut scratch)?;
    /// assert_eq!(y.dim(), (1, 2));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Width`] when the rows are not of the network's input shape; [`Error::Empty`] without layers.
    pub fn predict_into<'s>(&self, x: &Matrix<A>, scratch: &'s mut Scratch<A>) -> Result<&'s Array2<A>> {
        if x.ncols() != self.input().len() {
            return Err(Error::Width { wants: self.input(), got: x.ncols() });
        }
        if self.nodes.is_empty() {
            return Err(Error::Empty);
        }
        let Scratch { input, output, cache, rng } = scratch;
        let x = if x.is_standard_layout() {
            x
        } else {
            resize(input, x.nrows(), x.ncols());
            input.assign(x);
            input
        };
        resize(output, x.nrows(), self.output().len());
        // Some rows at a time, whose values between the layers stay in the cache; no sample depends on another.
        let rows = (NUMBERS / x.ncols().max(1)).max(1);
        for (x, mut y) in x.axis_chunks_iter(Axis(0), rows).zip(output.axis_chunks_iter_mut(Axis(0), rows)) {
            let mut pass = Pass { training: false, input: self.input(), cache, rng };
            self.forward(&x, &mut y, &mut pass)?;
        }
        Ok(output)
    }
}

/// Memory for [`Sequential::predict_into`], one for each thread that predicts.
#[derive(Debug)]
pub struct Scratch<A: Scalar> {
    /// A row-major copy of the input, if it needs one.
    input: Array2<A>,
    output: Array2<A>,
    cache: Cache,
    rng: Xoshiro256PlusPlus,
}

impl<A: Scalar> Default for Scratch<A> {
    fn default() -> Self {
        Self { input: Array2::default((0, 0)), output: Array2::default((0, 0)), cache: Cache::default(), rng: rng(0) }
    }
}

/// How many numbers training can change in a layer or network.
pub(crate) fn count_parameters<A: Scalar>(layer: &dyn Layer<A>) -> usize {
    let mut count = 0;
    layer.visit(&mut |info, matrix| count += if info.role.is_trainable() { matrix.len() } else { 0 });
    count
}

impl<A: Scalar> fmt::Debug for Sequential<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sequential({} -> {}, {} layers)", self.input(), self.output(), self.nodes.len())
    }
}

/// A table: each layer, the shape of a sample after it, and how many parameters it has.
impl<A: Scalar> fmt::Display for Sequential<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = vec![["layer".to_owned(), "output".to_owned(), "parameters".to_owned()]];
        lines.push(["input".to_owned(), self.input().to_string(), String::new()]);
        for (i, (node, output)) in self.nodes.iter().zip(&self.shapes[1..]).enumerate() {
            let count = count_parameters(&*node.layer);
            lines.push([format!("{i} {:?}", node.layer), output.to_string(), count.to_string()]);
        }
        lines.push(["total".to_owned(), String::new(), self.parameter_count().to_string()]);
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let (layer, output, count) = (width(0), width(1), width(2));
        for [a, b, c] in &lines {
            writeln!(f, "{a:layer$}  {b:output$}  {c:>count$}")?;
        }
        Ok(())
    }
}
