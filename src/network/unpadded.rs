//! Passes of layers on sequences without the padding.

use ndarray::Array2;
use rand::rngs::Xoshiro256PlusPlus;

use super::lengths::lost;
use super::nodes::{Node, Op};
use super::plan::{Planned, Sizes};
use super::unpadded_join::UnpaddedJoin;
use super::{Network, Step};
use crate::kernels::resize;
use crate::kernels::sequences::Sequences;
use crate::layer::{Backward, Cache, Inputs, Join, JoinBackward, JoinPass, Layer, Pass, Place, Steps};
use crate::{Matrix, Result, Scalar, Shape};

/// A step in a pass.
pub(super) struct At<'p, A: Scalar> {
    pub(super) node: &'p Node<A>,
    pub(super) index: usize,
    pub(super) step: &'p Planned,
    pub(super) shapes: &'p [Shape],
    /// The lengths of the network's own input.
    pub(super) outer: Option<&'p [usize]>,
    /// Whether the pass is training, and whether a backward pass follows.
    pub(super) modes: [bool; 2],
}

/// The part of the network's state that a step with lengths needs.
pub(super) struct WithLengths<'s, A: Scalar> {
    pub(super) buffers: &'s mut [Array2<A>],
    pub(super) caches: &'s mut [Cache],
    pub(super) taken: &'s mut Vec<Shape>,
    pub(super) lengths: &'s mut [Vec<usize>],
    pub(super) unpadded: &'s mut Option<Box<Unpadded<A>>>,
}

impl<A: Scalar> WithLengths<'_, A> {
    /// The forward pass of a step that finds lengths, or whose input may have some.
    #[cold]
    pub(super) fn forward(
        self,
        At { node, index, step, shapes, outer, modes: [training, recording] }: At<'_, A>,
        x: &Matrix<A>,
        y: &mut Matrix<A>,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Result<()> {
        let Self { buffers, caches, taken, lengths, unpadded } = self;
        let mut own = std::mem::take(&mut lengths[index]);
        own.clear();
        let mut held = Array2::default((0, 0));
        let gives = step.gives.place(recording);
        let into: &mut Matrix<A> = match gives {
            Place::Whole => y,
            Place::Buffer(to) => {
                std::mem::swap(&mut held, &mut buffers[to]);
                &mut held
            }
        };
        let inputs = Inputs::new(x, buffers, &step.all, recording);
        let (known, output) = (step.lengths_of(lengths, outer), shapes[step.gives.value]);
        let (cache, found) = (&mut caches[index], step.finds_lengths.then_some(&mut own));
        let result = match &node.op {
            Op::Layer(layer) => {
                let pass = &mut Pass::new(shapes[step.takes.value], [training, recording], cache, rng);
                pass.lengths = known.get(0).filter(|_| !step.finds_lengths);
                pass.found = found;
                match pass.lengths {
                    None => layer.forward(inputs.get(0), into, pass),
                    Some(_) => unpadded.get_or_insert_default().forward(node, inputs.get(0), into, output, pass),
                }
            }
            Op::Join(join) => {
                taken.clear();
                taken.extend(step.all.iter().map(|taken| shapes[taken.value]));
                let pass = &mut JoinPass { training, recording, inputs: taken, cache, rng, lengths: known, found };
                check_join(node, pass).and_then(|()| forward_join(&**join, inputs, into, output, pass, unpadded))
            }
        };
        if let Place::Buffer(to) = gives {
            buffers[to] = held;
        }
        lengths[index] = own;
        result
    }
}

/// Inputs and outputs without padding, and their gradients; reused between steps.
#[derive(Debug)]
pub(super) struct Unpadded<A> {
    x: Array2<A>,
    y: Array2<A>,
    dy: Array2<A>,
    dx: Array2<A>,
    join: UnpaddedJoin<A>,
}

