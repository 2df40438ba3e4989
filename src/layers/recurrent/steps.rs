//! The sequential part: the product with Wₕ and the cell, forward and backward.
//!
//! Samples are independent, so each thread runs a range of samples through all steps.

use ndarray::{Array2, ArrayView3, ArrayViewMut2, ArrayViewMut3, Axis, s};

use super::Cell;
use crate::Scalar;
use crate::kernels::simd::vectorize;
use crate::kernels::{flat, flat_mut, gemm::gemm, parallel::both};

/// The forward pass of a range of samples; all arrays are (steps, samples, width).
pub(super) struct ForwardSteps<'a, A: Scalar, C> {
    pub cell: &'a C,
    pub weight_hh: &'a Array2<A>,
    pub reverse: bool,
    pub lengths: Option<&'a [usize]>,
    pub gates: ArrayViewMut3<'a, A>,
    /// What the last gate's columns of Wₕ are multiplied with in place of h; of width 0 unless the cell resets.
    pub resets: ArrayViewMut3<'a, A>,
    pub states: [ArrayViewMut3<'a, A>; 2],
}

impl<A: Scalar, C: Cell> ForwardSteps<'_, A, C> {
    /// Runs all steps on `threads` threads.
    pub(super) fn run(mut self, threads: usize) {
        let (steps, samples, _) = self.gates.dim();
        if threads < 2 || samples < 2 {
            for i in 0..steps {
                self.step(if self.reverse { steps - 1 - i } else { i });
            }
            return;
        }
        let middle = samples / threads * (threads / 2);
        let Self { cell, weight_hh, reverse, lengths, gates, resets, states: [h, c] } = self;
        let (lengths, other_lengths) = (lengths.map(|all| &all[..middle]), lengths.map(|all| &all[middle..]));
        let (gates, other_gates) = gates.split_at(Axis(1), middle);
        let (resets, other_resets) = resets.split_at(Axis(1), middle);
        let ((h, other_h), (c, other_c)) = (h.split_at(Axis(1), middle), c.split_at(Axis(1), middle));
        let one = Self { cell, weight_hh, reverse, lengths, gates, resets, states: [h, c] };
        let two = Self {
            cell,
            weight_hh,
            reverse,
            lengths: other_lengths,
            gates: other_gates,
            resets: other_resets,
            states: [other_h, other_c],
        };
        both(true, || one.run(threads / 2), || two.run(threads - threads / 2));
    }

    fn step(&mut self, t: usize) {
        let mut gates = self.gates.index_axis_mut(Axis(0), t);
        let [(h0, mut h), (c0, mut c)] = self.states.each_mut().map(|states| neighbors(states, t, self.reverse));
        let (from_h, early) = (C::FROM_H * self.weight_hh.nrows(), early(self.cell, self.weight_hh.ncols()));
        let weight = self.weight_hh.slice(s![.., ..early]);
        gemm(A::ONE, &h0, &weight, A::ONE, &mut gates.slice_mut(s![.., from_h..from_h + early]));
        if self.cell.resets() {
            let mut reset = self.resets.index_axis_mut(Axis(0), t);
            let ((samples, width), units) = (gates.dim(), h0.ncols());
            let (cell, sums, h0, reset_h) = (self.cell, flat_mut(&mut gates), flat(&h0), flat_mut(&mut reset));
            vectorize(
                #[inline(always)]
                || {
                    for i in 0..samples {
                        cell.reset(row_mut(sums, i, width), row(h0, i, units), row_mut(reset_h, i, units));
                    }
                },
            );
            let weight = self.weight_hh.slice(s![.., early..]);
            gemm(A::ONE, &reset, &weight, A::ONE, &mut gates.slice_mut(s![.., from_h + early..]));
        }

        let (samples, width) = gates.dim();
        let widths = [h.ncols(), c.ncols()];
        let (gates, h0, c0, h, c) = (flat_mut(&mut gates), flat(&h0), flat(&c0), flat_mut(&mut h), flat_mut(&mut c));
        let (cell, lengths) = (self.cell, self.lengths);
        vectorize(
            #[inline(always)]
            || {
                for i in 0..samples {
                    let before = [row(h0, i, widths[0]), row(c0, i, widths[1])];
                    let [h, c] = [row_mut(h, i, widths[0]), row_mut(c, i, widths[1])];
                    if is_padding(lengths, i, t) {
                        h.copy_from_slice(before[0]);
                        c.copy_from_slice(before[1]);
                    } else {
                        cell.forward(row_mut(gates, i, width), before, [h, c]);
                    }
                }
            },
        );
    }
}

