//! One direction of one layer, over all steps.
//!
//! Matrices here are (steps·samples, width), so the rows of a step are contiguous. Products that need no state span all
//! steps: x·Wₓ, and the gradients of weights and input.

use ndarray::{Array2, ArrayView2, ArrayView3, ArrayViewMut2, ArrayViewMut3, Axis, s};

use super::Cell;
use super::steps::{BackwardSteps, ForwardSteps, early};
use super::weights::Weights;
use crate::error::NO_FORWARD;
use crate::kernels::{column_sums, flat, flat_mut, gemm::gemm, parallel, resize};
use crate::{Matrix, Result, Scalar};

/// The settings of a pass over a sequence.
#[derive(Clone, Copy)]
pub(super) struct Course<'a> {
    pub steps: usize,
    pub rows: usize,
    /// Runs from the last step to the first.
    pub reverse: bool,
    /// The number of steps of each sample before its padding, if any.
    pub lengths: Option<&'a [usize]>,
}

/// What one direction keeps for the backward pass.
#[derive(Debug, Clone)]
pub(super) struct Chain<A> {
    /// The activations of the cell, (steps·rows, blocks·units).
    gates: Array2<A>,
    dgates: Array2<A>,
    /// What the last gate's columns of Wₕ are multiplied with in place of h, (steps·rows, units), and its gradient for
    /// one step, (rows, units); of width 0 unless the cell resets.
    resets: Array2<A>,
    dreset: Array2<A>,
    /// The states `[h, c]` before, between and after the steps. The initial state is at the end where this direction
    /// starts; padding copies the state.
    states: [Array2<A>; 2],
    /// The gradient of the current state in the backward pass, (rows, units).
    pub dstate: [Array2<A>; 2],
    /// The biases of a step, then the sums of `dgates`, (1, blocks·units).
    bias: Array2<A>,
    /// Wₕᵀ in row-major order.
    weight_hh: Array2<A>,
}

impl<A: Scalar> Default for Chain<A> {
    fn default() -> Self {
        let empty = || Array2::default((0, 0));
        Self {
            gates: empty(),
            dgates: empty(),
            resets: empty(),
            dreset: empty(),
            states: [empty(), empty()],
            dstate: [empty(), empty()],
            bias: empty(),
            weight_hh: empty(),
        }
    }
}

impl<A: Scalar> Chain<A> {
    /// Allocates buffers for a pass, and returns the initial states, (rows, units), to fill.
    pub(super) fn begin<C: Cell>(
        &mut self,
        cell: &C,
        units: usize,
        course: Course<'_>,
    ) -> Result<[ArrayViewMut2<'_, A>; 2]> {
        let Course { steps, rows, reverse, .. } = course;
        resize(&mut self.resets, steps * rows, if cell.resets() { units } else { 0 })?;
        resize(&mut self.gates, steps * rows, C::BLOCKS * units)?;
        resize(&mut self.bias, 1, C::BLOCKS * units)?;
        let widths = [units, if C::HAS_C { units } else { 0 }];
        for (state, width) in self.states.iter_mut().zip(widths) {
            resize(state, (steps + 1) * rows, width)?;
        }
        let first = if reverse { steps } else { 0 };
        Ok(self.states.each_mut().map(|state| state.slice_mut(s![first * rows..(first + 1) * rows, ..])))
    }

    /// The states after the last step of this direction.
    pub(super) fn end(&self, course: Course<'_>) -> [ArrayView2<'_, A>; 2] {
        let last = if course.reverse { 0 } else { course.steps };
        self.states.each_ref().map(|state| state.slice(s![last * course.rows..(last + 1) * course.rows, ..]))
    }

    /// The widths of the states.
    pub(super) fn units(&self) -> [usize; 2] {
        self.states.each_ref().map(Array2::ncols)
    }

