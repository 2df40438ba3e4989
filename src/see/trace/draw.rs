//! A trace as a drawing: neurons with their values, edges with their weights.

use super::{Trace, TracedLayer, TracedParameter};
use crate::Scalar;
use crate::svg::{GRADIENT, GREY, INK, Svg, VALUE};
use crate::text::figures;

/// More neurons in a layer are too many to read.
const NEURONS: usize = 8;
const RADIUS: f64 = 32.0;
const ROW: f64 = 118.0;
const COLUMN: f64 = 250.0;
const TOP: f64 = 74.0;

/// A dense layer and what follows it, up to the next.
struct Block<'a, A: Scalar> {
    dense: &'a TracedLayer<A>,
    activation: Option<&'a TracedLayer<A>>,
}

impl<A: Scalar> Trace<A> {
    /// The step on the first sample as a drawing in SVG: values and weights in green, gradients below them in red.
    /// `None` unless the network is a chain of dense layers, each with at most one activation after it, and has at most
    /// eight neurons in a layer.
    pub fn svg(&self) -> Option<String> {
        let blocks = self.blocks()?;
        let sizes: Vec<usize> =
            [self.input.ncols()].into_iter().chain(blocks.iter().map(|block| block.dense.output.ncols())).collect();
        let most = *sizes.iter().max()?;
        if most > NEURONS || self.input.nrows() == 0 {
            return None;
        }
        let height = TOP + ROW * most as f64 + 20.0;
        let width = COLUMN * (sizes.len() as f64 - 1.0) + 2.0 * 90.0;
        let place = |column: usize, row: usize| {
            let offset = (most - sizes[column]) as f64 / 2.0;
            (70.0 + COLUMN * column as f64, TOP + ROW * (row as f64 + offset + 0.4))
        };
        let mut svg = Svg::new(width, height);
        let title = format!("{} = {}", self.loss_name, figures(self.loss.to_f64(), 4));
        svg.text((20.0, 28.0), &title, r#"font-size="16""#);
        let legend = "green: values, weights and biases before the step; red: the gradient of the loss by them";
        svg.text((20.0, 48.0), legend, format_args!(r#"fill="{GREY}""#));
        for (column, block) in blocks.iter().enumerate() {
            let weight = &block.dense.parameters[0];
            for ((i, j), _) in weight.before.indexed_iter() {
                edge(&mut svg, place(column, i), place(column + 1, j), weight, (i, j), sizes[column]);
            }
        }
        for (i, &x) in self.input.row(0).iter().enumerate() {
            let lines = vec![(figures(x.to_f64(), 4), true)];
            neuron(&mut svg, place(0, i), &format!("x{}", i + 1), &lines, self.input_gradient[[0, i]]);
        }
        for (column, block) in blocks.iter().enumerate() {
            let last = block.activation.unwrap_or(block.dense);
            for j in 0..block.dense.output.ncols() {
                let at = place(column + 1, j);
                let text = |layer: &TracedLayer<A>| figures(layer.output[[0, j]].to_f64(), 4);
                let mut lines = vec![(text(block.dense), block.activation.is_none())];
                lines.extend(block.activation.map(|activation| (text(activation), true)));
                let bias = block.dense.parameters.get(1);
                let name = match bias {
                    Some(bias) => format!("b {}", figures(bias.before[[0, j]].to_f64(), 4)),
                    None => String::new(),
                };
                neuron(&mut svg, at, &name, &lines, block.dense.gradient[[0, j]]);
                if column + 1 == blocks.len() && j < self.target.ncols() && self.target.dim() == last.output.dim() {
                    let target = format!("target {}", figures(self.target[[0, j]].to_f64(), 4));
                    svg.text(
                        (at.0, at.1 + RADIUS + 32.0),
                        &target,
                        format_args!(r#"text-anchor="middle" fill="{GREY}""#),
                    );
                }
            }
            let over = [Some(block.dense), block.activation].into_iter().flatten();
            let formulas: Vec<String> = over.map(|layer| format!("{} = {}", layer.symbol, layer.formula)).collect();
            let x = place(column + 1, 0).0;
            for (i, formula) in formulas.iter().enumerate() {
                let y = TOP - 4.0 + 14.0 * i as f64;
                svg.text((x, y), formula, format_args!(r#"text-anchor="middle" font-size="11" fill="{INK}""#));
            }
        }
        Some(svg.finish())
    }

    fn blocks(&self) -> Option<Vec<Block<'_, A>>> {
        let mut blocks: Vec<Block<'_, A>> = Vec::new();
        for layer in &self.layers {
            if layer.written.is_dense {
                blocks.push(Block { dense: layer, activation: None });
            } else {
                let block =
                    blocks.last_mut().filter(|block| layer.written.is_pointwise && block.activation.is_none())?;
                block.activation = Some(layer);
            }
        }
        // A dense layer on a sequence has fewer inputs than its batch has columns.
        let mut inputs = self.input.ncols();
        for block in &blocks {
            if block.dense.parameters[0].before.nrows() != inputs {
                return None;
            }
            inputs = block.dense.output.ncols();
        }
        if blocks.is_empty() { None } else { Some(blocks) }
    }
}

/// A line with its weight, and the gradient by it; from each neuron the numbers stand at another distance.
fn edge<A: Scalar>(
    svg: &mut Svg,
    from: (f64, f64),
    to: (f64, f64),
    weight: &TracedParameter<A>,
    at: (usize, usize),
    sources: usize,
) {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let short = RADIUS / dx.hypot(dy);
    let (start, end) = ((from.0 + dx * short, from.1 + dy * short), (to.0 - dx * short, to.1 - dy * short));
    svg.line(start, end, format_args!(r##"stroke="#afb8c1""##));
    if sources > 4 {
        return;
    }
    let along = 0.27 + 0.46 * (at.0 as f64 + 0.5) / sources as f64;
    let (x, y) = (from.0 + dx * along, from.1 + dy * along);
    svg.rect((x - 24.0, y - 13.0), (48.0, 26.0), r##"fill="#fff" fill-opacity="0.85""##);
    let style = |colour| format!(r#"text-anchor="middle" font-size="11" fill="{colour}""#);
    svg.text((x, y - 2.0), &figures(weight.before[at].to_f64(), 3), style(VALUE));
    svg.text((x, y + 11.0), &figures(weight.gradient[at].to_f64(), 3), style(GRADIENT));
}

/// A circle with one or two numbers, a name above, and a gradient below.
fn neuron<A: Scalar>(svg: &mut Svg, at: (f64, f64), name: &str, lines: &[(String, bool)], gradient: A) {
    svg.circle(at, RADIUS, format_args!(r##"fill="#f6f8fa" stroke="{INK}""##));
    let first = at.1 + 4.0 - 8.0 * (lines.len() as f64 - 1.0);
    for (i, (text, bold)) in lines.iter().enumerate() {
        let weight = if *bold { r#" font-weight="bold""# } else { "" };
        let y = first + 17.0 * i as f64;
        svg.text((at.0, y), text, format_args!(r#"text-anchor="middle" fill="{VALUE}"{weight}"#));
    }
    svg.text((at.0, at.1 - RADIUS - 6.0), name, format_args!(r#"text-anchor="middle" fill="{VALUE}""#));
    let gradient = figures(gradient.to_f64(), 4);
    svg.text((at.0, at.1 + RADIUS + 15.0), &gradient, format_args!(r#"text-anchor="middle" fill="{GRADIENT}""#));
}
