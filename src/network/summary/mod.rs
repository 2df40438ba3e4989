//! [`Summary`]: the cost of a network, layer by layer.

use std::fmt::{self, Display};

use super::Network;
use super::steps::Source;
use crate::layer::Role;
use crate::text::{figures, table};
use crate::{Result, Scalar, Shape};

/// The cost of a network: output shapes, parameters, multiply-accumulates, and the memory of a training step.
///
/// It prints as a table, and draws the architecture in [DOT](Self::dot) and [SVG](Self::svg).
///
/// ```
/// use neuropil::prelude::*;
/// use neuropil::Summary;
///
/// let network = Sequential::<f32>::mlp(&[784, 128, 10], Relu, &mut rng(0))?;
/// let summary = Summary::new(&network, 64)?;
/// assert_eq!(summary.parameters(), 101_770);
/// assert_eq!(summary.multiply_adds(), 784 * 128 + 128 * 10);
/// assert_eq!(summary.parameter_bytes(), 4 * 101_770);
/// println!("{summary}");
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The shape of an input sample.
    pub input: Shape,
    /// The batch size.
    pub batch: usize,
    /// The bytes per number: 4 or 8.
    pub number: usize,
    /// The layers and joins in the order of computation.
    pub layers: Vec<LayerSummary>,
    /// Names and shapes; a chain has the input `input` and the output `output`.
    inputs: Vec<(String, Shape)>,
    outputs: Vec<(String, Source)>,
    is_chain: bool,
}

/// The cost of a layer or join in one of its steps.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerSummary {
    /// Its `Debug` text.
    pub name: String,
    /// The name of its step; in a chain, its position.
    step: String,
    /// Its inputs, and their names.
    sources: Vec<Source>,
    inputs_text: String,
    /// Whether its parameters are already counted at an earlier step.
    shared: bool,
    /// The shape of an output sample.
    pub output: Shape,
    /// The number of trainable parameters.
    pub parameters: usize,
    /// The number of running statistics.
    pub statistics: usize,
    /// The multiply-accumulates per sample of a forward pass: see
    /// [`Layer::multiply_adds`](crate::layer::Layer::multiply_adds).
    pub multiply_adds: u64,
    /// Whether a training step computes the gradient with respect to its output: it or a layer before it has
    /// parameters. Frozen parameters count too.
    pub has_gradient: bool,
}

impl Summary {
    /// Summarizes `network` for batches of `batch` samples.
    ///
    /// # Errors
    /// [`Error::Empty`](crate::Error::Empty) for a network without layers; [`Error::Graph`](crate::Error::Graph) when an
    /// input or a step is unused.
    pub fn new<A: Scalar>(network: &Network<A>, batch: usize) -> Result<Self> {
        let (input, is_chain) = (network.input_shape(), network.is_chain());
        let (mut layers, mut gradients) = (Vec::<LayerSummary>::new(), Vec::new());
        let steps = network.steps(input)?;
        for (i, step) in steps.iter().enumerate() {
            let (mut parameters, mut statistics) = (0, 0);
            step.visit(&mut |info, matrix| match info.role {
                _ if step.again => {}
                Role::Statistic => statistics += matrix.len(),
                _ => parameters += matrix.len(),
            });
            let learns = step.parameter_count() > 0;
            let taken = |source: &Source| matches!(source, Source::Step(at) if gradients[*at]);
            let has_gradient = learns || step.sources.iter().any(taken);
            gradients.push(has_gradient);
            layers.push(LayerSummary {
                name: step.text.clone(),
                step: if is_chain { i.to_string() } else { step.name.to_owned() },
                sources: step.sources.clone(),
                inputs_text: network.inputs_text(&steps, step),
                shared: step.again && learns,
                output: step.output,
                parameters,
                statistics,
                multiply_adds: step.multiply_adds(),
                has_gradient,
            });
        }
        let name = |own: &str, of_chain: &str| if is_chain { of_chain } else { own }.to_owned();
        let inputs = network.inputs().map(|(own, shape)| (name(own, "input"), shape)).collect();
        let outputs = network.output_sources().map(|(own, source)| (name(own, "output"), source)).collect();
        Ok(Self { input, batch, number: size_of::<A>(), layers, inputs, outputs, is_chain })
    }

