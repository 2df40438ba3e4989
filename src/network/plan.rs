//! [`Plan`]: derived from a network's structure: buffers, which step writes a gradient first, whether it can be
//! trained.

use std::sync::OnceLock;

use super::nodes::Node;
use super::{Network, Origin, Port, Step, lengths, side_by_side};
use crate::layer::{InputLengths, LengthSource, Needs, Place, Taken, not_empty};
use crate::layers::Embedding;
use crate::{Error, Result, Scalar, Shape};

/// The execution plan of a network.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// The shapes of an input and an output row; `None` if the network accepts any input.
    pub(super) ends: Option<[Shape; 2]>,
    /// The length of an input row; `None` if the network accepts any input.
    declared: Option<usize>,
    /// The sizes of the values; empty if they depend on the input.
    sizes: Sizes,
    /// The sizes for input shapes that differ from the declared one.
    others: OnceLock<Box<Other>>,
    pub(super) steps: Vec<Planned>,
    /// The storage of inputs and outputs during prediction; when recording, each value has its own buffer.
    pub(super) inputs: Vec<Place>,
    pub(super) outputs: Vec<Place>,
    /// The number of buffers of a prediction, which are reused once their values are no longer needed.
    pub(super) predicting_buffers: usize,
    /// Whether the only input is read, and the only output written, without a copy.
    pub(super) whole: [bool; 2],
    pub(super) differentiable: bool,
    /// Whether a step finds lengths, or its input may have some.
    pub(super) with_lengths: bool,
    /// The origin of the lengths of the only output, if any.
    pub(super) output_lengths: Option<LengthSource>,
    /// The error if gradients would have to pass through a layer without a useful one.
    pub(super) untrainable: Option<Error>,
}

/// The number of input shapes besides the declared one whose sizes a network keeps.
const REMEMBERED: usize = 64;

/// The sizes for an input shape that differs from the declared one, and the next such shape.
#[derive(Debug, Clone)]
struct Other {
    input: Shape,
    sizes: Sizes,
    next: OnceLock<Box<Other>>,
}

/// The sizes of the values of a network, for one input.
#[derive(Debug, Clone, Default)]
pub(super) struct Sizes {
    /// The sample shape of each value.
    pub(super) shapes: Vec<Shape>,
    /// The number of elements of the largest value.
    pub(super) widest: usize,
    /// The memory of a training step besides input, output and parameters.
    pub(super) needs: Needs,
}

/// A step and its values.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub(super) node: usize,
    /// The first input; a layer has no other.
    pub(super) takes: Taken,
    /// All its inputs.
    pub(super) all: Vec<Taken>,
    pub(super) gives: Taken,
    /// The origin of the lengths of each input.
    pub(super) lengths: Vec<Option<LengthSource>>,
    /// Whether it finds lengths, or its input may have some.
    pub(super) with_lengths: bool,
    pub(super) finds_lengths: bool,
    /// Whether it is the first in the backward pass to write the gradients of its layer.
    pub(super) first_of_layer: bool,
    /// Whether it takes part in a backward pass: without and with the gradient with respect to the network's input.
    pub(super) active: [bool; 2],
}

impl Planned {
    /// The lengths of the sequences in its inputs.
    pub(super) fn lengths_of<'l>(&'l self, found: &'l [Vec<usize>], outer: Option<&'l [usize]>) -> InputLengths<'l> {
        InputLengths::new(found, outer, &self.lengths)
    }
}

