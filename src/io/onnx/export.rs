//! Exports a network as a graph of operators, step by step.

use std::collections::BTreeSet;

use crate::layer::{Join, Layer, Steps};
use crate::network::{Source, as_network};
use crate::spec::onnx::{FLOAT, Graph, Node, Operators, Port, dims};
use crate::{Error, Network, Result, Scalar, Shape};

/// The name of the axis of steps, if there may be any number of them.
const STEPS: &str = "steps";
/// The steps that are added for a comparison: enough that every size and constant that depends on their number differs.
const MORE: usize = 1000;

pub(super) fn write<A: Scalar>(network: &Network<A>) -> Result<Vec<u8>> {
    if let Some((name, _)) = network.outputs().find(|(name, _)| network.inputs().any(|(input, _)| input == *name)) {
        let problem = "an input has this name, and a value of an ONNX file has only one maker; take another name";
        return Err(Error::Graph { step: format!("the output `{name}`"), problem: problem.to_owned() });
    }
    let (mut graph, any_steps) = graph_of(network, network.input_shape())?;
    // A file is for any number of steps if no operator and no constant depends on it.
    if any_steps
        && let Some(longer) = with_more_steps(network)
        && let Ok((other, true)) = graph_of(network, longer)
        && (&graph.nodes, &graph.constants) == (&other.nodes, &other.constants)
    {
        let steps = dims(network.input_shape())[0];
        graph.steps = Some(steps);
        let ports = graph.inputs.iter_mut().zip(other.inputs).chain(graph.outputs.iter_mut().zip(other.outputs));
        ports.for_each(|(port, longer)| vary(port, &longer, steps));
    }
    Ok(graph.write())
}

/// The input with many more steps, if the network accepts it.
fn with_more_steps<A: Scalar>(network: &Network<A>) -> Option<Shape> {
    let longer = match network.declared_shape()? {
        Shape::Sequence { steps, features } => [steps.checked_add(MORE)?, features].into(),
        Shape::Flat(indices) => indices.checked_add(MORE)?.into(),
        Shape::Image { .. } => return None,
    };
    network.output_shape(longer).ok().map(|_| longer)
}

/// Makes those sizes variable that differ for a much longer sequence.
fn vary(port: &mut Port, longer: &Port, steps: usize) {
    for (axis, (size, longer)) in port.dims.iter_mut().zip(&longer.dims).enumerate().filter(|(_, (a, b))| a != b) {
        let same = (*size, *longer) == (Some(steps), Some(steps + MORE));
        port.variable = if same { STEPS.to_owned() } else { format!("{}_{axis}", port.name) };
        *size = None;
    }
}

/// The operators for this input, and whether they may be valid for other numbers of steps, too.
pub(super) fn graph_of<A: Scalar>(network: &Network<A>, input: Shape) -> Result<(Graph<'static>, bool)> {
    let mut operators = Operators::default();
    let port = |(name, shape): &(String, Shape)| Port {
        name: name.clone(),
        kind: FLOAT,
        dims: std::iter::once(None).chain(dims(*shape).into_iter().map(Some)).collect(),
        variable: String::new(),
    };
    let mut inputs: Vec<(String, Shape)> = network.inputs().map(|(name, shape)| (name.to_owned(), shape)).collect();
    if let [(_, shape)] = &mut *inputs {
        *shape = input;
    }
    operators.graph.inputs = inputs.iter().map(port).collect();
    // No value may have the name of an output.
    operators.graph.outputs = network.outputs().map(|(name, shape)| port(&(name.to_owned(), shape))).collect();
    let values = add_network(&mut operators, network, inputs, input, "")?;
    for (at, ((name, _), (value, shape))) in network.outputs().zip(values).enumerate() {
        operators.graph.outputs[at] = port(&(name.to_owned(), shape));
        let value = operators.as_output(&value, shape);
        operators.node("Identity", &[&value], []);
        if let Some(node) = operators.graph.nodes.last_mut() {
            node.outputs = vec![name.to_owned()];
        }
    }
    drop_unused(&mut operators.graph);
    Ok((operators.graph, !operators.of_these_steps))
}

