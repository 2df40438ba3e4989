//! A network becomes a graph, layer by layer.

use std::collections::BTreeMap;

use super::graph::{Attribute, Graph, Node, Port, Tensor};
use super::table;
use crate::layers::{Layer, Parallel, Residual};
use crate::network::nodes::Nodes;
use crate::spec::Spec;
use crate::{Error, Result, Scalar, Sequential, Shape};

/// The graph that is being made.
pub(super) struct Export {
    graph: Graph<'static>,
    /// The value that the next layer takes.
    pub(super) x: String,
    values: usize,
}

/// A layer that is to be written.
pub(super) struct At {
    pub(super) spec: Spec,
    /// Its place in the network, as in the names of its parameters: `2.`.
    place: String,
    pub(super) input: Shape,
    parameters: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

pub(super) fn write<A: Scalar>(network: &Sequential<A>) -> Result<Vec<u8>> {
    let mut export = Export { graph: Graph::default(), x: "x".into(), values: 0 };
    let port = |name: &str, shape| Port {
        name: name.to_owned(),
        dims: std::iter::once(None).chain(dims(shape).into_iter().map(Some)).collect(),
    };
    export.graph.inputs = vec![port("x", network.input())];
    export.graph.outputs = vec![port("y", network.output())];
    export.network(network, "")?;
    // The last value is the graph's output; a graph without operators needs one.
    export.x = export.node("Identity", &[&export.x.clone()], []);
    let last = export.graph.nodes.last_mut().map(|node| &mut node.outputs);
    if let Some(outputs) = last {
        *outputs = vec!["y".to_owned()];
    }
    Ok(export.graph.write())
}

impl Export {
    fn network<A: Scalar>(&mut self, network: &Sequential<A>, place: &str) -> Result<()> {
        let mut input = network.input();
        for (i, layer) in network.layers().enumerate() {
            let output = layer.output_shape(input)?;
            let write = self.layer(layer, input, &format!("{place}{i}."));
            write.map_err(|error| error.at(i))?;
            input = output;
        }
        Ok(())
    }

    /// Layers side by side, which all take the current value: the names of their outputs.
    fn fork<A: Scalar>(&mut self, nodes: &Nodes<A>, input: Shape, place: &str) -> Result<Vec<String>> {
        let x = self.x.clone();
        let branches = nodes.iter().enumerate().map(|(i, node)| {
            self.x.clone_from(&x);
            self.layer(&*node.layer, input, &format!("{place}{}.", node.name)).map_err(|error| error.at(i))?;
            Ok(self.x.clone())
        });
        branches.collect()
    }

    fn layer<A: Scalar>(&mut self, layer: &dyn Layer<A>, input: Shape, place: &str) -> Result<()> {
        let any: &dyn std::any::Any = layer;
        if let Some(network) = any.downcast_ref::<Sequential<A>>() {
            // It may see the same numbers in another shape.
            self.reshape(input, network.input());
            return self.network(network, place);
        }
        if let Some(residual) = any.downcast_ref::<Residual<A>>() {
            let x = self.x.clone();
            let ends = self.fork(residual.nodes(), input, place)?;
            self.x = self.node("Add", &[ends.get(1).unwrap_or(&x), &ends[0]], []);
            return Ok(());
        }
        if let Some(parallel) = any.downcast_ref::<Parallel<A>>() {
            let ends = self.fork(parallel.nodes(), input, place)?;
            let ends: Vec<&str> = ends.iter().map(|end| &**end).collect();
            self.x = if parallel.adds() {
                self.node("Sum", &ends, [])
            } else {
                let axis = channel_axis(parallel.output_shape(input)?);
                self.node("Concat", &ends, [("axis", Attribute::Int(axis))])
            };
            return Ok(());
        }
        let unsupported = |what: &str| Error::Unsupported { layer: format!("{layer:?}"), what: what.to_owned() };
        let spec = layer.spec().ok_or_else(|| unsupported("cannot be described; implement `spec` for it"))?;
        let mut parameters = BTreeMap::new();
        layer.visit(&mut |info, matrix| {
            let numbers = matrix.iter().map(|x| x.to_f64() as f32).collect();
            parameters.insert(info.name.to_string(), (info.dims.to_vec(), numbers));
        });
        let at = At { spec, place: place.to_owned(), input, parameters };
        if table::write(self, &at)? { Ok(()) } else { Err(unsupported("cannot be written as ONNX")) }
    }

