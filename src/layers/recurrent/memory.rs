//! The stack of layers and directions, and what it keeps for the backward pass.

use ndarray::{Array2, s};

use super::chain::{Chain, Course, by_steps};
use super::{Cell, Recurrent};
use crate::error::NO_FORWARD;
use crate::kernels::{flat, flat_mut, resize, steps_before_padding};
use crate::{Matrix, Result, Scalar};

/// What a recurrent layer keeps between passes.
#[derive(Debug, Clone)]
pub(super) struct Memory<A> {
    /// The input of each layer, (steps·rows, features).
    inputs: Vec<Array2<A>>,
    /// One per layer and direction.
    pub chains: Vec<Chain<A>>,
    /// The gradients with respect to the inputs of the current layer and the one above.
    dx: [Array2<A>; 2],
    /// The number of steps of each sample before its padding, if known or masked.
    lengths: Vec<usize>,
    /// The states after the last steps of a stream.
    carried: [Array2<A>; 2],
    pub steps: usize,
    pub rows: usize,
}

impl<A: Scalar> Default for Memory<A> {
    fn default() -> Self {
        let two = || [Array2::default((0, 0)), Array2::default((0, 0))];
        let (inputs, chains, lengths) = (Vec::new(), Vec::new(), Vec::new());
        Self { inputs, chains, dx: two(), lengths, carried: two(), steps: 0, rows: 0 }
    }
}

/// The states before or after a sequence, `[h, c]`, each (rows, layers·directions·units).
pub(super) type States<'a, A> = [&'a Matrix<A>; 2];