impl<A: Scalar> Default for Unpadded<A> {
    fn default() -> Self {
        let [x, y, dy, dx] = std::array::from_fn(|_| Array2::default((0, 0)));
        Self { x, y, dy, dx, join: UnpaddedJoin::default() }
    }
}

impl<A: Scalar> Unpadded<A> {
    /// The forward pass of a layer on sequences of `pass.lengths`. The output is 0 in padding.
    pub(super) fn forward(
        &mut self,
        node: &Node<A>,
        x: &Matrix<A>,
        y: &mut Matrix<A>,
        output: Shape,
        pass: &mut Pass<'_>,
    ) -> Result<()> {
        let Some(layer) = node.op.as_layer() else { return Ok(()) };
        let rule = layer.steps(pass.input);
        let Some(own) = for_layer(rule, pass) else { return layer.forward(x, y, pass) };
        if rule == Steps::Unknown {
            return Err(lost(node));
        }
        own.gather(x, &mut self.x)?;
        if !matches!(output, Shape::Sequence { .. }) {
            return layer.forward(&self.x, y, pass);
        }
        resize(&mut self.y, self.x.nrows(), y.ncols() / own.steps() * own.kept())?;
        layer.forward(&self.x, &mut self.y, pass)?;
        own.scatter(&self.y, y);
        Ok(())
    }

    /// The backward pass of [`forward`](Self::forward). The gradient with respect to padding is 0.
    pub(super) fn backward(
        &mut self,
        layer: &dyn Layer<A>,
        at: Backward<'_, A>,
        output: Shape,
        pass: &mut Pass<'_>,
    ) -> Result<()> {
        let Some(own) = for_layer(layer.steps(pass.input), pass) else { return layer.backward(at, pass) };
        let Backward { x, y, dy, dx, dw } = at;
        let Self { x: own_x, y: own_y, dy: own_dy, dx: own_dx, .. } = self;
        own.gather(x, own_x)?;
        let (y, dy) = if matches!(output, Shape::Sequence { .. }) {
            own.gather(y, own_y)?;
            own.gather(dy, own_dy)?;
            (&**own_y, &**own_dy)
        } else {
            (y, dy)
        };
        let Some(dx) = dx else { return layer.backward(Backward { x: own_x, y, dy, dx: None, dw }, pass) };
        resize(own_dx, own_x.nrows(), own_x.ncols())?;
        layer.backward(Backward { x: own_x, y, dy, dx: Some(own_dx), dw }, pass)?;
        own.scatter(own_dx, dx);
        Ok(())
    }
}

/// The forward pass of a join whose inputs may have lengths.
fn forward_join<A: Scalar>(
    join: &dyn Join<A>,
    inputs: Inputs<'_, A>,
    y: &mut Matrix<A>,
    output: Shape,
    pass: &mut JoinPass<'_>,
    unpadded: &mut Option<Box<Unpadded<A>>>,
) -> Result<()> {
    if join.steps() == Steps::All && known_lengths(pass).is_some() {
        return unpadded.get_or_insert_default().join.forward(join, inputs, y, output, pass);
    }
    join.forward(inputs, y, pass)?;
    clear_join(join, y, output, pass);
    Ok(())
}

/// The backward pass of a join whose inputs may have lengths.
pub(super) fn backward_join<A: Scalar>(
    join: &dyn Join<A>,
    at: JoinBackward<'_, A>,
    output: Shape,
    pass: &mut JoinPass<'_>,
    unpadded: &mut Option<Box<Unpadded<A>>>,
) -> Result<()> {
    if known_lengths(pass).is_none() {
        return join.backward(at, pass);
    }
    if join.steps() == Steps::All {
        return unpadded.get_or_insert_default().join.backward(join, at, output, pass);
    }
    let JoinBackward { inputs, y, dy, dx, dw } = at;
    join.backward(JoinBackward { inputs, y, dy, dx: &mut *dx, dw }, pass)?;
    for (dx, &shape) in dx.iter_mut().zip(pass.inputs) {
        clear_join(join, dx, shape, pass);
    }
    Ok(())
}

