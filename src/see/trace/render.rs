//! Renders a trace as text, Markdown and LaTeX.

use std::fmt::{self, Display, Write as _};

use ndarray::Array2;

use super::formula::{by, by_latex, escape, sum, symbol_latex};
use super::{Kind, Port, Trace};
use crate::network::Source;
use crate::spec::Written;
use crate::{Matrix, Scalar};

/// The most rows and columns that are shown.
const SHOWN: usize = 8;

/// An entry of the rendered step.
enum Entry<'a> {
    /// The start of a section.
    Part(&'static str),
    /// The layer of the entries that follow.
    Layer(String),
    /// A quantity: its name and formula as text and as LaTeX, and its numbers.
    Quantity { text: [String; 2], latex: [String; 2], numbers: Vec<Vec<String>>, of: [usize; 2], note: &'a str },
}

impl<A: Scalar> Trace<A> {
    /// The step as a Markdown document, with this number of decimals.
    pub fn markdown(&self, decimals: usize) -> String {
        let mut text = String::from("# One training step\n");
        for entry in self.entries(decimals) {
            let _ = match entry {
                Entry::Part(name) => write!(text, "\n## {name}\n\n| quantity | formula | value |\n|---|---|---|\n"),
                Entry::Layer(name) => writeln!(text, "| **{}** | | |", cell(&name)),
                Entry::Quantity { text: [name, formula], numbers, of, note, .. } => {
                    let rows: Vec<String> = numbers.iter().map(|row| row.join(" ")).collect();
                    let more = more(of).map_or_else(String::new, |more| format!("<br>{more}"));
                    let formula = if formula.is_empty() { note } else { &formula };
                    let value = format!("`{}`{more}", rows.join("`<br>`"));
                    writeln!(text, "| {} | {} | {value} |", cell(&name), cell(formula))
                }
            };
        }
        text
    }

    /// The step as aligned LaTeX equations (with the package amsmath), with this number of decimals.
    pub fn latex(&self, decimals: usize) -> String {
        let mut text = String::new();
        let mut open = false;
        for entry in self.entries(decimals) {
            let _ = match entry {
                Entry::Part(name) => {
                    let end = if open { "\\end{align*}\n" } else { "" };
                    open = true;
                    write!(text, "{end}\\paragraph{{{name}}}\n\\begin{{align*}}\n")
                }
                Entry::Layer(name) => writeln!(text, "&\\text{{{}}}\\\\", escape(&name)),
                Entry::Quantity { latex: [name, formula], numbers, of, .. } => {
                    let rows: Vec<String> =
                        numbers.iter().map(|row| row.join(" & ").replace("..", "\\cdots")).collect();
                    let value = match &numbers[..] {
                        [row] if row.len() == 1 => rows.concat(),
                        _ if of[0] * of[1] == 0 => format!("\\text{{{} x {}}}", of[0], of[1]),
                        _ => format!("\\begin{{pmatrix}} {} \\end{{pmatrix}}", rows.join(" \\\\ ")),
                    };
                    let formula = if formula.is_empty() { formula } else { format!(" = {formula}") };
                    writeln!(text, "{name} &{formula} = {value}\\\\")
                }
            };
        }
        // The last row of an environment ends without a line break.
        (text + if open { "\\end{align*}\n" } else { "" }).replace("\\\\\n\\end", "\n\\end")
    }

    fn entries(&self, decimals: usize) -> Vec<Entry<'static>> {
        let quantity = |name: &str, formula: [&str; 2], latex: String, value: &Matrix<A>, note| {
            let (numbers, of) = (numbers(value, decimals), value.dim().into());
            Entry::Quantity {
                text: [name.to_owned(), formula[0].to_owned()],
                latex: [latex, formula[1].to_owned()],
                numbers,
                of,
                note,
            }
        };
        let plain =
            |symbol: &str, value: &Matrix<A>, note| quantity(symbol, ["", ""], symbol_latex(symbol), value, note);
        let gradient = |symbol: &str, formula: [&str; 2], value: &Matrix<A>| {
            quantity(&by(symbol), formula, by_latex(symbol), value, "")
        };
        let mut entries = vec![Entry::Part("Forward")];
        for input in &self.inputs {
            entries.push(plain(&input.name, &self.value(input.source).1, "the batch, one row per sample"));
        }
        for layer in &self.layers {
            entries.push(Entry::Layer(layer.title.clone()));
            for parameter in &layer.parameters {
                entries.push(plain(&parameter.symbol, &parameter.before, "before the step"));
            }
            let Written { text, latex } = &layer.written.forward;
            entries.push(quantity(&layer.symbol, [text, latex], symbol_latex(&layer.symbol), &layer.output, ""));
        }
        entries.push(Entry::Part("Loss"));
        let symbol = |port: &Port| self.value(port.source).0;
        if !self.is_chain {
            let list: Vec<_> = self.outputs.iter().map(|port| format!("{} = {}", port.name, symbol(port))).collect();
            entries.push(Entry::Layer(format!("outputs {}", list.join(", "))));
        }
        entries.push(plain("t", &self.target, "the target"));
        let outputs = |of: &dyn Fn(&str) -> String| {
            let list: Vec<String> = self.outputs.iter().map(|port| of(symbol(port))).collect();
            if let [one] = &list[..] { one.clone() } else { format!("[{}]", list.join(", ")) }
        };
        let formula = format!("{}({}, t)", self.loss_name, outputs(&str::to_owned));
        let latex = format!("\\text{{{}}}({}, t)", escape(&self.loss_name), outputs(&symbol_latex));
        let value = Array2::from_elem((1, 1), self.loss);
        entries.push(quantity("L", [&formula, &latex], "L".into(), &value, ""));
        entries.push(Entry::Part("Backward"));
        for (i, port) in self.outputs.iter().enumerate() {
            let again = self.outputs[..i].iter().any(|other| other.source == port.source);
            if !again && self.users(port.source).next().is_none() {
                let (symbol, _, dy) = self.value(port.source);
                entries.push(gradient(symbol, ["", ""], &dy));
            }
        }
        for (i, layer) in self.layers.iter().enumerate().rev() {
            let mut told = Vec::new();
            for (k, parameter) in layer.parameters.iter().enumerate() {
                let Written { text, latex } = self.parameter_gradient(i, k);
                told.push(gradient(&parameter.symbol, [&text, &latex], &parameter.gradient));
            }
            for (k, &source) in layer.sources.iter().enumerate() {
                // In the backward pass, the gradient of a value is complete at the first layer that uses it.
                if self.users(source).next() == Some(i) && !layer.sources[..k].contains(&source) {
                    let Written { text, latex } = self.value_gradient(source);
                    let (symbol, _, dx) = self.value(source);
                    told.push(gradient(symbol, [&text, &latex], &dx));
                }
            }
            if !told.is_empty() {
                entries.push(Entry::Layer(layer.title.clone()));
                entries.extend(told);
            }
        }
        entries.push(Entry::Part("Update"));
        for layer in self.layers.iter().filter(|layer| !layer.parameters.is_empty()) {
            entries.push(Entry::Layer(layer.title.clone()));
            for parameter in &layer.parameters {
                let (symbol, latex) = (&parameter.symbol, symbol_latex(&parameter.symbol));
                entries.push(plain(symbol, &parameter.before, "before"));
                let change =
                    quantity(&format!("Δ{symbol}"), ["", ""], format!("\\Delta {latex}"), &parameter.update(), "");
                entries.push(change);
                let formula = [format!("{symbol} + Δ{symbol}"), format!("{latex} + \\Delta {latex}")];
                let new = (format!("{symbol}⁺"), format!("{latex}^+"));
                entries.push(quantity(&new.0, [&formula[0], &formula[1]], new.1, &parameter.after, ""));
            }
        }
        entries
    }

    /// dL/dx of a value as a formula: a sum over its uses.
    fn value_gradient(&self, source: Source) -> Written {
        let from_loss = Written { text: "from the loss".into(), latex: "\\text{from the loss}".into() };
        let mut terms: Vec<Written> = self.is_output(source).then_some(from_loss).into_iter().collect();
        let flows = self.layers.iter().flat_map(|layer| &layer.written.backward);
        terms.extend(flows.filter(|(to, _)| *to == source).map(|(_, flow)| flow.clone()));
        sum(&terms)
    }

    /// dL/dw of parameter `k` of the layer at `home`, for dense layers: a sum over all uses of the layer.
    fn parameter_gradient(&self, home: usize, k: usize) -> Written {
        let uses = self.layers.iter().filter(|layer| layer.home == home && layer.kind == Kind::Dense);
        let terms = uses.map(|layer| {
            let (x, dy, latex_dy) = (&layer.inputs[0], by(&layer.symbol), by_latex(&layer.symbol));
            if k == 0 {
                Written { text: format!("{x}ᵀ·{dy}"), latex: format!("{}^\\top {latex_dy}", symbol_latex(x)) }
            } else {
                Written { text: format!("Σ rows of {dy}"), latex: format!("\\sum_{{\\text{{rows}}}} {latex_dy}") }
            }
        });
        sum(&terms.collect::<Vec<_>>())
    }
}