    /// Adds an operator, and returns the name of its output.
    pub(super) fn node<const N: usize>(
        &mut self,
        op: &str,
        inputs: &[&str],
        attributes: [(&str, Attribute<'static>); N],
    ) -> String {
        self.values += 1;
        let output = format!("v{}", self.values);
        self.graph.nodes.push(Node {
            op: op.to_owned(),
            domain: String::new(),
            inputs: inputs.iter().map(|&input| input.to_owned()).collect(),
            outputs: vec![output.clone()],
            attributes: attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        });
        output
    }

    /// Adds an operator that takes the current value, and makes its output the current one.
    pub(super) fn then<const N: usize>(
        &mut self,
        op: &str,
        rest: &[&str],
        attributes: [(&str, Attribute<'static>); N],
    ) {
        let x = self.x.clone();
        let inputs: Vec<&str> = std::iter::once(&*x).chain(rest.iter().copied()).collect();
        self.x = self.node(op, &inputs, attributes);
    }

    /// Gives the last operator a second output, and returns the name of that.
    pub(super) fn second_output(&mut self) -> String {
        self.values += 1;
        let output = format!("v{}", self.values);
        if let Some(node) = self.graph.nodes.last_mut() {
            node.outputs.push(output.clone());
        }
        output
    }

    /// Adds a constant, and returns its name.
    pub(super) fn constant(&mut self, name: String, tensor: Tensor<'static>) -> String {
        self.graph.constants.push((name.clone(), tensor));
        name
    }

    /// A constant that is no parameter.
    pub(super) fn unnamed(&mut self, tensor: Tensor<'static>) -> String {
        self.values += 1;
        self.constant(format!("c{}", self.values), tensor)
    }

    /// A constant that is one number.
    pub(super) fn number(&mut self, x: f64) -> String {
        self.unnamed(Tensor::floats(&[], [x as f32]))
    }

    /// A constant list of integers, such as the sizes that `Reshape` takes.
    pub(super) fn integers(&mut self, list: &[i64]) -> String {
        self.unnamed(Tensor::ints(&[list.len()], list))
    }

    /// The current value with its numbers in another shape.
    pub(super) fn reshape(&mut self, from: Shape, to: Shape) {
        if dims(from) != dims(to) {
            // 0 keeps the size of the batch.
            let sizes: Vec<i64> = std::iter::once(0).chain(dims(to).into_iter().map(|n| n as i64)).collect();
            let sizes = self.integers(&sizes);
            self.then("Reshape", &[&sizes], []);
        }
    }
}

impl At {
    /// The parameter of this name: its sizes and numbers.
    pub(super) fn parameter(&self, name: &str) -> Result<(&[usize], &[f32])> {
        let parameter = self.parameters.get(name).map(|(dims, numbers)| (&**dims, &**numbers));
        parameter.ok_or_else(|| self.spec.problem(format!("it has no parameter `{name}`")))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.parameters.contains_key(name)
    }

    /// The name under which a parameter is a constant.
    pub(super) fn name(&self, parameter: &str) -> String {
        format!("{}{parameter}", self.place)
    }

    /// The parameter as a constant of these sizes.
    pub(super) fn constant(&self, export: &mut Export, name: &str, dims: &[usize]) -> Result<String> {
        let (_, numbers) = self.parameter(name)?;
        Ok(export.constant(self.name(name), Tensor::floats(dims, numbers.iter().copied())))
    }

    /// The sizes that let one number a channel meet all of its channel: [c], or [c, 1, 1] in an image.
    pub(super) fn per_channel(&self, count: usize) -> Vec<usize> {
        match self.input {
            Shape::Image { .. } if count > 1 => vec![count, 1, 1],
            _ => vec![count],
        }
    }
}

/// The axis of features or channels, with the batch as axis 0.
pub(super) fn channel_axis(shape: Shape) -> i64 {
    if matches!(shape, Shape::Sequence { .. }) { 2 } else { 1 }
}

pub(super) fn ints(list: impl IntoIterator<Item = usize>) -> Attribute<'static> {
    Attribute::Ints(list.into_iter().map(|n| n as i64).collect())
}

/// The sizes of a sample.
pub(super) fn dims(shape: Shape) -> Vec<usize> {
    shape.with_sizes(<[usize]>::to_vec)
}
