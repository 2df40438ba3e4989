//! [`Summary`]: what a network costs, layer by layer.

use std::fmt::{self, Display, Write as _};

use super::Network;
use super::steps::Source;
use crate::layer::Role;
use crate::svg::{GREY, INK, Svg, text_width};
use crate::text::{figures, table};
use crate::{Result, Scalar, Shape};

/// What a network costs: the shapes between its layers, parameters, multiply-adds, and the memory of a training step.
///
/// It prints as a table, and draws the architecture as [DOT](Self::dot) and as [SVG](Self::svg).
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
    /// The shape of a sample that goes in.
    pub input: Shape,
    /// How many samples a batch has.
    pub batch: usize,
    /// The bytes of a number: 4 or 8.
    pub number: usize,
    /// The layers, from first to last.
    pub layers: Vec<LayerSummary>,
}

/// What a layer costs.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerSummary {
    /// The layer as it prints itself.
    pub name: String,
    /// What it takes.
    takes: Vec<Source>,
    /// The shape of a sample after it.
    pub output: Shape,
    /// How many numbers of it are trained.
    pub parameters: usize,
    /// How many numbers of it are running statistics.
    pub statistics: usize,
    /// How many products its forward pass adds up for one sample: see [`Layer::multiply_adds`].
    pub multiply_adds: u64,
    /// Whether a training step needs the gradient by its output: it or a layer before it has parameters.
    pub has_gradient: bool,
}

impl Summary {
    /// The summary of `network` for batches of so many samples.
    ///
    /// # Errors
    /// [`Error::Empty`](crate::Error::Empty) for a network without layers.
    pub fn new<A: Scalar>(network: &Network<A>, batch: usize) -> Result<Self> {
        let input = network.input_shape();
        let (mut layers, mut gradients) = (Vec::<LayerSummary>::new(), Vec::new());
        for step in network.steps(input)? {
            let (mut parameters, mut statistics) = (0, 0);
            step.visit(&mut |info, matrix| match info.role {
                // A layer at several places is counted at the first.
                _ if step.again => {}
                Role::Statistic => statistics += matrix.len(),
                _ => parameters += matrix.len(),
            });
            let taken = |source: &Source| matches!(source, Source::Step(at) if gradients[*at]);
            let has_gradient = step.parameter_count() > 0 || step.takes.iter().any(taken);
            gradients.push(has_gradient);
            let (multiply_adds, output) = (step.multiply_adds(), step.output);
            let (name, takes) = (step.text, step.takes);
            layers.push(LayerSummary { name, takes, output, parameters, statistics, multiply_adds, has_gradient });
        }
        Ok(Self { input, batch, number: size_of::<A>(), layers })
    }

    /// How many numbers training can change.
    pub fn parameters(&self) -> usize {
        self.layers.iter().map(|layer| layer.parameters).sum()
    }

    /// The products that a forward pass adds up for one sample; a training step has about three times as many.
    pub fn multiply_adds(&self) -> u64 {
        self.layers.iter().map(|layer| layer.multiply_adds).sum()
    }

    /// The bytes of all parameters and statistics.
    pub fn parameter_bytes(&self) -> usize {
        self.number * self.layers.iter().map(|layer| layer.parameters + layer.statistics).sum::<usize>()
    }

    /// The bytes that a batch takes on its way forward, which a tape keeps for the way back: the input and the output of
    /// every layer. What a layer keeps besides, such as a dropout's mask, is not counted.
    pub fn value_bytes(&self) -> usize {
        let outputs: usize = self.layers.iter().map(|layer| layer.output.len()).sum();
        self.number * self.batch * (self.input.len() + outputs)
    }

    /// The bytes of the gradients of a training step: one number for each parameter, and one for each output from the
    /// first layer with parameters on.
    pub fn gradient_bytes(&self) -> usize {
        let outputs: usize =
            self.layers.iter().filter(|layer| layer.has_gradient).map(|layer| layer.output.len()).sum();
        self.number * (self.parameters() + self.batch * outputs)
    }

    /// The most memory that the numbers of a training step take together: parameters, values and gradients. An optimizer
    /// with a memory adds that: Adam twice the parameters, momentum once.
    pub fn peak_bytes(&self) -> usize {
        self.parameter_bytes() + self.value_bytes() + self.gradient_bytes()
    }