    /// The outputs, (steps·rows, units); not zeroed for padding.
    pub(super) fn outputs(&self, course: Course<'_>) -> ArrayView2<'_, A> {
        let first = usize::from(!course.reverse) * course.rows;
        self.states[0].slice(s![first..first + course.steps * course.rows, ..])
    }

    /// Runs all steps of x, (steps·rows, inputs).
    pub(super) fn forward<C: Cell>(&mut self, cell: &C, weights: &Weights<A>, x: &Matrix<A>, course: Course<'_>) {
        let Course { steps, rows, reverse, lengths } = course;
        let units = weights.hh.nrows();
        // The sums start with the biases.
        let bias = flat_mut(&mut self.bias);
        bias.fill(A::ZERO);
        if let Some([ih, hh]) = &weights.bias {
            for &(from, count, to) in C::FROM_X {
                let ih = &flat(ih)[from * units..][..count * units];
                bias[to * units..].iter_mut().zip(ih).for_each(|(sum, &b)| *sum += b);
            }
            bias[C::FROM_H * units..].iter_mut().zip(flat(hh)).for_each(|(sum, &b)| *sum += b);
        }
        flat_mut(&mut self.gates).chunks_exact_mut(bias.len()).for_each(|sums| sums.copy_from_slice(bias));
        for &(from, count, to) in C::FROM_X {
            let weight = weights.ih.slice(s![.., from * units..(from + count) * units]);
            let mut sums = self.gates.slice_mut(s![.., to * units..(to + count) * units]);
            gemm(A::ONE, x, &weight, A::ONE, &mut sums);
        }
        let threads = parallel::threads(self.gates.len());
        let gates = by_steps_mut(&mut self.gates, steps, rows);
        let states = self.states.each_mut().map(|state| by_steps_mut(state, steps + 1, rows));
        let resets = by_steps_mut(&mut self.resets, steps, rows);
        ForwardSteps { cell, weight_hh: &weights.hh, reverse, lengths, gates, resets, states }.run(threads);
    }

    /// From dL/d(outputs), if any, and dL/d(final state) in `dstate`: writes the gradients of the weights, and that of
    /// the initial state to `dstate`. `dy` is (steps, rows, units).
    pub(super) fn backward<C: Cell>(
        &mut self,
        cell: &C,
        weights: &Weights<A>,
        x: &Matrix<A>,
        dy: Option<ArrayView3<'_, A>>,
        dw: &mut [Array2<A>],
        course: Course<'_>,
    ) -> Result<()> {
        let (dw_ih, dw_hh, dbiases) = match (dw, &weights.bias) {
            ([dw_ih, dw_hh], None) => (dw_ih, dw_hh, None),
            ([dw_ih, dw_hh, dbias_ih, dbias_hh], Some(_)) => (dw_ih, dw_hh, Some([dbias_ih, dbias_hh])),
            _ => return Err(NO_FORWARD),
        };
        let Course { steps, rows, reverse, lengths } = course;
        let units = weights.hh.nrows();
        resize(&mut self.dgates, steps * rows, C::BLOCKS * units)?;
        resize(&mut self.weight_hh, C::GATES * units, units)?;
        resize(&mut self.dreset, rows, self.resets.ncols())?;
        self.weight_hh.assign(&weights.hh.t());
        let threads = parallel::threads(self.gates.len());
        let [dh, dc] = &mut self.dstate;
        BackwardSteps {
            cell,
            weight_hh: &self.weight_hh,
            reverse,
            lengths,
            gates: by_steps(&self.gates, steps, rows),
            states: self.states.each_ref().map(|state| by_steps(state, steps + 1, rows)),
            dy,
            dgates: by_steps_mut(&mut self.dgates, steps, rows),
            dreset: self.dreset.view_mut(),
            dstate: [dh.view_mut(), dc.view_mut()],
        }
        .run(threads);

        for &(from, count, to) in C::FROM_X {
            let dgates = self.dgates.slice(s![.., to * units..(to + count) * units]);
            let mut dw = dw_ih.slice_mut(s![.., from * units..(from + count) * units]);
            gemm(A::ONE, &x.t(), &dgates, A::ZERO, &mut dw);
        }
        let before = usize::from(reverse) * rows;
        let before = self.states[0].slice(s![before..before + steps * rows, ..]);
        let (from_h, early) = (C::FROM_H * units, early(cell, C::GATES * units));
        let (mut early_dw, mut late_dw) = dw_hh.view_mut().split_at(Axis(1), early);
        let (early, late) = self.dgates.slice(s![.., from_h..]).split_at(Axis(1), early);
        gemm(A::ONE, &before.t(), &early, A::ZERO, &mut early_dw);
        if cell.resets() {
            gemm(A::ONE, &self.resets.t(), &late, A::ZERO, &mut late_dw);
        }
        if let Some([dbias_ih, dbias_hh]) = dbiases {
            column_sums(&self.dgates, &mut self.bias);
            let sums = flat(&self.bias);
            for &(from, count, to) in C::FROM_X {
                let sums = &sums[to * units..(to + count) * units];
                flat_mut(dbias_ih)[from * units..][..sums.len()].copy_from_slice(sums);
            }
            flat_mut(dbias_hh).copy_from_slice(&sums[C::FROM_H * units..]);
        }
        Ok(())
    }

    /// dx = d(sums)·Wₓᵀ + beta·dx, after [`backward`](Self::backward).
    pub(super) fn input_gradient<C: Cell>(&self, weights: &Weights<A>, mut beta: A, dx: &mut Matrix<A>) {
        let units = weights.hh.nrows();
        for &(from, count, to) in C::FROM_X {
            let weight = weights.ih.slice(s![.., from * units..(from + count) * units]);
            let dgates = self.dgates.slice(s![.., to * units..(to + count) * units]);
            gemm(A::ONE, &dgates, &weight.t(), beta, dx);
            beta = A::ONE;
        }
    }
}

/// The matrix as (steps, rows, width).
pub(super) fn by_steps<A>(matrix: &Matrix<A>, steps: usize, rows: usize) -> ArrayView3<'_, A> {
    let shape = (steps, rows, matrix.ncols());
    matrix.view().into_shape_with_order(shape).expect("a row for each step and sample")
}

fn by_steps_mut<A>(matrix: &mut Matrix<A>, steps: usize, rows: usize) -> ArrayViewMut3<'_, A> {
    let shape = (steps, rows, matrix.ncols());
    matrix.view_mut().into_shape_with_order(shape).expect("a row for each step and sample")
}
