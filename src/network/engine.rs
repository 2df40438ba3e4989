//! The forward and backward passes of all networks.

use std::any::TypeId;

use ndarray::{Array2, s};

use super::Network;
use super::ends::{split, stored};
use super::nodes::{Node, Op};
use super::plan::Sizes;
use super::unpadded::{self, At, Unpadded, WithLengths};
use crate::clock::Times;
use crate::kernels::simd::each;
use crate::kernels::{flat, flat_mut, resize};
use crate::layer::{
    Backward, Cache, Info, InputLengths, Inputs, JoinBackward, JoinPass, Layer, LengthSource, Needs, Pass, Place,
    Steps, Taken,
};
use crate::spec::Spec;
use crate::{Error, Matrix, Result, Scalar, Shape};

/// The state of a network on a tape.
pub(super) struct State<A: Scalar> {
    /// The values: one buffer each when recording, shared as planned when predicting.
    pub(super) buffers: Vec<Array2<A>>,
    /// dL/d(value) for each value with a buffer; a trace reads all of them.
    pub(super) gradients: Vec<Array2<A>>,
    /// A gradient that is about to be added to another one.
    more: Array2<A>,
    /// The gradients with respect to the inputs of a join.
    joined: Vec<Array2<A>>,
    /// The parameter gradients of a shared layer at its later uses.
    shared: Vec<Array2<A>>,
    /// One per step.
    caches: Vec<Cache>,
    /// The lengths that each step has found.
    lengths: Vec<Vec<usize>>,
    /// Only of sequences with lengths.
    unpadded: Option<Box<Unpadded<A>>>,
    /// The input shapes of a join.
    taken: Vec<Shape>,
    /// The times of the steps of a pass, if they are taken.
    pub(super) times: Times,
    /// The network that recorded the pass; 0 after a prediction.
    id: usize,
}

impl<A: Scalar> Default for State<A> {
    fn default() -> Self {
        Self {
            buffers: Vec::new(),
            gradients: Vec::new(),
            more: Array2::default((0, 0)),
            joined: Vec::new(),
            shared: Vec::new(),
            caches: Vec::new(),
            lengths: Vec::new(),
            unpadded: None,
            taken: Vec::new(),
            times: Times::default(),
            id: 0,
        }
    }
}