/// Prints names and formulas on the left, numbers in aligned columns on the right.
impl<A: Scalar> Display for Trace<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.entries(f.precision().unwrap_or(4));
        let left = |entry: &Entry<'_>| match entry {
            Entry::Quantity { text: [name, formula], note, .. } => match (formula.as_str(), *note) {
                ("", "") => name.clone(),
                ("", note) => format!("{name}, {note}"),
                (formula, _) => format!("{name} = {formula}"),
            },
            _ => String::new(),
        };
        let width = entries.iter().map(|entry| left(entry).chars().count()).max().unwrap_or(0);
        let cell = entries.iter().flat_map(|entry| match entry {
            Entry::Quantity { numbers, .. } => numbers.iter().flatten().map(|n| n.chars().count()).collect(),
            _ => Vec::new(),
        });
        let cell = cell.max().unwrap_or(0);
        for (i, entry) in entries.iter().enumerate() {
            match entry {
                Entry::Part(name) => writeln!(f, "{}{name}", if i > 0 { "\n" } else { "" })?,
                Entry::Layer(name) => writeln!(f, "  {name}")?,
                Entry::Quantity { numbers, of, .. } => {
                    let text = left(entry);
                    for (i, row) in numbers.iter().enumerate() {
                        let text = if i == 0 { text.as_str() } else { "" };
                        let gap = " ".repeat(width - text.chars().count());
                        write!(f, "    {text}{gap}")?;
                        row.iter().try_for_each(|n| write!(f, "  {n:>cell$}"))?;
                        writeln!(f)?;
                    }
                    if numbers.is_empty() {
                        writeln!(f, "    {text}: {} x {}", of[0], of[1])?;
                    }
                    if let Some(more) = more(*of) {
                        writeln!(f, "    {:width$}  {more}", "")?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The upper left corner of a matrix, as text.
fn numbers<A: Scalar>(x: &Matrix<A>, decimals: usize) -> Vec<Vec<String>> {
    let row = |row: ndarray::ArrayView1<'_, A>| {
        let mut cells: Vec<String> = row.iter().take(SHOWN).map(|x| number(x.to_f64(), decimals)).collect();
        if row.len() > SHOWN {
            cells.push("..".into());
        }
        cells
    };
    if x.is_empty() { Vec::new() } else { x.rows().into_iter().take(SHOWN).map(row).collect() }
}

/// Fixed decimals; scientific notation for numbers too small or large for that.
fn number(x: f64, decimals: usize) -> String {
    let fixed = format!("{x:.decimals$}");
    // Below five units of the last decimal.
    let small = 5.0 * 0.1_f64.powi(i32::try_from(decimals).unwrap_or(i32::MAX));
    let lost = x != 0.0 && x.is_finite() && (x.abs() < small || x.abs() >= 1e7);
    let text = if lost { format!("{x:.2e}") } else { fixed };
    // A -0.0000 after rounding loses its sign.
    if text.starts_with('-') && text[1..].chars().all(|c| c == '0' || c == '.') { text[1..].to_owned() } else { text }
}

/// The note on a matrix that is not shown in full.
fn more([rows, columns]: [usize; 2]) -> Option<String> {
    (rows > SHOWN || columns > SHOWN).then(|| format!("of {rows} x {columns}"))
}

/// Text for a cell of a Markdown table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('*', "\\*").replace('\n', " ")
}
