//! [`Summary`]: the cost of a network, layer by layer.

use std::fmt::{self, Display};

use super::steps::Source;
use crate::Shape;
use crate::text::{figures, table};

// In the order in which the documentation lists the methods of a summary.
mod cost;

mod draw;

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