/// The lengths of the first input whose lengths are known.
fn known_lengths<'l>(pass: &JoinPass<'l>) -> Option<&'l [usize]> {
    (0..pass.inputs.len()).find_map(|input| pass.lengths.get(input))
}

/// Zeroes the padding of an output of a join that acts on each step alone, or of the gradient with respect to an input.
fn clear_join<A: Scalar>(join: &dyn Join<A>, y: &mut Matrix<A>, shape: Shape, pass: &JoinPass<'_>) {
    if let (Some(lengths), Shape::Sequence { steps, .. }, Steps::Each) = (known_lengths(pass), shape, join.steps()) {
        Sequences::each_step(lengths, steps).clear_padding(y);
    }
}

/// The sequences in the form that a layer with this rule takes; changes the pass to match. `None` without lengths.
fn for_layer<'a>(rule: Steps, pass: &mut Pass<'a>) -> Option<Sequences<'a>> {
    let (Some(lengths), Shape::Sequence { steps, features }) = (pass.lengths, pass.input) else { return None };
    let own = if rule == Steps::Each {
        pass.lengths = None;
        Sequences::each_step(lengths, steps)
    } else {
        Sequences::to_the_longest(lengths, steps)
    };
    pass.input = Shape::Sequence { steps: own.kept(), features };
    Some(own)
}

/// The backward pass of a layer whose input may have lengths.
#[cold]
pub(super) fn backward<A: Scalar>(
    layer: &dyn Layer<A>,
    at: Backward<'_, A>,
    output: Shape,
    pass: &mut Pass<'_>,
    unpadded: &mut Option<Box<Unpadded<A>>>,
) -> Result<()> {
    match pass.lengths {
        None => layer.backward(at, pass),
        Some(_) => unpadded.get_or_insert_default().backward(layer, at, output, pass),
    }
}

/// Returns an error if a join would lose the lengths of its inputs.
fn check_join<A: Scalar>(node: &Node<A>, pass: &JoinPass<'_>) -> Result<()> {
    let mut inputs = pass.inputs.iter().enumerate();
    let any = inputs.any(|(i, shape)| matches!(shape, Shape::Sequence { .. }) && pass.lengths.get(i).is_some());
    let loses = any && !node.op.finds_lengths() && node.op.steps(pass.inputs[0]) == Steps::Unknown;
    if loses { Err(lost(node)) } else { Ok(()) }
}

impl<A: Scalar> Network<A> {
    /// The steps that take sequences, for inputs of this shape, and how they treat their steps.
    fn of_sequences<'n, 's>(
        &'n self,
        shapes: &'s [Shape],
    ) -> impl Iterator<Item = (&'n Node<A>, Steps)> + use<'n, 's, A> {
        let takes = |step: &&Step| step.takes.iter().any(|&value| matches!(shapes[value], Shape::Sequence { .. }));
        self.steps.iter().filter(takes).map(|step| {
            let node = &self.nodes[step.node];
            (node, node.op.steps(shapes[step.takes[0]]))
        })
    }

    /// The first step that is not causal, for inputs of this shape.
    pub(super) fn not_causal(&self, input: Shape) -> Result<Option<&Node<A>>> {
        let mut inferred = Sizes::default();
        let shapes = &self.plan()?.sizes(self, input, &mut inferred)?.shapes;
        Ok(self.of_sequences(shapes).find(|(_, steps)| *steps > Steps::Causal).map(|(node, _)| node))
    }

    /// As [`Layer::steps`].
    pub(super) fn combined_steps(&self, input: Shape) -> Steps {
        let mut inferred = Sizes::default();
        let Ok(sizes) = self.plan().and_then(|plan| plan.sizes(self, input, &mut inferred)) else {
            return Steps::Unknown;
        };
        self.of_sequences(&sizes.shapes).map(|(_, steps)| steps).max().unwrap_or(Steps::Each)
    }
}