/// Removes the operators and constants that no output depends on, such as lengths that no layer uses.
fn drop_unused(graph: &mut Graph<'_>) {
    let mut used: BTreeSet<String> = graph.outputs.iter().map(|port| port.name.clone()).collect();
    let nodes = std::mem::take(&mut graph.nodes).into_iter().rev();
    let keep = |node: &Node<'_>| {
        let keep = node.outputs.iter().any(|output| used.contains(output));
        if keep {
            used.extend(node.inputs.iter().cloned());
        }
        keep
    };
    graph.nodes = nodes.filter(keep).collect();
    graph.nodes.reverse();
    graph.constants.retain(|(name, _)| used.contains(name));
}

/// Adds the steps of a network with these inputs, and returns its outputs.
fn add_network<A: Scalar>(
    operators: &mut Operators,
    network: &Network<A>,
    inputs: Vec<(String, Shape)>,
    shape: Shape,
    prefix: &str,
) -> Result<Vec<(String, Shape)>> {
    let mut made: Vec<(String, Shape)> = Vec::new();
    let value_of = |made: &[(String, Shape)], source: &Source| match source {
        Source::Input(at) => inputs[*at].clone(),
        Source::Step(at) => made[*at].clone(),
    };
    for step in network.steps(shape)? {
        let takes: Vec<(String, Shape)> = step.sources.iter().map(|source| value_of(&made, source)).collect();
        let prefix = format!("{prefix}{}.", step.name);
        let written = if let Some(layer) = step.layer() {
            add_layer(operators, layer, takes.clone(), &prefix)
        } else {
            operators.begin(&prefix, takes.clone(), |f| {
                step.visit(&mut |info, matrix| f(&info.name.to_string(), info.dims, matrix));
            });
            step.join().map_or(Ok(()), |join| Join::onnx(join, operators)).map(|()| operators.value())
        };
        let value = written.map_err(|error| error.at(step.name))?;
        // The output of attention has the steps of its query.
        let query = step.join().is_some_and(|join| join.steps() == Steps::All);
        operators.pass_lengths_on(if query { &takes[..1] } else { &takes }, &value, step.output);
        made.push((value, step.output));
    }
    Ok(network.output_sources().map(|(_, source)| value_of(&made, &source)).collect())
}

/// Adds a layer, and returns the name of its output.
fn add_layer<A: Scalar>(
    operators: &mut Operators,
    layer: &dyn Layer<A>,
    takes: Vec<(String, Shape)>,
    prefix: &str,
) -> Result<String> {
    if let Some(network) = as_network(layer) {
        return add_nested(operators, network, &takes[0], prefix);
    }
    let (value, shape) = takes[0].clone();
    let takes =
        if layer.steps(shape) == Steps::Each { takes } else { vec![(operators.without_padding(&value, shape), shape)] };
    operators.begin(prefix, takes, |f| layer.visit(&mut |info, matrix| f(&info.name.to_string(), info.dims, matrix)));
    layer.onnx(operators)?;
    Ok(operators.value())
}

/// Adds a nested network, which maps one value, all its inputs side by side, to one value.
fn add_nested<A: Scalar>(
    operators: &mut Operators,
    network: &Network<A>,
    (value, shape): &(String, Shape),
    prefix: &str,
) -> Result<String> {
    use crate::spec::onnx::Attribute::Int;
    operators.set_value(value.clone());
    // The shape of its input may differ from the declared one, at the same size or in the number of steps.
    let own = network.declared_shape().filter(|own| own.len() == shape.len()).unwrap_or(*shape);
    operators.reshape(*shape, own);
    let count = network.inputs().len();
    let inputs = if count == 1 {
        vec![(operators.value(), own)]
    } else {
        let mut from = 0;
        let whole = operators.value();
        network
            .inputs()
            .map(|(_, shape)| {
                let to = from + shape.len();
                let [start, end, axis] = [from, to, 1].map(|n| operators.integers(&[n as i64]));
                from = to;
                let part = operators.node("Slice", &[&whole, &start, &end, &axis], []);
                operators.set_value(part);
                operators.reshape(Shape::Flat(shape.len()), shape);
                (operators.value(), shape)
            })
            .collect()
    };
    let outputs = add_network(operators, network, inputs, own, prefix)?;
    if let [(one, _)] = &*outputs {
        return Ok(one.clone());
    }
    let flat: Vec<String> =
        outputs.iter().map(|(value, _)| operators.node("Flatten", &[value], [("axis", Int(1))])).collect();
    let flat: Vec<&str> = flat.iter().map(|value| &**value).collect();
    Ok(operators.node("Concat", &flat, [("axis", Int(1))]))
}