/// The backward pass of a range of samples; the arrays are (steps, samples, width), and (samples, width) for one state.
pub(super) struct BackwardSteps<'a, A: Scalar, C> {
    pub cell: &'a C,
    /// Wₕᵀ.
    pub weight_hh: &'a Array2<A>,
    pub reverse: bool,
    pub lengths: Option<&'a [usize]>,
    pub gates: ArrayView3<'a, A>,
    pub states: [ArrayView3<'a, A>; 2],
    pub dy: Option<ArrayView3<'a, A>>,
    pub dgates: ArrayViewMut3<'a, A>,
    /// The gradient with respect to `resets` of one step; of width 0 unless the cell resets.
    pub dreset: ArrayViewMut2<'a, A>,
    pub dstate: [ArrayViewMut2<'a, A>; 2],
}

impl<A: Scalar, C: Cell> BackwardSteps<'_, A, C> {
    /// Runs all steps on `threads` threads.
    pub(super) fn run(mut self, threads: usize) {
        let (steps, samples, _) = self.gates.dim();
        if threads < 2 || samples < 2 {
            for i in 0..steps {
                self.step(if self.reverse { i } else { steps - 1 - i });
            }
            return;
        }
        let middle = samples / threads * (threads / 2);
        let Self { cell, weight_hh, reverse, lengths, gates, states: [h, c], dy, dgates, dreset, dstate: [dh, dc] } =
            self;
        let (lengths, other_lengths) = (lengths.map(|all| &all[..middle]), lengths.map(|all| &all[middle..]));
        let (gates, other_gates) = gates.split_at(Axis(1), middle);
        let ((h, other_h), (c, other_c)) = (h.split_at(Axis(1), middle), c.split_at(Axis(1), middle));
        let (dy, other_dy) = dy.map(|dy| dy.split_at(Axis(1), middle)).unzip();
        let (dgates, other_dgates) = dgates.split_at(Axis(1), middle);
        let (dreset, other_dreset) = dreset.split_at(Axis(0), middle);
        let ((dh, other_dh), (dc, other_dc)) = (dh.split_at(Axis(0), middle), dc.split_at(Axis(0), middle));
        let one =
            Self { cell, weight_hh, reverse, lengths, gates, states: [h, c], dy, dgates, dreset, dstate: [dh, dc] };
        let two = Self {
            cell,
            weight_hh,
            reverse,
            lengths: other_lengths,
            gates: other_gates,
            states: [other_h, other_c],
            dy: other_dy,
            dgates: other_dgates,
            dreset: other_dreset,
            dstate: [other_dh, other_dc],
        };
        both(true, || one.run(threads / 2), || two.run(threads - threads / 2));
    }

    fn step(&mut self, t: usize) {
        let gates = self.gates.index_axis(Axis(0), t);
        let mut dgates = self.dgates.index_axis_mut(Axis(0), t);
        let (before, after) = if self.reverse { (t + 1, t) } else { (t, t + 1) };
        let [(h0, h), (c0, c)] = self
            .states
            .each_ref()
            .map(|states| (states.index_axis(Axis(0), before), states.index_axis(Axis(0), after)));
        let dy = self.dy.as_ref().map(|dy| dy.index_axis(Axis(0), t));
        let [dh, dc] = &mut self.dstate;

        let (samples, width) = gates.dim();
        let widths = [h.ncols(), c.ncols()];
        let (cell, lengths) = (self.cell, self.lengths);
        {
            let (gates, dgates) = (flat(&gates), flat_mut(&mut dgates));
            let (h0, c0, h, c) = (flat(&h0), flat(&c0), flat(&h), flat(&c));
            let (dh, dc) = (flat_mut(dh), flat_mut(dc));
            vectorize(
                #[inline(always)]
                || {
                    for i in 0..samples {
                        let dgates = row_mut(dgates, i, width);
                        if is_padding(lengths, i, t) {
                            dgates.fill(A::ZERO);
                            continue;
                        }
                        let dh = row_mut(dh, i, widths[0]);
                        if let Some(dy) = &dy {
                            dh.iter_mut().zip(dy.row(i)).for_each(|(dh, &dy)| *dh += dy);
                        }
                        let before = [row(h0, i, widths[0]), row(c0, i, widths[1])];
                        let after = [row(h, i, widths[0]), row(c, i, widths[1])];
                        cell.backward(row(gates, i, width), before, after, dgates, [dh, row_mut(dc, i, widths[1])]);
                    }
                },
            );
        }
        let (from_h, early) = (C::FROM_H * widths[0], early(self.cell, self.weight_hh.nrows()));
        if self.cell.resets() {
            let weight = self.weight_hh.slice(s![early.., ..]);
            gemm(A::ONE, &dgates.slice(s![.., from_h + early..]), &weight, A::ZERO, &mut self.dreset);
            let (gates, h0, dreset) = (flat(&gates), flat(&h0), flat(&self.dreset));
            let (dgates, dh, units) = (flat_mut(&mut dgates), flat_mut(dh), widths[0]);
            vectorize(
                #[inline(always)]
                || {
                    for i in 0..samples {
                        let (gates, h0, dreset) = (row(gates, i, width), row(h0, i, units), row(dreset, i, units));
                        cell.reset_backward(gates, h0, dreset, row_mut(dgates, i, width), row_mut(dh, i, units));
                    }
                },
            );
        }
        let weight = self.weight_hh.slice(s![..early, ..]);
        gemm(A::ONE, &dgates.slice(s![.., from_h..from_h + early]), &weight, A::ONE, dh);
    }
}

/// The number of columns of Wₕ whose product is with h: all but the last gate's if the cell resets.
pub(super) fn early<C: Cell>(cell: &C, columns: usize) -> usize {
    if cell.resets() { columns / C::GATES * (C::GATES - 1) } else { columns }
}

/// The states before and after step `t`.
fn neighbors<'s, A>(
    states: &'s mut ArrayViewMut3<'_, A>,
    t: usize,
    reverse: bool,
) -> (ArrayViewMut2<'s, A>, ArrayViewMut2<'s, A>) {
    let (early, late) = states.view_mut().split_at(Axis(0), t + 1);
    let (early, late) = (early.index_axis_move(Axis(0), t), late.index_axis_move(Axis(0), 0));
    if reverse { (late, early) } else { (early, late) }
}

#[inline(always)]
fn is_padding(lengths: Option<&[usize]>, sample: usize, t: usize) -> bool {
    lengths.is_some_and(|lengths| t >= lengths[sample])
}

/// Row `i` of a matrix with `columns` columns.
#[inline(always)]
fn row<A>(matrix: &[A], i: usize, columns: usize) -> &[A] {
    &matrix[i * columns..][..columns]
}

#[inline(always)]
fn row_mut<A>(matrix: &mut [A], i: usize, columns: usize) -> &mut [A] {
    &mut matrix[i * columns..][..columns]
}