    /// The number of trainable parameters.
    pub fn parameters(&self) -> usize {
        self.layers.iter().map(|layer| layer.parameters).sum()
    }

    /// The multiply-accumulates per sample of a forward pass; a training step takes about three times as many.
    pub fn multiply_adds(&self) -> u64 {
        self.layers.iter().map(|layer| layer.multiply_adds).sum()
    }

    /// The bytes of all parameters and running statistics.
    pub fn parameter_bytes(&self) -> usize {
        self.number * self.layers.iter().map(|layer| layer.parameters + layer.statistics).sum::<usize>()
    }

    /// The bytes of the activations that a tape stores for the backward pass of a batch: the input, and the output of
    /// every layer. What a layer caches on top, such as a dropout mask, is not counted.
    pub fn value_bytes(&self) -> usize {
        let numbers = self.layers.iter().fold(self.input.len(), |sum, layer| sum.saturating_add(layer.output.len()));
        numbers.saturating_mul(self.batch).saturating_mul(self.number)
    }

    /// The bytes of the gradients of a training step: of each parameter, and of each output from the first layer with
    /// parameters on.
    pub fn gradient_bytes(&self) -> usize {
        let learning = self.layers.iter().filter(|layer| layer.has_gradient);
        let outputs = learning.fold(0_usize, |sum, layer| sum.saturating_add(layer.output.len()));
        outputs.saturating_mul(self.batch).saturating_add(self.parameters()).saturating_mul(self.number)
    }

    /// The peak memory of a training step: parameters, values and gradients. The optimizer's state is not included:
    /// Adam keeps two numbers per parameter, SGD with momentum one.
    pub fn peak_bytes(&self) -> usize {
        self.parameter_bytes().saturating_add(self.value_bytes()).saturating_add(self.gradient_bytes())
    }
}

// Here, so that the documentation of `Summary` lists its methods after those above.
mod draw;

/// Prints a table of the layers and the totals; also the inputs of each layer unless the network is a chain.
impl Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![["layer", "output", "parameters", "multiply-adds"].map(String::from).to_vec()];
        rows.extend(self.inputs.iter().map(|(name, shape)| vec![name.clone(), shape.to_string()]));
        for layer in &self.layers {
            let LayerSummary { step, name, inputs_text, .. } = layer;
            let [parameters, products] = [layer.parameters as u64, layer.multiply_adds].map(grouped);
            let parameters = if layer.shared { "shared".into() } else { parameters };
            rows.push(vec![format!("{step} {name}{inputs_text}"), layer.output.to_string(), parameters, products]);
        }
        let total = [self.parameters() as u64, self.multiply_adds()].map(grouped);
        rows.push([vec!["total".into(), String::new()], total.to_vec()].concat());
        f.write_str(&table(&rows, |column| column < 2))?;
        writeln!(f, "parameters {}", Bytes(self.parameter_bytes()))?;
        let (values, gradients) = (Bytes(self.value_bytes()), Bytes(self.gradient_bytes()));
        writeln!(f, "a step on a batch of {}: values {values}, gradients {gradients}", self.batch)?;
        writeln!(f, "all together {}", Bytes(self.peak_bytes()))
    }
}

/// Displays a number of bytes in a suitable unit.
pub(super) struct Bytes(pub(super) usize);

impl Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut x = self.0 as f64;
        let mut units = ["bytes", "kB", "MB", "GB", "TB"].into_iter();
        let mut unit = units.next().unwrap_or_default();
        while x >= 999.5 {
            let Some(next) = units.next() else { break };
            (x, unit) = (x / 1000.0, next);
        }
        write!(f, "{} {unit}", figures(x, 3))
    }
}

/// A count with commas: `101,770`.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
