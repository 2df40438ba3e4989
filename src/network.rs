//! [`Sequential`]: layers in a chain, checked as they are put together.

use std::any::TypeId;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::{Array1, Array2, Axis, aview1};
use rand::Rng;
use rand::rngs::Xoshiro256PlusPlus;

use crate::activations::Activation;
use crate::error::check_setting;
use crate::kernels::resize;
use crate::layers::{Backward, Cache, Dense, Info, Layer, Pass};
use crate::spec::{Parts, Spec};
use crate::{Error, Matrix, Result, Scalar, Shape, rng};

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
    input: Shape,
    output: Shape,
    nodes: Vec<Node<A>>,
    /// Clones share it until one of them gets another layer.
    id: usize,
}

/// A layer in its place.
#[derive(Clone)]
struct Node<A: Scalar> {
    layer: Box<dyn Layer<A>>,
    input: Shape,
    /// How many trainable parameters it has, each with a slot for its gradient.
    slots: usize,
    /// Its learning rate as a multiple of the optimizer's.
    rate: f64,
}

impl<A: Scalar> Node<A> {
    /// Whether training changes it.
    fn learns(&self) -> bool {
        self.slots > 0 && self.rate > 0.0
    }
}

impl<A: Scalar> Sequential<A> {
    /// A chain without layers yet, for samples of this shape.
    pub fn new(input: impl Into<Shape>) -> Self {
        let input = input.into();
        Self { input, output: input, nodes: Vec::new(), id: 0 }
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
        let output = layer.output_shape(self.output).map_err(|error| error.at(self.nodes.len()))?;
        let mut slots = 0;
        layer.visit(&mut |info, _| slots += usize::from(info.role.is_trainable()));
        self.nodes.push(Node { layer, input: self.output, slots, rate: 1.0 });
        self.output = output;
        self.id = next_id();
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
        self.input
    }

