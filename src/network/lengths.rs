//! Lengths of sequences: their origin, and the steps that lose them.

use super::Network;
use super::nodes::Node;
use crate::layer::{LengthSource, Steps};
use crate::{Error, Result, Scalar, Shape};

/// The origin of the lengths of each value: the step that finds them, or the network's own input.
///
/// # Errors
/// If a step loses lengths that another step has found.
pub(super) fn sources<A: Scalar>(network: &Network<A>) -> Result<Vec<Option<LengthSource>>> {
    let is_sequence = |value: usize| matches!(network.values[value].1, None | Some(Shape::Sequence { .. }));
    let mut sources = vec![None; network.values.len()];
    if let [input] = &*network.inputs {
        sources[input.value] = is_sequence(input.value).then_some(LengthSource::Outer);
    }
    for (at, step) in network.steps.iter().enumerate() {
        let node = &network.nodes[step.node];
        let taken: Vec<_> = step.takes.iter().map(|&value| sources[value]).collect();
        sources[step.gives] = if node.op.finds_lengths() {
            Some(LengthSource::Step(at))
        } else {
            // In a network of unknown shapes, the engine checks.
            let steps = network.values[step.takes[0]].1.map_or(Steps::All, |shape| node.op.steps(shape));
            passed_on(node, &taken, steps)?.filter(|_| is_sequence(step.gives))
        };
    }
    Ok(sources)
}

/// The origin of the lengths that a step passes on.
fn passed_on<A: Scalar>(node: &Node<A>, taken: &[Option<LengthSource>], steps: Steps) -> Result<Option<LengthSource>> {
    if steps == Steps::Unknown {
        let found = taken.iter().flatten().any(|source| matches!(source, LengthSource::Step(_)));
        return if found { Err(lost(node)) } else { Ok(None) };
    }
    if steps == Steps::All {
        return Ok(taken[0]); // Attention has the steps of its query.
    }
    let mut known = taken.iter().flatten();
    let first = known.next().copied();
    if known.any(|&other| Some(other) != first) {
        let problem = "its inputs have lengths of different origin; find them once, before the branches";
        return Err(Error::Graph { step: what(node), problem: problem.to_owned() });
    }
    Ok(first)
}

/// The error for training a network of several outputs, one of which has lengths: its loss would count the padding.
pub(super) fn unknown_to_losses<A: Scalar>(network: &Network<A>, sources: &[Option<LengthSource>]) -> Option<Error> {
    let padded = |value: usize| matches!(sources[value], Some(LengthSource::Step(_)));
    let port = network.outputs.iter().find(|port| network.outputs.len() > 1 && padded(port.value))?;
    let problem = "its sequences have lengths, which losses of several outputs do not take into account; train it \
                   as the only output, or read the sequence before it";
    Some(Error::Graph { step: format!("the output {}", port.name), problem: problem.to_owned() })
}

/// The error for a layer or join that combines the steps of a sequence without its lengths.
pub(super) fn lost<A: Scalar>(node: &Node<A>) -> Error {
    let problem = "the lengths of its sequences are lost: it combines their steps without knowing which are padding; \
                   read the sequence before it, with a layer such as a recurrent one or a global pool";
    Error::Graph { step: what(node), problem: problem.to_owned() }
}

fn what<A: Scalar>(node: &Node<A>) -> String {
    format!("layer {}, {}", node.name, node.op.text())
}

impl<A: Scalar> Network<A> {
    /// The origin of the lengths of the only output, if any.
    pub(super) fn output_source(&self, sources: &[Option<LengthSource>]) -> Option<LengthSource> {
        if let [output] = &*self.outputs { sources[output.value] } else { None }
    }

    /// Returns an error if a step loses lengths, unless none can find them.
    pub(super) fn check_lengths(&self) -> Result<()> {
        let finds = self.nodes.iter().any(|node| node.op.finds_lengths());
        if finds { sources(self).map(drop) } else { Ok(()) }
    }

    /// The first step, by name and text, whose result depends on lengths that another step finds: for files that cannot
    /// represent lengths.
    #[cfg(feature = "files")]
    pub(crate) fn first_with_lengths(&self) -> Option<(&str, String)> {
        let sources = sources(self).ok()?;
        let found = |value: usize| matches!(sources[value], Some(LengthSource::Step(_)));
        let ends = |step: &super::Step| self.outputs.iter().any(|port| port.value == step.gives);
        let depends = |step: &&super::Step| {
            let node = &self.nodes[step.node];
            let steps = self.values[step.takes[0]].1.map_or(Steps::Unknown, |shape| node.op.steps(shape));
            step.takes.iter().any(|&value| found(value)) && (ends(step) || steps != Steps::Each)
        };
        let node = &self.nodes[self.steps.iter().find(depends)?.node];
        Some((&node.name, node.op.text()))
    }
}
