//! A network as [`Code`], step by step; nested networks are inlined.

use crate::layer::{Join, Layer};
use crate::network::{Source, as_network};
use crate::spec::rust::{Code, Numbers, functions};
use crate::{Error, Network, Result, Scalar, Shape};

/// The calls of a network, and its outputs.
pub(super) fn write<A: Scalar>(network: &Network<A>, int8: bool) -> Result<(Code, Vec<Numbers>)> {
    let input = network.input_shape();
    let mut code = Code::new(A::NAME, int8, input.len());
    let outputs = add_inside(&mut code, network, input, ("", false))?;
    if let Some(name) = code.program.clash {
        let what = format!("calls a function {name}, which another layer has, too; give it another name");
        return Err(Error::Unsupported { layer: format!("{network:?}"), what });
    }
    Ok((code, outputs))
}

/// Adds a nested network, whose inputs are side by side in the current numbers.
fn add_inside<A: Scalar>(
    code: &mut Code,
    network: &Network<A>,
    shape: Shape,
    place: (&str, bool),
) -> Result<Vec<Numbers>> {
    let (whole, mut from) = (code.current(), 0);
    if network.inputs().len() == 1 {
        return add_network(code, network, vec![whole], shape, place);
    }
    let parts = network.inputs().map(|(_, shape)| {
        from += shape.len();
        whole.part(from - shape.len(), shape.len())
    });
    let parts = parts.collect();
    add_network(code, network, parts, shape, place)
}

/// Adds the steps of a network with these inputs; the last argument is the prefix of its parameters' names, and whether
/// other steps use them, too.
fn add_network<A: Scalar>(
    code: &mut Code,
    network: &Network<A>,
    inputs: Vec<Numbers>,
    shape: Shape,
    (prefix, shared): (&str, bool),
) -> Result<Vec<Numbers>> {
    if let Some((name, layer)) = network.first_with_lengths() {
        let what = "depends on the lengths of sequences, which Rust source cannot follow yet; use an embedding without a \
                    padding index, and sequences without padding";
        return Err(Error::Unsupported { layer, what: what.to_owned() }.at(name));
    }
    let steps = network.steps(shape)?;
    let mut made: Vec<Numbers> = Vec::new();
    let numbers_of = |made: &[Numbers], source: &Source| match *source {
        Source::Input(at) => inputs[at],
        Source::Step(at) => made[at],
    };
    let is_shared = |source: Source| {
        let taken = steps.iter().flat_map(|step| &step.sources).filter(|other| **other == source).count();
        taken + network.output_sources().filter(|(_, other)| *other == source).count() > 1
    };
    for (_, numbers) in inputs.iter().enumerate().filter(|&(at, _)| is_shared(Source::Input(at))) {
        code.program.pin(*numbers);
    }
    for (at, step) in steps.iter().enumerate() {
        let takes: Vec<(Numbers, Shape)> = step
            .sources
            .iter()
            .map(|source| numbers_of(&made, source))
            .zip(step.input_shapes.iter().copied())
            .collect();
        let shared = shared || steps.iter().filter(|other| other.home == step.home).count() > 1;
        let name = format!("{prefix}{}", step.name);
        let prefix = format!("{name}.");
        let gives = if let Some(layer) = step.layer() {
            add_layer(code, layer, takes, (&prefix, format!("{name}, {}", step.text), shared))
        } else {
            code.begin((&prefix, format!("{name}, {}", step.text), shared), takes, |f| {
                step.visit(&mut |info, matrix| f(&info.name.to_string(), matrix));
            });
            step.join().map_or(Ok(()), |join| Join::rust(join, code)).map(|()| code.current())
        };
        let gives = gives.map_err(|error| error.at(step.name))?;
        if is_shared(Source::Step(at)) {
            code.program.pin(gives);
        }
        made.push(gives);
    }
    Ok(network.output_sources().map(|(_, source)| numbers_of(&made, &source)).collect())
}

/// Adds a layer, and returns its output.
fn add_layer<A: Scalar>(
    code: &mut Code,
    layer: &dyn Layer<A>,
    takes: Vec<(Numbers, Shape)>,
    (prefix, note, shared): (&str, String, bool),
) -> Result<Numbers> {
    let Some(network) = as_network(layer) else {
        code.begin((prefix, note, shared), takes, |f| {
            layer.visit(&mut |info, matrix| f(&info.name.to_string(), matrix));
        });
        layer.rust(code)?;
        return Ok(code.current());
    };
    let (numbers, shape) = takes[0];
    code.set_current(numbers);
    let own = network.declared_shape().unwrap_or(shape);
    let outputs = add_inside(code, network, own, (prefix, shared))?;
    if let [one] = *outputs {
        return Ok(one);
    }
    let total = outputs.iter().map(|numbers| numbers.len()).sum();
    Ok(code.call_list(&functions::CONCAT, &outputs, total, &[&1]))
}