impl Plan {
    pub(super) fn new<A: Scalar>(network: &Network<A>) -> Result<Self> {
        if network.steps.is_empty() {
            return Err(Error::Empty);
        }
        let users = users(network);
        check(network, &users)?;
        let shapes: Option<Vec<Shape>> = network.values.iter().map(|(_, shape)| *shape).collect();
        let ends = shapes.is_some().then(|| [network.input_shape(), network.prediction_shape()]);
        let whole = [
            network.inputs.len() == 1,
            // A value that other steps use cannot be stored in the caller's output.
            matches!(&*network.outputs, [one] if users[one.value].is_empty()
                && matches!(network.values[one.value].0, Origin::Step(_))),
        ];
        let (storage, buffers) = buffers(network, &users, whole);
        let learns = learns(network);
        let taken = |value: usize, writes_first: bool| {
            let recording = if is_whole(network, value, whole) { Place::Whole } else { Place::Buffer(value) };
            // Unless dL/dx is requested, only values that depend on a trainable parameter need a gradient.
            Taken { value, recording, predicting: storage[value], writes_first, wanted: [learns[value], true] }
        };
        let sources = lengths::sources(network)?;
        let mut met = vec![false; network.nodes.len()];
        let plan = |(at, step): (usize, &Step)| {
            let takes = step.takes.iter().enumerate().map(|(i, &value)| {
                let last = users[value].last() == Some(&at) && !step.takes[..i].contains(&value);
                taken(value, last && !is_output(network, value))
            });
            let all: Vec<Taken> = takes.collect();
            let first_of_layer = !std::mem::replace(&mut met[step.node], true);
            let own = network.nodes[step.node].learns();
            let active = [0, 1].map(|with_dx| own || all.iter().any(|taken| taken.wanted[with_dx]));
            let lengths: Vec<_> = step.takes.iter().map(|&value| sources[value]).collect();
            let finds_lengths = network.nodes[step.node].op.finds_lengths();
            let with_lengths = finds_lengths || lengths.iter().any(Option::is_some);
            let (node, takes, gives) = (step.node, all[0], taken(step.gives, false));
            Planned { node, takes, all, gives, lengths, with_lengths, finds_lengths, first_of_layer, active }
        };
        let mut steps: Vec<Planned> = network.steps.iter().enumerate().rev().map(plan).collect();
        steps.reverse();
        let of_ports = |ports: &[Port]| ports.iter().map(|port| storage[port.value]).collect();
        Ok(Self {
            ends,
            declared: ends.map(|[input, _]| input.len()),
            sizes: shapes.map_or_else(Sizes::default, |shapes| Sizes::of(network, shapes)),
            others: OnceLock::new(),
            with_lengths: steps.iter().any(|step| step.with_lengths),
            steps,
            inputs: of_ports(&network.inputs),
            outputs: of_ports(&network.outputs),
            predicting_buffers: buffers,
            whole,
            differentiable: reaches_output(network),
            output_lengths: network.output_source(&sources),
            untrainable: untrainable(network, &learns).or_else(|| lengths::unknown_to_losses(network, &sources)),
        })
    }

    /// The sizes of the values for this input. Those for the first inputs that differ from the declared one are
    /// kept; others are inferred into `room`.
    #[inline]
    pub(super) fn sizes<'s, A: Scalar>(
        &'s self,
        network: &Network<A>,
        input: Shape,
        room: &'s mut Sizes,
    ) -> Result<&'s Sizes> {
        if self.declared == Some(input.len()) { Ok(&self.sizes) } else { self.inferred(network, input, room) }
    }

    fn inferred<'s, A: Scalar>(&'s self, network: &Network<A>, input: Shape, room: &'s mut Sizes) -> Result<&'s Sizes> {
        let mut next = &self.others;
        for _ in 0..REMEMBERED {
            if next.get().is_none() {
                // Another thread may have been faster, with another input.
                let _ = next.set(Box::new(Other { input, sizes: infer(network, input)?, next: OnceLock::new() }));
            }
            match next.get() {
                Some(other) if other.input == input => return Ok(&other.sizes),
                Some(other) => next = &other.next,
                None => break,
            }
        }
        *room = infer(network, input)?;
        Ok(room)
    }

    /// The shape of an output row for this input.
    pub(super) fn output<A: Scalar>(&self, network: &Network<A>, input: Shape) -> Result<Shape> {
        match self.ends {
            Some([_, output]) if self.declared == Some(input.len()) => return Ok(output),
            Some([wants, _]) if !same_but_steps(network, wants, input) => {
                let wants = format!("{wants} features per sample");
                return Err(Error::Input { layer: format!("{network:?}"), wants, got: input });
            }
            _ => {}
        }
        let mut inferred = Sizes::default();
        let shapes = &self.sizes(network, input, &mut inferred)?.shapes;
        Ok(side_by_side(network.outputs.iter().map(|port| shapes[port.value])))
    }
}

