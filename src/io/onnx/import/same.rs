//! Whether a network is exported as the graph that it was read from.

use std::collections::HashMap;

use crate::io::onnx::export::graph_of;
use crate::spec::onnx::{Graph, Tensor};
use crate::{Network, Scalar};

/// Whether the outputs of a graph are computed by the operators that this network is exported as.
pub(super) fn is_written_as<A: Scalar>(network: &Network<A>, graph: &Graph<'_>) -> bool {
    let Ok((written, _)) = graph_of(network, network.input_shape()) else { return false };
    let mut table = HashMap::new();
    let outputs = numbered(&written, &mut table);
    outputs.is_some() && outputs == numbered(graph, &mut table)
}

/// How a value is computed, from others by their numbers.
#[derive(PartialEq, Eq, Hash)]
enum Origin<'g> {
    Input(&'g str),
    Constant(&'g Tensor<'g>),
    /// An operator: its type, domain, attributes and inputs, of which one may be missing.
    Operator(&'g str, &'g str, Vec<(&'g str, String)>, Vec<Option<usize>>),
    /// An output of an operator.
    Output(usize, usize),
}

/// The outputs of a graph by name, each with a number that equal values of all graphs of the table share; `None` if an
/// operator comes before one of its inputs.
fn numbered<'g>(graph: &'g Graph<'_>, table: &mut HashMap<Origin<'g>, usize>) -> Option<Vec<(&'g str, usize)>> {
    let mut number = |origin| {
        let next = table.len();
        *table.entry(origin).or_insert(next)
    };
    let mut values: HashMap<&str, usize> = HashMap::new();
    for (name, tensor) in &graph.constants {
        values.insert(name, number(Origin::Constant(tensor)));
    }
    for port in graph.inputs.iter().filter(|port| !graph.constants.iter().any(|(name, _)| *name == port.name)) {
        values.insert(&port.name, number(Origin::Input(&port.name)));
    }
    for node in &graph.nodes {
        let mut attributes: Vec<_> =
            node.attributes.iter().map(|(name, value)| (&**name, format!("{value:?}"))).collect();
        attributes.sort();
        let input = |name: &String| if name.is_empty() { Some(None) } else { values.get(&**name).copied().map(Some) };
        let inputs = node.inputs.iter().map(input).collect::<Option<Vec<_>>>()?;
        let operator = number(Origin::Operator(&node.op, &node.domain, attributes, inputs));
        for (i, name) in node.outputs.iter().enumerate() {
            values.insert(name, number(Origin::Output(operator, i)));
        }
    }
    graph.outputs.iter().map(|port| Some((&*port.name, *values.get(&*port.name)?))).collect()
}