    /// The architecture in the language of Graphviz.
    pub fn dot(&self) -> String {
        let mut text = String::from("digraph {\n  node [shape=box];\n");
        let _ = writeln!(text, "  input [label=\"input\"];");
        let (mut before, mut shape) = ("input".to_owned(), self.input);
        for (i, layer) in self.layers.iter().enumerate() {
            let name = layer.name.replace('\\', "\\\\").replace('"', "\\\"");
            let _ = writeln!(text, "  l{i} [label=\"{name}\"];\n  {before} -> l{i} [label=\"{shape}\"];");
            (before, shape) = (format!("l{i}"), layer.output);
        }
        let _ = writeln!(text, "  output [label=\"output\"];\n  {before} -> output [label=\"{shape}\"];");
        text + "}\n"
    }

    /// The architecture as a drawing in SVG: a box for each layer, the shapes between them, and what each costs.
    pub fn svg(&self) -> String {
        const BOX: f64 = 30.0;
        const GAP: f64 = 34.0;
        let cost = |layer: &LayerSummary| match (layer.parameters, layer.multiply_adds) {
            (0, 0) => String::new(),
            (p, m) => format!("{} parameters, {} multiply-adds", grouped(p as u64), grouped(m)),
        };
        let names = self.layers.iter().map(|layer| text_width(&layer.name, 13.0)).fold(60.0, f64::max) + 24.0;
        let costs = self.layers.iter().map(|layer| text_width(&cost(layer), 12.0)).fold(0.0, f64::max);
        let left = 20.0;
        let (middle, right) = (left + names / 2.0, left + names + 14.0);
        let mut svg = Svg::new(right + costs + 20.0, 40.0 + (BOX + GAP) * (self.layers.len() as f64 + 1.0));
        let mut y = 28.0;
        svg.text((middle, y), "input", r#"text-anchor="middle""#);
        y += 8.0;
        let mut shape = self.input;
        let arrow = |svg: &mut Svg, y: f64, shape: Shape| {
            svg.line((middle, y), (middle, y + GAP - 6.0), format_args!(r#"stroke="{INK}""#));
            let (x, tip) = (middle, y + GAP - 1.0);
            let path = format!("M{} {}L{} {tip}L{} {}z", x - 3.5, tip - 7.0, x, x + 3.5, tip - 7.0);
            svg.element("path", format_args!(r#"d="{path}" fill="{INK}""#));
            svg.text((x + 8.0, y + 18.0), &shape.to_string(), format_args!(r#"fill="{GREY}""#));
        };
        for layer in &self.layers {
            arrow(&mut svg, y, shape);
            y += GAP;
            let fill = if layer.parameters > 0 { "#ddf4ff" } else { "#f6f8fa" };
            svg.rect((left, y), (names, BOX), format_args!(r#"rx="4" fill="{fill}" stroke="{INK}""#));
            svg.text((middle, y + 19.0), &layer.name, r#"text-anchor="middle" font-size="13""#);
            svg.text((right, y + 19.0), &cost(layer), format_args!(r#"fill="{GREY}""#));
            y += BOX;
            shape = layer.output;
        }
        arrow(&mut svg, y, shape);
        svg.text((middle, y + GAP + 14.0), "output", r#"text-anchor="middle""#);
        svg.finish()
    }
}

/// A table of the layers, and the totals below it.
impl Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = vec![["layer", "output", "parameters", "multiply-adds"].map(String::from).to_vec()];
        lines.push(vec!["input".into(), self.input.to_string()]);
        for (i, layer) in self.layers.iter().enumerate() {
            let counts = [layer.parameters as u64, layer.multiply_adds].map(grouped);
            let mut line = vec![format!("{i} {}", layer.name), layer.output.to_string()];
            line.extend(counts);
            lines.push(line);
        }
        let total = [self.parameters() as u64, self.multiply_adds()].map(grouped);
        lines.push([vec!["total".into(), String::new()], total.to_vec()].concat());
        f.write_str(&table(&lines, |column| column < 2))?;
        writeln!(f, "parameters {}", Bytes(self.parameter_bytes()))?;
        let (values, gradients) = (Bytes(self.value_bytes()), Bytes(self.gradient_bytes()));
        writeln!(f, "a step on a batch of {}: values {values}, gradients {gradients}", self.batch)?;
        writeln!(f, "all together {}", Bytes(self.peak_bytes()))
    }
}

/// A number of bytes in a unit that suits it.
struct Bytes(usize);

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
fn grouped(count: u64) -> String {
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