impl<A: Scalar> Layer<A> for Network<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        self.plan()?.output(self, input)
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        self.run_forward::<false>(x, y, pass)
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        self.run_backward::<false>(at, pass)
    }

    fn visit(&self, f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {
        self.nodes.iter().for_each(|node| node.visit(f));
    }

    fn visit_mut(&mut self, f: &mut dyn FnMut(Info<'_>, &mut Array2<A>)) {
        self.nodes.iter_mut().for_each(|node| node.visit_mut(f));
    }

    fn update_statistics(&mut self, cache: &mut Cache) {
        if !self.nodes.iter().any(Node::has_statistics) {
            return;
        }
        let state = cache.get::<State<A>>();
        for (step, cache) in self.steps.iter().zip(&mut state.caches) {
            self.nodes[step.node].update_statistics(cache);
        }
    }

    fn scale_rates(&self, rates: &mut [f64]) {
        self.nodes.iter().for_each(|node| node.scale_rates(&mut rates[node.slots.clone()]));
    }

    fn multiply_adds(&self, input: Shape) -> u64 {
        let mut inferred = Sizes::default();
        let Ok(sizes) = self.plan().and_then(|plan| plan.sizes(self, input, &mut inferred)) else { return 0 };
        let count = |step: &super::Step| {
            let taken: Vec<Shape> = step.takes.iter().map(|&value| sizes.shapes[value]).collect();
            self.nodes[step.node].op.multiply_adds(&taken)
        };
        self.steps.iter().fold(0, |sum, step| sum.saturating_add(count(step)))
    }

    fn needs(&self, input: Shape, _: Shape) -> Needs {
        let mut inferred = Sizes::default();
        let sizes = self.plan().and_then(|plan| plan.sizes(self, input, &mut inferred));
        sizes.map_or(Needs::default(), |sizes| sizes.needs)
    }

    fn steps(&self, input: Shape) -> Steps {
        self.combined_steps(input)
    }

    fn finds_lengths(&self) -> bool {
        self.plan().is_ok_and(|plan| matches!(plan.output_lengths, Some(LengthSource::Step(_))))
    }

    fn differentiable(&self) -> bool {
        self.plan().is_ok_and(|plan| plan.differentiable)
    }

    fn spec(&self) -> Option<Spec> {
        self.describe()
    }

    fn identity(&self) -> (TypeId, usize) {
        (TypeId::of::<Self>(), self.id)
    }
}

impl<A: Scalar> Network<A> {
    /// The forward pass; `TIMED` takes the time of each step, for a profile.
    pub(super) fn run_forward<const TIMED: bool>(
        &self,
        x: &Matrix<A>,
        y: &mut Matrix<A>,
        pass: &mut Pass<'_>,
    ) -> Result<()> {
        let plan = self.plan()?;
        let mut inferred = Sizes::default();
        let shapes = &plan.sizes(self, pass.input, &mut inferred)?.shapes;
        let Pass { training, recording, ref mut cache, ref mut rng, lengths: outer, ref mut found, stream, .. } = *pass;
        if let (true, Some(error)) = (training, &plan.untrainable) {
            return Err(error.clone());
        }
        let state = cache.get::<State<A>>();
        let count = if recording { self.values.len() } else { plan.predicting_buffers };
        // Buffers are never dropped: the next pass may need them.
        state.buffers.resize_with(count.max(state.buffers.len()), || Array2::default((0, 0)));
        state.caches.resize_with(self.steps.len(), Cache::default);
        if plan.with_lengths {
            state.lengths.resize_with(self.steps.len(), Vec::new);
        }
        // A backward pass needs a recorded forward pass.
        state.id = if recording { self.id } else { 0 };
        let State { buffers, caches, taken, lengths, unpadded, times, .. } = state;
        if !plan.whole[0] {
            split(&self.inputs, stored(recording, &self.inputs, &plan.inputs), shapes, x, buffers)?;
        }
        for (at, step) in plan.steps.iter().enumerate() {
            let (node, gives) = (&self.nodes[step.node], step.gives.place(recording));
            if let Place::Buffer(to) = gives {
                resize(&mut buffers[to], x.nrows(), shapes[step.gives.value].len())?;
            }
            if TIMED {
                times.start();
            }
            // A stream has no padding.
            if step.with_lengths && !stream {
                let step = At { node, index: at, step, shapes, outer, modes: [training, recording] };
                WithLengths { buffers, caches, taken, lengths, unpadded }
                    .forward(step, x, y, rng)
                    .map_err(|error| error.at(&node.name))?;
                if TIMED {
                    times.stop(at);
                }
                continue;
            }
            let cache = &mut caches[at];
            let result = match &node.op {
                Op::Layer(layer) => {
                    let pass = &mut Pass::new(shapes[step.takes.value], [training, recording], cache, rng);
                    pass.stream = stream;
                    match (step.takes.place(recording), gives) {
                        (Place::Whole, Place::Whole) => layer.forward(x, y, pass),
                        (Place::Whole, Place::Buffer(to)) => layer.forward(x, &mut buffers[to], pass),
                        (Place::Buffer(from), Place::Whole) => layer.forward(&buffers[from], y, pass),
                        (Place::Buffer(from), Place::Buffer(to)) => {
                            let [x, y] = buffers.get_disjoint_mut([from, to]).expect("two different buffers");
                            layer.forward(x, y, pass)
                        }
                    }
                }
                Op::Join(join) => {
                    taken.clear();
                    taken.extend(step.all.iter().map(|taken| shapes[taken.value]));
                    let lengths = InputLengths::default();
                    let pass = &mut JoinPass { training, recording, inputs: taken, cache, rng, lengths, found: None };
                    match gives {
                        Place::Whole => join.forward(Inputs::new(x, buffers, &step.all, recording), y, pass),
                        Place::Buffer(to) => {
                            let mut y = std::mem::take(&mut buffers[to]);
                            let result = join.forward(Inputs::new(x, buffers, &step.all, recording), &mut y, pass);
                            buffers[to] = y;
                            result
                        }
                    }
                }
            };
            if let Err(error) = result {
                return Err(error.at(&node.name));
            }
            if TIMED {
                times.stop(at);
            }
        }
        if let (Some(found), Some(source), false) = (found, plan.output_lengths, stream) {
            found.extend_from_slice(InputLengths::new(lengths, outer, &[Some(source)]).get(0).unwrap_or(&[]));
        }
        if !plan.whole[1] {
            let mut from = 0;
            for (port, place) in self.outputs.iter().zip(stored(recording, &self.outputs, &plan.outputs)) {
                let width = shapes[port.value].len();
                let value: &Matrix<A> = if let Place::Buffer(at) = place { &buffers[at] } else { x };
                y.slice_mut(s![.., from..from + width]).assign(value);
                from += width;
            }
        }
        Ok(())
    }

    /// The backward pass, as [`run_forward`](Self::run_forward).
    pub(super) fn run_backward<const TIMED: bool>(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let plan = self.plan()?;
        let mut inferred = Sizes::default();
        let shapes = &plan.sizes(self, pass.input, &mut inferred)?.shapes;
        let Pass { training, recording, ref mut cache, ref mut rng, lengths: outer, .. } = *pass;
        let state = cache.get::<State<A>>();
        if state.id != self.id {
            return Err(Error::Order { call: "backward", needs: "`forward` with the same network" });
        }
        let Backward { x, y, dy, mut dx, dw } = at;
        let State { buffers, gradients, more, joined, shared, caches, taken, lengths, unpadded, times, .. } = state;
        gradients.resize_with(self.values.len(), || Array2::default((0, 0)));
        let with_dx = usize::from(dx.is_some());
        if !plan.whole[1] {
            self.start_gradients(plan, shapes, dy, dx.as_deref_mut(), gradients)?;
        }
        for (at, (step, cache)) in plan.steps.iter().zip(caches).enumerate().rev() {
            let node = &self.nodes[step.node];
            if TIMED {
                times.start();
            }
            if !step.active[with_dx] {
                // Only the first use of a shared layer zeroes its gradients.
                if step.first_of_layer {
                    dw[node.slots.clone()].iter_mut().for_each(|dw| dw.fill(A::ZERO));
                }
                continue;
            }
            let own = &mut dw[node.slots.clone()];
            let own = if step.first_of_layer { own } else { like(shared, own)? };
            // The gradients with respect to earlier values, and to the output of the step.
            let (before, after) = gradients.split_at_mut(step.gives.value);
            let (y, dy): (&Matrix<A>, &Matrix<A>) = match step.gives.recording {
                Place::Whole => (y, dy),
                Place::Buffer(at) => (&buffers[at], &after[0]),
            };
            match &node.op {
                Op::Layer(layer) => {
                    let Taken { value, recording: place, writes_first, wanted, .. } = step.takes;
                    let wanted = wanted[with_dx];
                    let x = if let Place::Buffer(at) = place { &*buffers[at] } else { x };
                    let into = match place {
                        _ if !wanted => None,
                        Place::Whole if writes_first => dx.as_deref_mut(),
                        _ => {
                            let into = if writes_first { &mut before[value] } else { &mut *more };
                            resize(into, x.nrows(), x.ncols())?;
                            Some(&mut **into)
                        }
                    };
                    let pass = &mut Pass::new(shapes[value], [training, recording], cache, rng);
                    let at = Backward { x, y, dy, dx: into, dw: own };
                    let result = if step.with_lengths {
                        pass.lengths = step.lengths_of(lengths, outer).get(0).filter(|_| !step.finds_lengths);
                        unpadded::backward(&**layer, at, shapes[step.gives.value], pass, unpadded)
                    } else {
                        layer.backward(at, pass)
                    };
                    if let Err(error) = result {
                        return Err(error.at(&node.name));
                    }
                    if wanted && !writes_first {
                        spread(&step.takes, more, before, dx.as_deref_mut());
                    }
                }
                Op::Join(join) => {
                    taken.clear();
                    taken.extend(step.all.iter().map(|taken| shapes[taken.value]));
                    joined.resize_with(joined.len().max(taken.len()), || Array2::default((0, 0)));
                    for (into, shape) in joined.iter_mut().zip(&*taken) {
                        resize(into, dy.nrows(), shape.len())?;
                    }
                    let inputs = Inputs::new(x, buffers, &step.all, true);
                    let known = step.lengths_of(lengths, outer);
                    let pass =
                        &mut JoinPass { training, recording, inputs: taken, cache, rng, lengths: known, found: None };
                    let at = JoinBackward { inputs, y, dy, dx: &mut joined[..step.all.len()], dw: own };
                    let result = unpadded::backward_join(&**join, at, shapes[step.gives.value], pass, unpadded);
                    result.map_err(|error| error.at(&node.name))?;
                    let wanted = step.all.iter().zip(&mut *joined).filter(|(taken, _)| taken.wanted[with_dx]);
                    wanted.for_each(|(taken, own)| spread(taken, own, before, dx.as_deref_mut()));
                }
            }
            if !step.first_of_layer {
                dw[node.slots.clone()].iter_mut().zip(&*shared).for_each(|(dw, more)| add(dw, more));
            }
            if TIMED {
                times.stop(at);
            }
        }
        if let (false, Some(dx)) = (plan.whole[0], dx) {
            let mut from = 0;
            for port in &self.inputs {
                let width = shapes[port.value].len();
                dx.slice_mut(s![.., from..from + width]).assign(&gradients[port.value]);
                from += width;
            }
        }
        Ok(())
    }
}

/// Resizes the matrices of `room` to the shapes of `wanted`.
#[inline(never)]
fn like<'m, A: Scalar>(room: &'m mut Vec<Array2<A>>, wanted: &[Array2<A>]) -> Result<&'m mut [Array2<A>]> {
    room.resize_with(room.len().max(wanted.len()), || Array2::default((0, 0)));
    for (matrix, wanted) in room.iter_mut().zip(wanted) {
        resize(matrix, wanted.nrows(), wanted.ncols())?;
    }
    Ok(&mut room[..wanted.len()])
}

/// Adds a step's contribution to the gradient with respect to a value. Not inlined: a chain has no such sums, and its
/// backward pass stays short.
#[inline(never)]
fn spread<A: Scalar>(taken: &Taken, own: &mut Array2<A>, gradients: &mut [Array2<A>], dx: Option<&mut Matrix<A>>) {
    match (taken.recording, dx) {
        (Place::Buffer(_), _) if taken.writes_first => std::mem::swap(&mut gradients[taken.value], own),
        (Place::Buffer(_), _) => add(&mut gradients[taken.value], own),
        (Place::Whole, Some(dx)) if taken.writes_first => dx.assign(own),
        (Place::Whole, Some(dx)) => add(dx, own),
        (Place::Whole, None) => {}
    }
}

/// Adds `x` to `sum`.
#[inline(never)]
fn add<A: Scalar>(sum: &mut Matrix<A>, x: &Matrix<A>) {
    each((flat_mut(sum), flat(x)), |(sum, &x)| *sum += x);
}