/// Whether `input` differs from the declared shape of the network's single input only in the number of steps. Plain
/// features are steps where an embedding takes them as indices.
pub(super) fn same_but_steps<A: Scalar>(network: &Network<A>, declared: Shape, input: Shape) -> bool {
    let [port] = &*network.inputs else { return false };
    match (declared, input) {
        (Shape::Sequence { features, .. }, Shape::Sequence { steps: 1.., features: got }) => features == got,
        (Shape::Flat(indices), Shape::Flat(1..)) => {
            let mut users = network.steps.iter().filter(|step| step.takes.contains(&port.value)).peekable();
            users.peek().is_some()
                && users.all(|step| {
                    matches!(network.values[step.gives].1, Some(Shape::Sequence { steps, .. }) if steps == indices)
                        && network.nodes[step.node].op.as_any().is::<Embedding<A>>()
                })
        }
        _ => false,
    }
}

/// Whether a value is stored in the caller's input or output.
fn is_whole<A: Scalar>(network: &Network<A>, value: usize, whole: [bool; 2]) -> bool {
    (whole[0] && network.inputs[0].value == value) || (whole[1] && network.outputs[0].value == value)
}

/// The steps that use each value, in order.
fn users<A: Scalar>(network: &Network<A>) -> Vec<Vec<usize>> {
    let mut users = vec![Vec::new(); network.values.len()];
    for (at, step) in network.steps.iter().enumerate() {
        for &value in &step.takes {
            users[value].push(at);
        }
    }
    users
}

/// Returns an error if the network is incomplete.
fn check<A: Scalar>(network: &Network<A>, users: &[Vec<usize>]) -> Result<()> {
    let wrong = |step: String, problem: &str| Err(Error::Graph { step, problem: problem.to_owned() });
    if network.inputs.is_empty() {
        return wrong("the network".into(), "it has no input; declare one with `input`");
    }
    if network.outputs.is_empty() {
        return wrong("the network".into(), "it has no output; declare one with `output`");
    }
    for (i, port) in network.inputs.iter().enumerate() {
        if network.inputs[..i].iter().any(|other| other.name == port.name) {
            return wrong(format!("the input `{}`", port.name), "another one has this name; rename it");
        }
    }
    for (value, (origin, _)) in network.values.iter().enumerate() {
        if !users[value].is_empty() || network.outputs.iter().any(|port| port.value == value) {
            continue;
        }
        return match origin {
            Origin::Input => {
                let port = network.inputs.iter().find(|port| port.value == value);
                let name = port.map_or("", |port| &port.name);
                wrong(format!("the input `{name}`"), "no step takes it; use it in a step, or leave it out")
            }
            Origin::Step(at) => {
                let node = &network.nodes[network.steps[*at].node];
                let problem = "no step takes its output; declare it with `output`, or leave the step out";
                wrong(format!("step {}, {}", node.name, node.op.text()), problem)
            }
        };
    }
    let unused = (0..network.nodes.len()).find(|&node| !network.steps.iter().any(|step| step.node == node));
    match unused.map(|node| &network.nodes[node]) {
        Some(node) => wrong(
            format!("layer {}, {}", node.name, node.op.text()),
            "it is shared but never applied; call `apply`, or leave it out",
        ),
        None => Ok(()),
    }
}

/// Infers the sizes of the values of a network that accepts any input, of which it has one.
fn infer<A: Scalar>(network: &Network<A>, input: Shape) -> Result<Sizes> {
    if network.inputs.len() > 1 {
        let problem = "it has several inputs of any shape; add it to a network with `include`".to_owned();
        return Err(Error::Graph { step: format!("the block {network:?}"), problem });
    }
    let mut shapes = vec![input; network.values.len()];
    let mut taken = Vec::new();
    for step in &network.steps {
        taken.clear();
        taken.extend(step.takes.iter().map(|&value| shapes[value]));
        shapes[step.gives] = checked_output(&network.nodes[step.node], &taken, u64::MAX)?;
    }
    Ok(Sizes::of(network, shapes))
}

impl Sizes {
    fn of<A: Scalar>(network: &Network<A>, shapes: Vec<Shape>) -> Self {
        let widest = shapes.iter().map(|shape| shape.len()).max().unwrap_or(0);
        // Each value has a gradient, and so has each parameter.
        let values = shapes.iter().fold(0_u64, |sum, &shape| sum.saturating_add(numbers(shape).saturating_mul(2)));
        let mut parameters = 0;
        network.nodes.iter().for_each(|node| node.op.visit(&mut |_, w| parameters += 2 * w.len() as u64));
        let mut needs = Needs::per_sample(values).and(Needs::once(parameters));
        for step in &network.steps {
            let taken: Vec<Shape> = step.takes.iter().map(|&value| shapes[value]).collect();
            needs = needs.and(network.nodes[step.node].op.needs(&taken, shapes[step.gives]));
        }
        Self { shapes, widest, needs }
    }
}

