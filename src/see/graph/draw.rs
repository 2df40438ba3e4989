//! A graph as a table, in DOT, and as an SVG drawing.

use std::fmt::{self, Display, Write as _};

use ndarray::Array2;

use super::{Graph, Node, Operation};
use crate::Scalar;
use crate::svg::{GRADIENT, GRAY, INK, Svg, VALUE, text_width};
use crate::text::{figures, table};

const RADIUS: f64 = 19.0;
const ROW: f64 = 64.0;
const MARGIN: f64 = 24.0;

impl<A: Scalar> Node<A> {
    fn value_text(&self) -> String {
        self.value.as_ref().map_or_else(|_| "error".into(), brief)
    }

    fn gradient_text(&self) -> String {
        self.gradient.as_ref().map_or_else(String::new, brief)
    }

    fn is_leaf(&self) -> bool {
        matches!(self.operation, Operation::Input | Operation::Constant)
    }
}

/// The name of a node, or its index.
fn name<A: Scalar>(nodes: &[Node<A>], i: usize) -> String {
    nodes[i].name.clone().unwrap_or_else(|| format!("#{i}"))
}

fn formula<A: Scalar>(nodes: &[Node<A>], i: usize) -> String {
    let names: Vec<String> = nodes[i].operands.iter().map(|&i| name(nodes, i)).collect();
    nodes[i].operation.formula(&names)
}

/// Prints a table: each node, its formula, its value, and its gradient if retained.
impl<A: Scalar> Display for Graph<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes = self.nodes.borrow();
        let mut table_rows = vec![["node", "formula", "value", "gradient"].map(String::from).to_vec()];
        for (i, node) in nodes.iter().enumerate() {
            table_rows.push(vec![name(&nodes, i), formula(&nodes, i), node.value_text(), node.gradient_text()]);
        }
        f.write_str(&table(&table_rows, |column| column < 2))
    }
}

impl<A: Scalar> Graph<A> {
    /// The graph in Graphviz's DOT language: `dot -Tsvg graph.dot`.
    pub fn dot(&self) -> String {
        let nodes = self.nodes.borrow();
        let mut text = String::from("digraph {\n  rankdir=LR;\n  node [shape=circle];\n");
        for (i, node) in nodes.iter().enumerate() {
            let (label, shape) =
                if node.is_leaf() { (name(&nodes, i), " shape=plaintext") } else { (node.operation.symbol(), "") };
            let _ = writeln!(text, "  n{i} [label={}{shape}];", quoted(&label));
            for operand in &node.operands {
                let from = &nodes[*operand];
                let label = format!("{}\n{}", from.value_text(), from.gradient_text());
                let _ = writeln!(text, "  n{operand} -> n{i} [label={}];", quoted(label.trim_end()));
            }
        }
        for (i, node) in nodes.iter().enumerate().filter(|(i, _)| is_result(&nodes, *i)) {
            let label = format!("{}\n{}", node.value_text(), node.gradient_text());
            let end = node.name.clone().unwrap_or_default();
            let _ = writeln!(text, "  end{i} [label={} shape=plaintext];", quoted(&end));
            let _ = writeln!(text, "  n{i} -> end{i} [label={}];", quoted(label.trim_end()));
        }
        text + "}\n"
    }

