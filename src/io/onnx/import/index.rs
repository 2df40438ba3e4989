//! The producers and consumers of each value of a graph.

use std::collections::{HashMap, HashSet};

use super::fold::FOLDED;
use super::{Node, table};
use crate::spec::onnx::{Attribute, FLOAT, Graph, Tensor};

/// The operators of a graph by their values.
pub(super) struct Index<'g> {
    nodes: &'g [Node<'g>],
    /// For each value, the operator that produces it, and the index of its output.
    makers: HashMap<&'g str, (usize, usize)>,
    pub(super) constants: HashMap<&'g str, &'g Tensor<'g>>,
    /// For each value, the operators that use it, and the index of their input.
    takers: HashMap<&'g str, Vec<(usize, usize)>>,
    outputs: HashSet<&'g str>,
    /// Values that do not depend on a sample.
    computed: HashSet<&'g str>,
}

impl<'g> Index<'g> {
    pub(super) fn of(graph: &'g Graph<'g>) -> Result<Self, String> {
        let mut constants: HashMap<&str, &Tensor> = HashMap::new();
        for (name, tensor) in &graph.constants {
            if constants.insert(name, tensor).is_some_and(|other| other != tensor) {
                return Err(format!("it has two different constants `{name}`"));
            }
        }
        let inputs: HashSet<&str> = graph.inputs.iter().map(|input| &*input.name).collect();
        let mut makers = HashMap::new();
        for (i, node) in graph.nodes.iter().enumerate() {
            for (output, name) in node.outputs.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
                if makers.insert(&**name, (i, output)).is_some()
                    || constants.contains_key(&**name)
                    || inputs.contains(&**name)
                {
                    return Err(format!("its operator {}: it makes `{name}`, which is there already", node.op));
                }
            }
        }
        let outputs = graph.outputs.iter().map(|output| &*output.name).collect();
        let mut index =
            Self { nodes: &graph.nodes, makers, constants, takers: HashMap::new(), outputs, computed: HashSet::new() };
        let needed = index.needed(graph);
        for &i in &needed {
            let node = &graph.nodes[i];
            table::check(node).map_err(|problem| format!("its operator {}: {problem}", node.op))?;
            for (position, input) in node.inputs.iter().enumerate() {
                index.takers.entry(input).or_default().push((i, position));
            }
        }
        index.compute(&needed)?;
        Ok(index)
    }

    /// The operators that outputs depend on.
    fn needed(&self, graph: &'g Graph<'g>) -> Vec<usize> {
        let mut seen = vec![false; self.nodes.len()];
        let mut values: Vec<&str> = graph.outputs.iter().map(|output| &*output.name).collect();
        while let Some(value) = values.pop() {
            if let Some(&(node, _)) = self.makers.get(value)
                && !seen[node]
            {
                seen[node] = true;
                values.extend(self.nodes[node].inputs.iter().map(|input| &**input));
            }
        }
        (0..seen.len()).filter(|&node| seen[node]).collect()
    }

    /// Goes through the operators in topological order, and marks the values that are constants.
    fn compute(&mut self, needed: &[usize]) -> Result<(), String> {
        let before = |node: usize| {
            self.nodes[node].inputs.iter().filter_map(|input| self.makers.get(&**input)).map(|&(before, _)| before)
        };
        let mut waits: HashMap<usize, usize> = needed.iter().map(|&node| (node, before(node).count())).collect();
        let mut after: HashMap<usize, Vec<usize>> = HashMap::new();
        for &node in needed {
            before(node).for_each(|before| after.entry(before).or_default().push(node));
        }
        let mut ready: Vec<usize> = needed.iter().copied().filter(|node| waits[node] == 0).collect();
        let mut done = 0;
        while let Some(i) = ready.pop() {
            done += 1;
            let node = &self.nodes[i];
            let known = |input: &String| {
                input.is_empty() || self.constants.contains_key(&**input) || self.computed.contains(&**input)
            };
            // `Shape` takes only the sizes of its input, `CastLike` only the type of its second one.
            let partly = node.op == "CastLike" && node.inputs.first().is_some_and(known);
            if node.op == "Shape" || partly || (FOLDED.contains(&&*node.op) && node.inputs.iter().all(known)) {
                self.computed.extend(node.outputs.iter().map(|output| &**output));
            }
            for &next in after.get(&i).into_iter().flatten() {
                if let Some(left) = waits.get_mut(&next) {
                    *left -= 1;
                    if *left == 0 {
                        ready.push(next);
                    }
                }
            }
        }
        if done == needed.len() {
            return Ok(());
        }
        let stuck = needed.iter().find(|node| waits[node] > 0).map_or("", |&node| &*self.nodes[node].op);
        Err(format!("its operators form a cycle, at {stuck}"))
    }

    /// The operator that produces a value, and the index of its output.
    pub(super) fn maker(&self, value: &str) -> Option<(&'g Node<'g>, usize)> {
        self.makers.get(value).map(|&(node, output)| (&self.nodes[node], output))
    }

    pub(super) fn is_constant(&self, value: &str) -> bool {
        self.constants.contains_key(value) || self.computed.contains(value)
    }

    /// The operators that use a value, and the index of their input.
    pub(super) fn takers(&self, value: &str) -> impl ExactSizeIterator<Item = (&'g Node<'g>, usize)> {
        let takers = self.takers.get(value).map_or(&[][..], Vec::as_slice);
        takers.iter().map(|&(node, input)| (&self.nodes[node], input))
    }

    pub(super) fn is_output(&self, value: &str) -> bool {
        self.outputs.contains(value)
    }

    pub(super) fn is_used(&self, value: &str) -> bool {
        !value.is_empty() && (self.takers.contains_key(value) || self.outputs.contains(value))
    }

    /// The operator of type `op` whose only output is this value, if the value has `uses` uses.
    pub(super) fn made(&self, value: Option<&str>, op: &str, uses: usize) -> Option<&'g Node<'g>> {
        let value = value?;
        let (node, output) = self.maker(value)?;
        let only = self.takers(value).len() == uses && !self.outputs.contains(value);
        let only = only && node.outputs.iter().skip(1).all(|other| !self.is_used(other));
        (node.op == op && output == 0 && only).then_some(node)
    }

    /// The value before casts between floating-point types, which some exporters write between all operators.
    fn before_casts<'v>(&self, value: Option<&'v str>) -> Option<&'v str>
    where
        'g: 'v,
    {
        const MOST: usize = 4;
        let mut value = value?;
        for _ in 0..MOST {
            let Some(cast) = self.made(Some(value), "Cast", 1) else { break };
            if !matches!(cast.attribute("to"), Some(Attribute::Int(FLOAT))) {
                break;
            }
            value = cast.input(0)?;
        }
        Some(value)
    }

    /// [`made`](Self::made) for a value with one use.
    pub(super) fn sole(&self, value: Option<&str>, op: &str) -> Option<&'g Node<'g>> {
        self.made(value, op, 1).or_else(|| self.made(self.before_casts(value), op, 1))
    }

    /// The operator of type `op` that produces one of the two inputs of `node` and has no other use, and the index of
    /// the other input.
    pub(super) fn side(&self, node: &Node<'_>, op: &str) -> Option<(&'g Node<'g>, usize)> {
        (0..2).find_map(|i| Some((self.sole(node.input(i), op)?, 1 - i)))
    }
}