impl<A: Scalar, C: Cell> Recurrent<A, C> {
    fn course<'a>(&self, memory_lengths: &'a [usize], steps: usize, rows: usize, chain: usize) -> Course<'a> {
        let reverse = self.bidirectional && chain % 2 == 1;
        Course { steps, rows, reverse, lengths: (!memory_lengths.is_empty()).then_some(memory_lengths) }
    }

    /// The columns of the states that belong to a chain.
    fn columns(&self, chain: usize, states: &Matrix<A>) -> std::ops::Range<usize> {
        // A state that the cell lacks has width 0.
        let width = states.ncols() / self.chains.len();
        chain * width..(chain + 1) * width
    }

    /// Runs all steps of x, (rows, steps·inputs), from `start` or the zero state, up to the `known` lengths.
    pub(super) fn unroll(
        &self,
        x: &Matrix<A>,
        steps: usize,
        start: Option<States<'_, A>>,
        known: Option<&[usize]>,
        memory: &mut Memory<A>,
    ) -> Result<()> {
        let rows = x.nrows();
        let directions = self.directions();
        let Memory { inputs, chains, lengths, .. } = memory;
        inputs.resize_with(self.layers(), || Array2::default((0, 0)));
        chains.resize_with(self.chains.len(), Chain::default);
        lengths.clear();
        if let Some(known) = known {
            lengths.extend_from_slice(known);
        } else if self.masked {
            lengths.extend(x.rows().into_iter().map(|sample| steps_before_padding(&sample, self.inputs)));
        }
        for layer in 0..self.layers() {
            resize(&mut inputs[layer], steps * rows, self.layer_inputs(layer))?;
            if layer == 0 {
                step_by_step(x, steps, &mut inputs[0]);
            } else {
                for d in 0..directions {
                    let below = (layer - 1) * directions + d;
                    let course = self.course(lengths, steps, rows, below);
                    let columns = s![.., d * self.units..(d + 1) * self.units];
                    let mut joined = inputs[layer].slice_mut(columns);
                    joined.assign(&chains[below].outputs(course));
                    for (row, &length) in lengths.iter().enumerate() {
                        (length..steps).for_each(|t| joined.row_mut(t * rows + row).fill(A::ZERO));
                    }
                }
            }
            for (d, chain) in chains[layer * directions..][..directions].iter_mut().enumerate() {
                let i = layer * directions + d;
                let course = self.course(lengths, steps, rows, i);
                let first = chain.begin(&self.cell, self.units, course)?;
                for (k, mut first) in first.into_iter().enumerate() {
                    match start {
                        Some(start) => first.assign(&start[k].slice(s![.., self.columns(i, start[k])])),
                        None => first.fill(A::ZERO),
                    }
                }
                chain.forward(&self.cell, &self.chains[i], &inputs[layer], course);
            }
        }
        (memory.steps, memory.rows) = (steps, rows);
        Ok(())
    }

    /// Runs the next steps of a stream.
    pub(super) fn unroll_stream(&self, x: &Matrix<A>, steps: usize, memory: &mut Memory<A>) -> Result<()> {
        let mut carried = std::mem::take(&mut memory.carried);
        let start = if carried[0].is_empty() { None } else { Some(carried.each_ref().map(|state| &**state)) };
        let result = self.unroll(x, steps, start, None, memory);
        if result.is_ok() {
            for (state, width) in carried.iter_mut().zip(self.state_widths()) {
                resize(state, x.nrows(), width)?;
            }
            self.last_states(memory, carried.each_mut());
        }
        memory.carried = carried;
        result
    }

    /// Writes the layer's output, (rows, steps·directions·units) or the final state.
    pub(super) fn write_output(&self, memory: &Memory<A>, y: &mut Matrix<A>) {
        let Memory { chains, lengths, steps, rows, .. } = memory;
        let (steps, rows, units, directions) = (*steps, *rows, self.units, self.directions());
        let top = chains.len() - directions;
        let y = flat_mut(y);
        for d in 0..directions {
            let course = self.course(lengths, steps, rows, top + d);
            if self.last_state {
                let [h, _] = chains[top + d].end(course);
                let width = directions * units;
                for (y, h) in y.chunks_exact_mut(width).zip(h.rows()) {
                    y[d * units..][..units].iter_mut().zip(h).for_each(|(y, &h)| *y = h);
                }
                continue;
            }
            let h = chains[top + d].outputs(course);
            let h = h.as_slice().unwrap_or(&[]);
            for row in 0..rows {
                let length = lengths.get(row).copied().unwrap_or(steps);
                for t in 0..steps {
                    let y = &mut y[((row * steps + t) * directions + d) * units..][..units];
                    if t < length {
                        y.copy_from_slice(&h[(t * rows + row) * units..][..units]);
                    } else {
                        y.fill(A::ZERO);
                    }
                }
            }
        }
    }

    /// The backward pass of [`unroll`](Self::unroll), from dL/dy and dL/d(final states).
    ///
    /// Leaves the gradients of the initial states in the chains.
    pub(super) fn unroll_backward(
        &self,
        dy: &Matrix<A>,
        dlast: Option<States<'_, A>>,
        dx: Option<&mut Matrix<A>>,
        dw: &mut [Array2<A>],
        memory: &mut Memory<A>,
    ) -> Result<()> {
        let Memory { inputs, chains, dx: buffers, lengths, steps, rows, .. } = memory;
        let (steps, rows, units, directions) = (*steps, *rows, self.units, self.directions());
        let [below, above] = buffers;
        let top = self.layers() - 1;
        if !self.last_state {
            resize(above, steps * rows, directions * units)?;
            step_by_step(dy, steps, above);
        }
        let slots = if self.has_bias() { 4 } else { 2 };
        if dw.len() != slots * chains.len() {
            return Err(NO_FORWARD);
        }
        for layer in (0..self.layers()).rev() {
            let wants_dx = layer > 0 || dx.is_some();
            if wants_dx {
                resize(below, steps * rows, self.layer_inputs(layer))?;
            }
            for d in 0..directions {
                let i = layer * directions + d;
                let (chain, weights) = (&mut chains[i], &self.chains[i]);
                for (k, dstate) in chain.dstate.iter_mut().enumerate() {
                    resize(dstate, rows, if k == 0 || C::HAS_C { units } else { 0 })?;
                    match dlast {
                        Some(dlast) => dstate.assign(&dlast[k].slice(s![.., self.columns(i, dlast[k])])),
                        None => dstate.fill(A::ZERO),
                    }
                }
                let columns = d * units..(d + 1) * units;
                let from_steps = layer < top || !self.last_state;
                if !from_steps {
                    chain.dstate[0] += &dy.slice(s![.., columns.clone()]);
                }
                let course = self.course(lengths, steps, rows, i);
                let dy = from_steps.then(|| by_steps(above, steps, rows).slice_move(s![.., .., columns]));
                let dw = &mut dw[i * slots..(i + 1) * slots];
                chain.backward(&self.cell, weights, &inputs[layer], dy, dw, course)?;
                if wants_dx {
                    chain.input_gradient::<C>(weights, if d == 0 { A::ZERO } else { A::ONE }, below);
                }
            }
            std::mem::swap(below, above);
        }
        if let Some(dx) = dx {
            sample_by_sample(above, steps, dx);
        }
        Ok(())
    }

    /// Whether `memory` is from a forward pass of a layer with these sizes.
    pub(super) fn fits(&self, memory: &Memory<A>) -> bool {
        let inputs = memory.inputs.first().map(Array2::ncols);
        memory.chains.len() == self.chains.len()
            && inputs == Some(self.inputs)
            && memory.chains.iter().all(|chain| chain.units() == [self.units, if C::HAS_C { self.units } else { 0 }])
    }

    /// The states after the last step.
    pub(super) fn last_states(&self, memory: &Memory<A>, to: [&mut Array2<A>; 2]) {
        for (k, to) in to.into_iter().enumerate() {
            for (i, chain) in memory.chains.iter().enumerate() {
                let course = self.course(&memory.lengths, memory.steps, memory.rows, i);
                let columns = self.columns(i, to);
                to.slice_mut(s![.., columns]).assign(&chain.end(course)[k]);
            }
        }
    }

    /// The gradients of the initial states.
    pub(super) fn first_gradients(&self, memory: &Memory<A>, to: [&mut Array2<A>; 2]) {
        for (k, to) in to.into_iter().enumerate() {
            for (i, chain) in memory.chains.iter().enumerate() {
                let columns = self.columns(i, to);
                to.slice_mut(s![.., columns]).assign(&chain.dstate[k]);
            }
        }
    }
}

/// Reorders (rows, steps·features) to (steps·rows, features).
fn step_by_step<A: Scalar>(samples: &Matrix<A>, steps: usize, matrix: &mut Array2<A>) {
    let (rows, features) = (samples.nrows(), matrix.ncols());
    let (samples, matrix) = (flat(samples), flat_mut(matrix));
    for (i, step) in matrix.chunks_exact_mut(features).enumerate() {
        let (t, row) = (i / rows, i % rows);
        step.copy_from_slice(&samples[(row * steps + t) * features..][..features]);
    }
}

/// The inverse of [`step_by_step`].
fn sample_by_sample<A: Scalar>(matrix: &Array2<A>, steps: usize, samples: &mut Matrix<A>) {
    let (rows, features) = (samples.nrows(), matrix.ncols());
    let (samples, matrix) = (flat_mut(samples), flat(matrix));
    for (i, step) in matrix.chunks_exact(features).enumerate() {
        let (t, row) = (i / rows, i % rows);
        samples[(row * steps + t) * features..][..features].copy_from_slice(step);
    }
}
