//! Draws a trace: neurons with their values, edges with their weights.

use super::{Kind, Trace, TracedLayer, TracedParameter};
use crate::Scalar;
use crate::network::Source;
use crate::svg::{GRADIENT, GRAY, INK, N, Svg, VALUE};
use crate::text::figures;

/// With more neurons in a layer, the drawing is unreadable.
const NEURONS: usize = 8;
const RADIUS: f64 = 32.0;
const ROW: f64 = 118.0;
const COLUMN: f64 = 250.0;
const TOP: f64 = 88.0;
/// The height of a row of formulas.
const LINE: f64 = 14.0;

/// A column of neurons: an input, or a layer and possibly its activation.
struct Block<'a, A: Scalar> {
    source: Source,
    neurons: usize,
    layers: Vec<&'a TracedLayer<A>>,
    /// The blocks with edges to this one.
    inputs: Vec<usize>,
    /// The number of edges on the longest path from an input.
    column: usize,
    /// The row of its first neuron.
    row: f64,
}

impl<A: Scalar> Block<'_, A> {
    fn position(&self, neuron: usize, top: f64) -> (f64, f64) {
        (70.0 + COLUMN * self.column as f64, top + ROW * (neuron as f64 + self.row + 0.4))
    }
}

impl<A: Scalar> Trace<A> {
    /// The step on the first sample as an SVG drawing: values and weights in green, gradients below them in red. `None`
    /// unless the network consists of dense layers, activations and joins of flat features, with at most eight neurons
    /// in a layer.
    pub fn svg(&self) -> Option<String> {
        let (blocks, rows) = self.lay_out()?;
        let columns = blocks.iter().map(|block| block.column).max()?;
        let mut formulas = vec![0_usize; columns + 1];
        blocks.iter().for_each(|block| formulas[block.column] += block.layers.len());
        // A single block has at most two rows of formulas.
        let top = TOP + LINE * formulas.iter().max()?.saturating_sub(2) as f64;
        let mut svg = Svg::new(COLUMN * columns as f64 + 2.0 * 90.0, top + ROW * rows + 20.0);
        let title = format!("{} = {}", self.loss_name, figures(self.loss.to_f64(), 4));
        svg.text((20.0, 28.0), &title, r#"font-size="16""#);
        let legend = "green: values, weights and biases before the step; red: gradients of the loss";
        svg.text((20.0, 48.0), legend, format_args!(r#"fill="{GRAY}""#));
        for block in &blocks {
            self.edges(&mut svg, &blocks, block, top);
        }
        formulas.fill(0);
        for block in &blocks {
            self.neurons(&mut svg, block, top);
            for layer in &block.layers {
                let formula = format!("{} = {}", layer.symbol, layer.formula);
                let at = (block.position(0, top).0, TOP - 18.0 + LINE * formulas[block.column] as f64);
                svg.text(at, &formula, format_args!(r#"text-anchor="middle" font-size="11" fill="{INK}""#));
                formulas[block.column] += 1;
            }
        }
        Some(svg.finish())
    }

    /// The blocks in order, and the number of rows of the longest column.
    fn lay_out(&self) -> Option<(Vec<Block<'_, A>>, f64)> {
        let mut blocks = self.blocks()?;
        if self.input.nrows() == 0 || blocks.iter().any(|block| block.neurons > NEURONS) {
            return None;
        }
        // Half a row between two blocks of a column; columns are centered vertically.
        let mut heights = vec![0.0_f64; blocks.iter().map(|block| block.column).max()? + 1];
        for block in &mut blocks {
            let height = &mut heights[block.column];
            block.row = if *height > 0.0 { *height + 0.5 } else { 0.0 };
            *height = block.row + block.neurons as f64;
        }
        let most = heights.iter().copied().fold(0.0, f64::max);
        blocks.iter_mut().for_each(|block| block.row += (most - heights[block.column]) / 2.0);
        Some((blocks, most))
    }

    fn blocks(&self) -> Option<Vec<Block<'_, A>>> {
        let inputs = self.inputs.iter().map(|input| {
            let (source, neurons) = (input.source, input.columns.len());
            Block { source, neurons, layers: Vec::new(), inputs: Vec::new(), column: 0, row: 0.0 }
        });
        let mut blocks: Vec<Block<'_, A>> = inputs.collect();
        for (i, layer) in self.layers.iter().enumerate() {
            let of = |source: &Source| blocks.iter().position(|block| block.source == *source);
            let inputs = layer.sources.iter().map(of).collect::<Option<Vec<_>>>()?;
            let before = &mut blocks[inputs[0]];
            let (source, neurons) = (Source::Step(i), layer.output.ncols());
            match (layer.kind, &before.layers[..]) {
                // An activation that is the only user of a dense layer is drawn with it.
                (Kind::Elementwise, [dense])
                    if dense.kind == Kind::Dense
                        && self.users(before.source).count() == 1
                        && !self.is_output(before.source) =>
                {
                    before.layers.push(layer);
                    before.source = source;
                    continue;
                }
                // A dense layer on a sequence has fewer inputs than its batch has columns.
                (Kind::Dense, _) if self.weight(layer).before.nrows() != before.neurons => return None,
                (Kind::Other, _) => return None,
                _ => {}
            }
            let column = 1 + inputs.iter().map(|&block| blocks[block].column).max()?;
            blocks.push(Block { source, neurons, layers: vec![layer], inputs, column, row: 0.0 });
        }
        Some(blocks)
    }

    /// The weight of a dense layer, recorded at the first use of the layer.
    fn weight(&self, layer: &TracedLayer<A>) -> &TracedParameter<A> {
        &self.layers[layer.home].parameters[0]
    }

    /// Draws the edges to a block.
    fn edges(&self, svg: &mut Svg, blocks: &[Block<'_, A>], to: &Block<'_, A>, top: f64) {
        let Some(layer) = to.layers.first() else { return };
        let side_by_side = layer.kind == Kind::Concat;
        let mut first = 0;
        for from in to.inputs.iter().map(|&block| &blocks[block]) {
            // An edge curves around the neurons in between.
            let bow = if from.column + 1 < to.column { ROW } else { 0.0 };
            for i in 0..from.neurons {
                for j in 0..to.neurons {
                    let ends = (from.position(i, top), to.position(j, top));
                    match layer.kind {
                        Kind::Dense => {
                            edge(svg, ends, bow);
                            if from.neurons <= 4 {
                                weight(svg, ends, bow, self.weight(layer), (i, j), from.neurons);
                            }
                        }
                        _ if side_by_side && j != first + i => {}
                        _ if !side_by_side && from.neurons == to.neurons && i != j => {}
                        _ => edge(svg, ends, bow),
                    }
                }
            }
            first += from.neurons;
        }
    }

    /// Draws the neurons of a block with their numbers.
    fn neurons(&self, svg: &mut Svg, block: &Block<'_, A>, top: f64) {
        let (symbol, value, gradient) = self.value(block.source);
        let gradient = block.layers.first().map_or(gradient, |layer| layer.gradient.view());
        let bias = block.layers.first().filter(|layer| layer.kind == Kind::Dense);
        let bias = bias.and_then(|layer| self.layers[layer.home].parameters.get(1));
        let targets = self.outputs.last().map_or(0, |port| port.columns.end);
        let has_targets = self.target.dim() == (self.input.nrows(), targets);
        for j in 0..block.neurons {
            let at = block.position(j, top);
            let mut labels: Vec<(String, bool)> = Vec::new();
            if let [dense, _] = block.layers[..] {
                labels.push((figures(dense.output[[0, j]].to_f64(), 4), false));
            }
            labels.push((figures(value[[0, j]].to_f64(), 4), true));
            let name = match (block.source, bias) {
                (Source::Input(_), _) => numbered(symbol, j + 1),
                (_, Some(bias)) => format!("b {}", figures(bias.before[[0, j]].to_f64(), 4)),
                _ => String::new(),
            };
            neuron(svg, at, &name, &labels, gradient[[0, j]]);
            for (i, port) in self.outputs.iter().filter(|port| port.source == block.source).enumerate() {
                let target = has_targets.then(|| figures(self.target[[0, port.columns.start + j]].to_f64(), 4));
                let text = match (self.is_chain, target) {
                    (true, None) => continue,
                    (true, Some(target)) => format!("target {target}"),
                    (false, None) => port.name.clone(),
                    (false, Some(target)) => format!("{}: target {target}", port.name),
                };
                let y = at.1 + RADIUS + 32.0 + LINE * i as f64;
                svg.text((at.0, y), &text, format_args!(r#"text-anchor="middle" fill="{GRAY}""#));
            }
        }
    }
}

/// x1, x2, ...; after a digit, with an underscore in between.
fn numbered(symbol: &str, number: usize) -> String {
    let between = if symbol.ends_with(|c: char| c.is_ascii_digit()) { "_" } else { "" };
    format!("{symbol}{between}{number}")
}

/// An edge between neurons; it bends down by half of `bow` in the middle.
fn edge(svg: &mut Svg, (from, to): ((f64, f64), (f64, f64)), bow: f64) {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let short = RADIUS / dx.hypot(dy);
    let (start, end) = ((from.0 + dx * short, from.1 + dy * short), (to.0 - dx * short, to.1 - dy * short));
    if bow == 0.0 {
        svg.line(start, end, format_args!(r##"stroke="#afb8c1""##));
        return;
    }
    let pull = (f64::midpoint(from.0, to.0), f64::midpoint(from.1, to.1) + bow);
    let point = |(x, y)| format!("{} {}", N(x), N(y));
    let path = format!("M{}Q{} {}", point(start), point(pull), point(end));
    svg.element("path", format_args!(r##"d="{path}" fill="none" stroke="#afb8c1""##));
}

/// A weight and the gradient with respect to it on their edge; their position differs from neuron to neuron.
fn weight<A: Scalar>(
    svg: &mut Svg,
    (from, to): ((f64, f64), (f64, f64)),
    bow: f64,
    weight: &TracedParameter<A>,
    at: (usize, usize),
    sources: usize,
) {
    let along = 0.27 + 0.46 * (at.0 as f64 + 0.5) / sources as f64;
    let (x, y) = (from.0 + (to.0 - from.0) * along, from.1 + (to.1 - from.1) * along);
    let y = y + 2.0 * along * (1.0 - along) * bow;
    svg.rect((x - 24.0, y - 13.0), (48.0, 26.0), r##"fill="#fff" fill-opacity="0.85""##);
    let style = |color| format!(r#"text-anchor="middle" font-size="11" fill="{color}""#);
    svg.text((x, y - 2.0), &figures(weight.before[at].to_f64(), 3), style(VALUE));
    svg.text((x, y + 11.0), &figures(weight.gradient[at].to_f64(), 3), style(GRADIENT));
}

/// A circle with one or two numbers, a name above, and a gradient below.
fn neuron<A: Scalar>(svg: &mut Svg, at: (f64, f64), name: &str, labels: &[(String, bool)], gradient: A) {
    svg.circle(at, RADIUS, format_args!(r##"fill="#f6f8fa" stroke="{INK}""##));
    let first = at.1 + 4.0 - 8.0 * (labels.len() as f64 - 1.0);
    for (i, (text, bold)) in labels.iter().enumerate() {
        let weight = if *bold { r#" font-weight="bold""# } else { "" };
        let y = first + 17.0 * i as f64;
        svg.text((at.0, y), text, format_args!(r#"text-anchor="middle" fill="{VALUE}"{weight}"#));
    }
    svg.text((at.0, at.1 - RADIUS - 6.0), name, format_args!(r#"text-anchor="middle" fill="{VALUE}""#));
    let gradient = figures(gradient.to_f64(), 4);
    svg.text((at.0, at.1 + RADIUS + 15.0), &gradient, format_args!(r#"text-anchor="middle" fill="{GRADIENT}""#));
}