/// The output shape of `node` for inputs of these shapes, if `limit` bytes are enough for a training step of one
/// sample.
///
/// Sizes are checked only here: layers neither count what they allocate nor see empty samples.
pub(super) fn checked_output<A: Scalar>(node: &Node<A>, inputs: &[Shape], limit: u64) -> Result<Shape> {
    let check = || {
        let text = || node.op.text();
        let afford = |needs: Needs| needs.afford::<A>(1, limit, text);
        // Inputs first, so that the size of none of them overflows in the layer's `output_shape`.
        inputs.iter().try_for_each(|&input| afford(Needs::per_sample(numbers(input))))?;
        let output = node.op.output_shape(inputs)?;
        afford(node.op.needs(inputs, output).and(Needs::per_sample(numbers(output).saturating_mul(2))))?;
        inputs.iter().chain([&output]).try_for_each(|&shape| not_empty(shape, text))?;
        Ok(output)
    };
    check().map_err(|error: Error| error.at(&node.name))
}

/// The number of elements of a sample; `u64::MAX` if it overflowed.
fn numbers(shape: Shape) -> u64 {
    if shape.len() == usize::MAX { u64::MAX } else { shape.len() as u64 }
}

/// Assigns each value of a prediction the first free buffer (a chain alternates between two). Also returns the number
/// of buffers.
fn buffers<A: Scalar>(network: &Network<A>, users: &[Vec<usize>], whole: [bool; 2]) -> (Vec<Place>, usize) {
    let mut storage = vec![Place::Whole; network.values.len()];
    let mut busy: Vec<bool> = Vec::new();
    let inputs = network.inputs.iter().map(|port| (port.value, None));
    let steps = network.steps.iter().enumerate().map(|(at, step)| (step.gives, Some(at)));
    for (value, at) in inputs.chain(steps) {
        if !is_whole(network, value, whole) {
            let free = busy.iter().position(|busy| !busy).unwrap_or(busy.len());
            busy.resize(busy.len().max(free + 1), false);
            busy[free] = true;
            storage[value] = Place::Buffer(free);
        }
        let Some(at) = at else { continue };
        for &taken in &network.steps[at].takes {
            let done = users[taken].last() == Some(&at) && !is_output(network, taken);
            if let (true, Place::Buffer(buffer)) = (done, storage[taken]) {
                busy[buffer] = false;
            }
        }
    }
    (storage, busy.len())
}

fn is_output<A: Scalar>(network: &Network<A>, value: usize) -> bool {
    network.outputs.iter().any(|port| port.value == value)
}

/// For each value, whether it depends on a trainable parameter.
fn learns<A: Scalar>(network: &Network<A>) -> Vec<bool> {
    let mut learns = vec![false; network.values.len()];
    for step in &network.steps {
        learns[step.gives] = network.nodes[step.node].learns() || step.takes.iter().any(|&value| learns[value]);
    }
    learns
}

/// Whether a gradient flows from an output to an input.
fn reaches_output<A: Scalar>(network: &Network<A>) -> bool {
    let mut reached: Vec<bool> = network.values.iter().map(|(origin, _)| matches!(origin, Origin::Input)).collect();
    for step in &network.steps {
        reached[step.gives] =
            network.nodes[step.node].op.differentiable() && step.takes.iter().any(|&value| reached[value]);
    }
    network.outputs.iter().any(|port| reached[port.value])
}

/// The error if all paths from a trainable parameter to the outputs contain a layer without a useful gradient. Nested
/// networks check themselves.
fn untrainable<A: Scalar>(network: &Network<A>, learns: &[bool]) -> Option<Error> {
    let mut leads: Vec<bool> = (0..network.values.len()).map(|value| is_output(network, value)).collect();
    let mut blocks = None;
    for step in network.steps.iter().rev() {
        let node = &network.nodes[step.node];
        if !node.op.differentiable() && step.takes.iter().any(|&value| learns[value]) {
            blocks = Some(node);
        }
        for &value in &step.takes {
            leads[value] |= leads[step.gives] && node.op.differentiable();
        }
    }
    let stuck = network.steps.iter().any(|step| network.nodes[step.node].learns() && !leads[step.gives]);
    let node = blocks.filter(|_| stuck)?;
    Some(Error::NotDifferentiable { layer: node.op.text() }.at(&node.name))
}