    /// The graph as an SVG drawing, from left to right: the values in green above the edges, the retained gradients in
    /// red below.
    pub fn svg(&self) -> String {
        let nodes = self.nodes.borrow();
        let layout = Layout::new(&nodes);
        let mut svg = Svg::new(layout.width, layout.height);
        for (i, node) in nodes.iter().enumerate() {
            for &operand in &node.operands {
                let (from, to) = (layout.fork(operand), layout.at[i]);
                let (dx, dy) = (to.0 - from.0, to.1 - from.1);
                let short = RADIUS / dx.hypot(dy).max(RADIUS);
                let end = (to.0 - dx * short, to.1 - dy * short);
                svg.line(from, end, format_args!(r#"stroke="{INK}""#));
            }
        }
        for (i, node) in nodes.iter().enumerate() {
            let (at, fork) = (layout.at[i], layout.fork(i));
            let middle = f64::midpoint(at.0 + RADIUS, fork.0);
            let start = if node.is_leaf() { at.0 } else { at.0 + RADIUS };
            svg.line((start, at.1), fork, format_args!(r#"stroke="{INK}""#));
            let style = |color| format!(r#"text-anchor="middle" fill="{color}""#);
            svg.text((middle, at.1 - 5.0), &node.value_text(), style(VALUE));
            svg.text((middle, at.1 + 15.0), &node.gradient_text(), style(GRADIENT));
            if node.is_leaf() {
                let color = if node.varies { INK } else { GRAY };
                let style = format!(r#"text-anchor="end" font-size="14" fill="{color}""#);
                svg.text((at.0 - 4.0, at.1 + 5.0), &name(&nodes, i), style);
            } else {
                svg.circle(at, RADIUS, format_args!(r##"fill="#f6f8fa" stroke="{INK}""##));
                let symbol = node.operation.symbol();
                let size = (30.0 / (0.6 * symbol.chars().count() as f64)).min(16.0);
                svg.text(
                    (at.0, at.1 + 0.35 * size),
                    &symbol,
                    format_args!(r#"text-anchor="middle" font-size="{size:.1}""#),
                );
                if let Some(name) = &node.name {
                    svg.text((at.0, at.1 - RADIUS - 5.0), name, r#"text-anchor="middle" font-style="italic""#);
                }
            }
            if is_result(&nodes, i) {
                svg.arrow_head((fork.0 + 7.0, fork.1), INK);
            }
        }
        svg.finish()
    }
}

fn is_result<A: Scalar>(nodes: &[Node<A>], i: usize) -> bool {
    nodes.iter().all(|node| !node.operands.contains(&i))
}

/// The layout: each operation to the right of its operands, at their mean height.
struct Layout {
    at: Vec<(f64, f64)>,
    /// The length of each node's edge before it forks, which leaves room for the numbers.
    stubs: Vec<f64>,
    width: f64,
    height: f64,
}

impl Layout {
    fn new<A: Scalar>(nodes: &[Node<A>]) -> Self {
        let mut column = vec![0_usize; nodes.len()];
        for (i, node) in nodes.iter().enumerate() {
            column[i] = node.operands.iter().map(|&operand| column[operand] + 1).max().unwrap_or(0);
        }
        // A constant is placed next to the operation that uses it, not at the far left.
        for (i, node) in nodes.iter().enumerate() {
            for &operand in &node.operands {
                let used_once =
                    nodes.iter().map(|n| n.operands.iter().filter(|&&o| o == operand).count()).sum::<usize>() == 1;
                if matches!(nodes[operand].operation, Operation::Constant) && used_once {
                    column[operand] = column[i] - 1;
                }
            }
        }
        let columns = column.iter().max().map_or(0, |last| last + 1);
        let stubs: Vec<f64> = nodes
            .iter()
            .map(|node| {
                let (value, gradient) = (node.value_text(), node.gradient_text());
                16.0 + text_width(&value, 12.0).max(text_width(&gradient, 12.0))
            })
            .collect();
        // The left edge of a column, to the right of everything in the previous one.
        let mut left = vec![0.0; columns + 1];
        let names = (0..nodes.len()).filter(|&i| nodes[i].is_leaf()).map(|i| text_width(&name(nodes, i), 14.0));
        left[0] = MARGIN + names.fold(0.0, f64::max);
        for c in 0..columns {
            let widest = (0..nodes.len()).filter(|&i| column[i] == c).map(|i| stubs[i]).fold(0.0, f64::max);
            left[c + 1] = left[c] + 2.0 * RADIUS + widest + 26.0;
        }
        let mut rows: Vec<f64> = vec![0.0; nodes.len()];
        let mut taken: Vec<Vec<f64>> = vec![Vec::new(); columns];
        // The next free row at or below a row.
        let mut place = |column: usize, mut row: f64| {
            while taken[column].iter().any(|other| (other - row).abs() < 0.99) {
                row += 0.5;
            }
            taken[column].push(row);
            row
        };
        let is_inner_leaf = |i: usize| nodes[i].is_leaf() && column[i] > 0;
        let mut next = 0.0;
        for (i, node) in nodes.iter().enumerate().filter(|(i, _)| !is_inner_leaf(*i)) {
            let inner: Vec<f64> = node.operands.iter().filter(|&&o| !is_inner_leaf(o)).map(|&o| rows[o]).collect();
            if node.is_leaf() {
                rows[i] = place(0, next);
                next = rows[i] + 1.0;
            } else {
                rows[i] = place(column[i], inner.iter().sum::<f64>() / inner.len().max(1) as f64);
            }
        }
        for (i, node) in nodes.iter().enumerate() {
            for &operand in node.operands.iter().filter(|&&operand| is_inner_leaf(operand)) {
                rows[operand] = place(column[operand], rows[i] + 1.0);
            }
        }
        let last = rows.iter().copied().fold(0.0, f64::max);
        let at = (0..nodes.len()).map(|i| (left[column[i]], MARGIN + RADIUS + 8.0 + ROW * rows[i])).collect();
        Self { at, stubs, width: left[columns], height: 2.0 * (MARGIN + RADIUS + 8.0) + ROW * last }
    }

    /// Where the edges to the users of a node fork.
    fn fork(&self, i: usize) -> (f64, f64) {
        (self.at[i].0 + RADIUS + self.stubs[i], self.at[i].1)
    }
}

/// A small matrix in brackets, row by row; only the shape of a larger one.
fn brief<A: Scalar>(x: &Array2<A>) -> String {
    if x.len() == 1 {
        return x.iter().map(|x| figures(x.to_f64(), 4)).collect();
    }
    if x.is_empty() || x.len() > 6 {
        return format!("{} x {}", x.nrows(), x.ncols());
    }
    let row =
        |row: ndarray::ArrayView1<'_, A>| row.iter().map(|x| figures(x.to_f64(), 4)).collect::<Vec<_>>().join(", ");
    format!("[{}]", x.rows().into_iter().map(row).collect::<Vec<_>>().join("; "))
}

/// A quoted string for DOT.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