    /// The shape of a sample that comes out.
    pub fn output(&self) -> Shape {
        self.output
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
        let Some(node) = self.nodes.get_mut(index) else {
            let (what, wants) = ("the index of a layer", "below the number of layers");
            return Err(Error::Setting { what: what.into(), wants, got: index as f64 });
        };
        node.rate = rate;
        self.id = next_id();
        Ok(())
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
        if x.ncols() != self.input.len() {
            return Err(Error::Width { wants: self.input, got: x.ncols() });
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
        resize(output, x.nrows(), self.output.len());
        // Some rows at a time, whose values between the layers stay in the cache; no sample depends on another.
        let rows = (NUMBERS / x.ncols().max(1)).max(1);
        for (x, mut y) in x.axis_chunks_iter(Axis(0), rows).zip(output.axis_chunks_iter_mut(Axis(0), rows)) {
            let mut pass = Pass { training: false, input: self.input, cache, rng };
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

/// What a chain keeps on a tape.
struct State<A: Scalar> {
    /// The output of each layer but the last when training; two to alternate between when predicting.
    outputs: Vec<Array2<A>>,
    /// dL/d(output) of each layer but the last.
    gradients: Vec<Array2<A>>,
    caches: Vec<Cache>,
    /// The chain that filled this.
    id: usize,
}

impl<A: Scalar> Default for State<A> {
    fn default() -> Self {
        Self { outputs: Vec::new(), gradients: Vec::new(), caches: Vec::new(), id: 0 }
    }
}

impl<A: Scalar> Layer<A> for Sequential<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        if self.nodes.is_empty() {
            return Err(Error::Empty);
        }
        if input.len() != self.input.len() {
            return Err(Error::Input {
                layer: format!("{self:?}"),
                wants: format!("{} features a sample", self.input),
                got: input,
            });
        }
        Ok(self.output)
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let state = pass.cache.get::<State<A>>();
        let Some(last) = self.nodes.len().checked_sub(1) else { return Err(Error::Empty) };
        if pass.training {
            self.check_trainable()?;
        }
        let buffers = if pass.training { last } else { last.min(2) };
        state.outputs.resize_with(buffers.max(state.outputs.len()), || Array2::default((0, 0)));
        state.caches.resize_with(self.nodes.len(), Cache::default);
        state.id = self.id;
        for (i, node) in self.nodes.iter().enumerate() {
            let pass =
                &mut Pass { training: pass.training, input: node.input, cache: &mut state.caches[i], rng: pass.rng };
            // The buffer before the layer and the one after it; the chain's own x and y at the ends.
            let (before, after) = if pass.training { (i.wrapping_sub(1), i) } else { ((i + 1) % 2, i % 2) };
            let after = if i < last { Some(after) } else { None };
            if let Some(after) = after {
                resize(&mut state.outputs[after], x.nrows(), self.nodes[i + 1].input.len());
            }
            let result = match (i, after) {
                (0, None) => node.layer.forward(x, y, pass),
                (0, Some(after)) => node.layer.forward(x, &mut state.outputs[after], pass),
                (_, None) => node.layer.forward(&state.outputs[before], y, pass),
                (_, Some(after)) => {
                    let [x, y] = state.outputs.get_disjoint_mut([before, after]).expect("two different buffers");
                    node.layer.forward(x, y, pass)
                }
            };
            result.map_err(|error| error.at(i))?;
        }
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) {
        let state = pass.cache.get::<State<A>>();
        let Backward { x, y, dy, mut dx, mut dw } = at;
        if state.id != self.id || self.nodes.is_empty() {
            // Not the chain of the forward pass. A tape does not let it come to this; there is no gradient.
            for dw in dw {
                dw.fill(A::NAN);
            }
            if let Some(dx) = dx {
                dx.fill(A::NAN);
            }
            return;
        }
        let last = self.nodes.len() - 1;
        state.gradients.resize_with(last, || Array2::default((0, 0)));
        // Without dx, nothing before the first parameter that learns is of interest.
        let first = if dx.is_some() { 0 } else { self.nodes.iter().position(Node::learns).unwrap_or(last + 1) };
        for (i, node) in self.nodes.iter().enumerate().skip(first).rev() {
            let (rest, own) = dw.split_at_mut(dw.len() - node.slots);
            dw = rest;
            // What is before the layer and what is after it; the chain's own matrices at the ends.
            let (before, after) = state.gradients.split_at_mut(i);
            let at = Backward {
                x: if i == 0 { x } else { &state.outputs[i - 1] },
                y: if i == last { y } else { &state.outputs[i] },
                dy: if i == last { dy } else { &after[0] },
                dx: match before.last_mut() {
                    None => dx.as_deref_mut(),
                    Some(_) if i == first => None,
                    Some(dx) => {
                        resize(dx, x.nrows(), node.input.len());
                        Some(&mut *dx)
                    }
                },
                dw: own,
            };
            let cache = &mut state.caches[i];
            node.layer.backward(at, &mut Pass { training: pass.training, input: node.input, cache, rng: pass.rng });
        }
        for dw in dw.iter_mut() {
            dw.fill(A::ZERO);
        }
    }

    fn visit(&self, f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {
        for (i, node) in self.nodes.iter().enumerate() {
            node.layer.visit(&mut |info, matrix| f(Info { name: &format_args!("{i}.{}", info.name), ..info }, matrix));
        }
    }

    fn visit_mut(&mut self, f: &mut dyn FnMut(Info<'_>, &mut Array2<A>)) {
        for (i, node) in self.nodes.iter_mut().enumerate() {
            node.layer.visit_mut(&mut |info, matrix| {
                let dim = matrix.dim();
                f(Info { name: &format_args!("{i}.{}", info.name), ..info }, matrix);
                keep_form(matrix, dim);
            });
        }
    }

    fn update_statistics(&mut self, cache: &mut Cache) {
        let state = cache.get::<State<A>>();
        for (node, cache) in self.nodes.iter_mut().zip(&mut state.caches) {
            if node.rate > 0.0 {
                node.layer.update_statistics(cache);
            }
        }
    }

    fn scale_rates(&self, mut rates: &mut [f64]) {
        for node in &self.nodes {
            let (own, rest) = rates.split_at_mut(node.slots);
            node.layer.scale_rates(own);
            for rate in own.iter_mut() {
                *rate *= node.rate;
            }
            rates = rest;
        }
    }

    fn multiply_adds(&self, _: Shape) -> u64 {
        self.nodes.iter().map(|node| node.layer.multiply_adds(node.input)).sum()
    }

    fn differentiable(&self) -> bool {
        self.nodes.iter().all(|node| node.layer.differentiable())
    }

    fn spec(&self) -> Option<Spec> {
        let layers: Option<Vec<Spec>> = self.nodes.iter().map(|node| node.layer.spec()).collect();
        let rates: Vec<f64> = self.nodes.iter().map(|node| node.rate).collect();
        Some(Spec::new("sequential").set("input", self.input).set("layers", layers?).set("rates", rates))
    }

    fn identity(&self) -> (TypeId, usize) {
        (TypeId::of::<Self>(), self.id)
    }
}

/// A number that no chain had before.
fn next_id() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Undoes what a visitor must not do to a parameter: the layers were checked for its size, and it is read row by row.
fn keep_form<A: Scalar>(matrix: &mut Array2<A>, dim: (usize, usize)) {
    if matrix.dim() != dim {
        *matrix = Array2::from_elem(dim, A::NAN);
    } else if !matrix.is_standard_layout() {
        *matrix = matrix.as_standard_layout().into_owned();
    }
}

impl<A: Scalar> Sequential<A> {
    /// The output of each layer but the last, and the gradient of the loss by it, as the last training step left them.
    pub(crate) fn between<'c>(&self, cache: &'c mut Cache) -> (&'c [Array2<A>], &'c [Array2<A>]) {
        let State { outputs, gradients, .. } = cache.get::<State<A>>();
        let count = self.nodes.len().saturating_sub(1);
        (&outputs[..count.min(outputs.len())], &gradients[..count.min(gradients.len())])
    }

    /// The error if a layer would have to learn through one without a useful gradient.
    fn check_trainable(&self) -> Result<()> {
        let mut learns = false;
        for (i, node) in self.nodes.iter().enumerate() {
            if learns && !node.layer.differentiable() {
                return Err(Error::NotDifferentiable { layer: format!("{:?}", node.layer) }.at(i));
            }
            // Inside a chain in this chain, it is that one's own check.
            learns |= node.learns();
        }
        Ok(())
    }
}

impl<A: Scalar> fmt::Debug for Sequential<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sequential({} -> {}, {} layers)", self.input, self.output, self.nodes.len())
    }
}

/// A table: each layer, the shape of a sample after it, and how many parameters it has.
impl<A: Scalar> fmt::Display for Sequential<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = vec![["layer".to_owned(), "output".to_owned(), "parameters".to_owned()]];
        let outputs = self.nodes.iter().skip(1).map(|node| node.input).chain([self.output]);
        lines.push(["input".to_owned(), self.input.to_string(), String::new()]);
        for (i, (node, output)) in self.nodes.iter().zip(outputs).enumerate() {
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
