//! Drawings of the architecture.

use std::fmt::Write as _;

use super::{LayerSummary, Summary, grouped};
use crate::Shape;
use crate::network::Source;
use crate::svg::{GRAY, INK, N, Svg, text_width};

/// The height of a box, and of the gap between two.
const BOX: f64 = 30.0;
const GAP: f64 = 34.0;
/// The upper edge of the first box.
const TOP: f64 = 6.0;

/// An input, a layer or an output of the drawing, from top to bottom.
struct Row<'a> {
    label: String,
    /// The text next to it.
    note: String,
    /// Its inputs.
    sources: &'a [Source],
    layer: Option<&'a LayerSummary>,
}

impl Summary {
    /// The architecture as a Graphviz graph in DOT.
    pub fn dot(&self) -> String {
        let mut text = String::from("digraph {\n  node [shape=box];\n");
        let id = |kind: &str, i: usize, of: usize| if of == 1 { kind.to_owned() } else { format!("{kind}{i}") };
        let node = |text: &mut String, id: &str, label: &str| {
            let label = label.replace('\\', "\\\\").replace('"', "\\\"");
            let _ = writeln!(text, "  {id} [label=\"{label}\"];");
        };
        let edges = |text: &mut String, sources: &[Source], to: &str| {
            for &source in sources {
                let from = match source {
                    Source::Input(i) => id("input", i, self.inputs.len()),
                    Source::Step(i) => format!("l{i}"),
                };
                let _ = writeln!(text, "  {from} -> {to} [label=\"{}\"];", self.shape_of(source));
            }
        };
        for (i, (name, _)) in self.inputs.iter().enumerate() {
            node(&mut text, &id("input", i, self.inputs.len()), name);
        }
        for (i, layer) in self.layers.iter().enumerate() {
            node(&mut text, &format!("l{i}"), &self.label(layer));
            edges(&mut text, &layer.sources, &format!("l{i}"));
        }
        for (i, (name, source)) in self.outputs.iter().enumerate() {
            let id = id("output", i, self.outputs.len());
            node(&mut text, &id, name);
            edges(&mut text, &[*source], &id);
        }
        text + "}\n"
    }

    /// The architecture as an SVG drawing: a box for each layer in the order of computation, with its cost next to it.
    ///
    /// In a chain, the shapes stand between the boxes. In other networks, they stand next to them; the network's inputs
    /// are boxes at the top, its outputs at the bottom, and a curve at the side connects a layer to an input that is
    /// not the box above.
    pub fn svg(&self) -> String {
        let rows = self.rows();
        let place = |source: Source| match source {
            Source::Input(i) => i,
            Source::Step(i) => self.inputs.len() + i,
        };
        // How far a curve to the row `to` extends to the side.
        let reach = |from: usize, to: usize| if from + 1 == to { 0.0 } else { 12.0 + 14.0 * (to - from).min(9) as f64 };
        let curves = rows.iter().enumerate().flat_map(|(to, row)| row.sources.iter().map(move |&from| (from, to)));
        let widest = |texts: &dyn Fn(&Row<'_>) -> f64, least| rows.iter().map(texts).fold(least, f64::max);
        let names = widest(&|row| text_width(&row.label, 13.0), 60.0) + 24.0;
        let notes = widest(&|row| text_width(&row.note, 12.0), 0.0);
        let left = 20.0 + curves.map(|(from, to)| reach(place(from), to)).fold(0.0, f64::max);
        let (middle, right) = (left + names / 2.0, left + names + 14.0);
        let bottom = if self.is_chain { 40.0 } else { 56.0 };
        let mut svg = Svg::new(right + notes + 20.0, bottom + (BOX + GAP) * (rows.len() as f64 - 1.0));
        for (to, row) in rows.iter().enumerate() {
            let top = |row: usize| TOP + (BOX + GAP) * row as f64;
            let y = top(to);
            for &source in row.sources {
                let from = place(source);
                if from + 1 == to {
                    arrow_down(&mut svg, (middle, y - GAP));
                    if self.is_chain {
                        let shape = self.shape_of(source).to_string();
                        svg.text((middle + 8.0, y - GAP + 18.0), &shape, format_args!(r#"fill="{GRAY}""#));
                    }
                } else {
                    // From the lower part of one box to the upper part of the other.
                    curve(&mut svg, left, [top(from) + 20.0, y + 10.0], reach(from, to));
                }
            }
            match row.layer {
                None if self.is_chain => {
                    let y = if to == 0 { y + 22.0 } else { y + 14.0 };
                    svg.text((middle, y), &row.label, r#"text-anchor="middle""#);
                    continue;
                }
                None => svg.rect((left, y), (names, BOX), format_args!(r##"rx="15" fill="#fff" stroke="{INK}""##)),
                Some(layer) => {
                    let fill = if layer.parameters > 0 || layer.shared { "#ddf4ff" } else { "#f6f8fa" };
                    svg.rect((left, y), (names, BOX), format_args!(r#"rx="4" fill="{fill}" stroke="{INK}""#))
                }
            };
            svg.text((middle, y + 19.0), &row.label, r#"text-anchor="middle" font-size="13""#);
            svg.text((right, y + 19.0), &row.note, format_args!(r#"fill="{GRAY}""#));
        }
        svg.finish()
    }

    fn rows(&self) -> Vec<Row<'_>> {
        let note = |shape: Shape, cost: String| match (self.is_chain, cost.is_empty()) {
            (true, _) => cost,
            (false, true) => shape.to_string(),
            (false, false) => format!("{shape}; {cost}"),
        };
        let end = |name: &String, shape, sources| Row {
            label: name.clone(),
            note: note(shape, String::new()),
            sources,
            layer: None,
        };
        let inputs = self.inputs.iter().map(|(name, shape)| end(name, *shape, &[]));
        let layers = self.layers.iter().map(|layer| Row {
            label: self.label(layer),
            note: note(layer.output, cost(layer)),
            sources: &layer.sources,
            layer: Some(layer),
        });
        let outputs = self.outputs.iter();
        let outputs = outputs.map(|(name, source)| end(name, self.shape_of(*source), std::slice::from_ref(source)));
        inputs.chain(layers).chain(outputs).collect()
    }

    /// The text in a layer's box: its `Debug` text, outside a chain preceded by its name.
    pub(in crate::network) fn label(&self, layer: &LayerSummary) -> String {
        if self.is_chain { layer.name.clone() } else { format!("{} {}", layer.step, layer.name) }
    }

    fn shape_of(&self, source: Source) -> Shape {
        match source {
            Source::Input(i) => self.inputs[i].1,
            Source::Step(i) => self.layers[i].output,
        }
    }
}

fn cost(layer: &LayerSummary) -> String {
    let parameters = format!("{} parameters", grouped(layer.parameters as u64));
    match (layer.shared, layer.parameters, layer.multiply_adds) {
        (false, 0, 0) => String::new(),
        (shared, _, products) => {
            let parameters = if shared { "shared parameters" } else { &parameters };
            format!("{parameters}, {} multiply-adds", grouped(products))
        }
    }
}

/// An arrow through the gap below this point.
fn arrow_down(svg: &mut Svg, (x, y): (f64, f64)) {
    svg.line((x, y), (x, y + GAP - 6.0), format_args!(r#"stroke="{INK}""#));
    let tip = y + GAP - 1.0;
    let path = format!("M{} {}L{} {tip}L{} {}z", x - 3.5, tip - 7.0, x, x + 3.5, tip - 7.0);
    svg.element("path", format_args!(r#"d="{path}" fill="{INK}""#));
}

/// A curve from one height to another, to the left of boxes at `x`, `reach` wide.
fn curve(svg: &mut Svg, x: f64, [from, to]: [f64; 2], reach: f64) {
    let (x, side, end, from, to) = (N(x), N(x - reach), N(x - 6.0), N(from), N(to));
    let path = format!("M{x} {from}C{side} {from} {side} {to} {end} {to}");
    svg.element("path", format_args!(r#"d="{path}" fill="none" stroke="{INK}""#));
    svg.arrow_head((x.0 - 1.0, to.0), INK);
}
