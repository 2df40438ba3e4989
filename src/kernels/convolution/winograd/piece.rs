//! Tiles in memory: from planes of pixels to V and M, and back.

use std::array::from_fn;

use ndarray::ArrayViewMut2;

use super::super::super::matrix_mut;
use super::super::super::simd::vectorize;
use super::super::{Geometry, Scratch, room};
use super::lanes::{add, copy, join, split, transform};
use super::polynomials::{times_a, times_a_transposed, times_b, times_b_transposed};
use super::{CELLS, EDGE, LANES, SIDE, Tiles};
use crate::Scalar;

/// Some lines of tiles of some samples, and the memory for one group of their channels.
pub(super) struct Piece<'a, A> {
    g: &'a Geometry,
    /// The first line of tiles, and how many there are.
    first: usize,
    lines: usize,
    pitch: usize,
    samples: usize,
    /// Tiles of a sample, with those at the ends of the lines; the same rounded up to whole [`LANES`].
    tiles: usize,
    n: usize,
    /// From row to row of V and M, and from cell to cell of V.
    apart: usize,
    cell: usize,
    /// A channel of a sample: of every four lines the first ones, then the second ones and so on.
    lines_apart: &'a mut [A],
    /// The same on the way to, or from, the phases.
    pairs: &'a mut [A],
    /// The phases, each so long: see [`at`](Self::at).
    phases: &'a mut [A],
    phase: usize,
    /// Half of a transformation: see [`half`](Self::half).
    halves: &'a mut [A],
    half: usize,
    /// (cells, input channels, tiles).
    v: &'a mut [A],
    /// (output channels, cells, tiles).
    m: &'a mut [A],
}

/// V and M of a cell, each with a row for a channel.
pub(super) struct Sides<'a, A> {
    pub(super) v: ArrayViewMut2<'a, A>,
    pub(super) m: ArrayViewMut2<'a, A>,
}

impl<'a, A: Scalar> Piece<'a, A> {
    pub(super) fn new(
        g: &'a Geometry,
        tiles: &Tiles,
        first: usize,
        samples: usize,
        scratch: &'a mut Scratch<A>,
    ) -> Self {
        let lines = tiles.strip.min(tiles.lines - first);
        let pitch = tiles.pitch;
        let tiles = lines * pitch;
        let n = tiles.next_multiple_of(LANES);
        // What is beyond a sample's tiles is overwritten by the next sample.
        let apart = (samples - 1) * tiles + n;
        let (phase, half) = ((n + pitch + 1).next_multiple_of(2 * LANES), n + LANES);
        let image = room(&mut scratch.image, 3 * SIDE * SIDE * phase + SIDE * EDGE * half);
        let (lines_apart, image) = image.split_at_mut(SIDE * SIDE * phase);
        let (pairs, image) = image.split_at_mut(SIDE * SIDE * phase);
        let (phases, halves) = image.split_at_mut(SIDE * SIDE * phase);
        // Not a round number, or all cells would compete for the same lines of the first-level cache.
        let cell = g.inputs * apart + LANES;
        let v = room(&mut scratch.columns, CELLS * cell);
        let m = room(&mut scratch.products, CELLS * g.outputs * apart);
        Self {
            g,
            first,
            lines,
            pitch,
            samples,
            tiles,
            n,
            apart,
            cell,
            lines_apart,
            pairs,
            phases,
            phase,
            halves,
            half,
            v,
            m,
        }
    }

    pub(super) fn sides(&mut self, cell: usize) -> Sides<'_, A> {
        let Geometry { inputs, outputs, .. } = *self.g;
        let tiles = self.samples * self.tiles;
        Sides {
            v: matrix_mut(&mut self.v[cell * self.cell..], inputs, tiles, self.apart),
            m: matrix_mut(&mut self.m[cell * self.apart..], outputs, tiles, CELLS * self.apart),
        }
    }

    /// Where the phase of line i and column j starts: columns 0, 2, 1, 3, as [`split`] leaves them, each with its
    /// lines.
    #[inline(always)]
    fn at(&self, i: usize, j: usize) -> usize {
        (SIDE * (j % 2 * 2 + j / 2) + i) * self.phase
    }

    /// Where line i of the cells and column j of the pixels starts, when half of a transformation is done.
    #[inline(always)]
    fn half(&self, i: usize, j: usize) -> usize {
        (SIDE * i + j) * self.half
    }

    /// V = `BᵀdB`.
    pub(super) fn load_image(&mut self, x: &[A], group: usize) {
        let inputs = self.g.inputs;
        self.lines_apart.fill(A::ZERO);
        self.halves.fill(A::ZERO);
        vectorize(
            #[inline(always)]
            || {
                for plane in 0..self.samples * inputs {
                    let (channel, sample) = (plane / self.samples, plane % self.samples);
                    self.load(x, (sample * self.g.groups + group) * inputs + channel, Side::Before);
                    for t in (0..self.n).step_by(LANES) {
                        for j in 0..SIDE {
                            let pixel = |i: usize| self.at(i % SIDE, j) + i / SIDE * self.pitch + t;
                            let column = transform(self.phases, from_fn(pixel), times_b_transposed);
                            for (i, column) in column.iter().enumerate() {
                                let at = self.half(i, j) + t;
                                self.halves[at..at + LANES].copy_from_slice(column);
                            }
                        }
                    }
                    for t in (0..self.n).step_by(LANES) {
                        for i in 0..EDGE {
                            let pixel = |j: usize| self.half(i, j % SIDE) + j / SIDE + t;
                            let cells = transform(self.halves, from_fn(pixel), times_b_transposed);
                            for (j, cells) in cells.iter().enumerate() {
                                let at = (EDGE * i + j) * self.cell + channel * self.apart + sample * self.tiles + t;
                                self.v[at..at + LANES].copy_from_slice(cells);
                            }
                        }
                    }
                }
            },
        );
    }

    /// y = `AᵀMA`, plus the bias.
    pub(super) fn store_results(&mut self, y: &mut [A], group: usize, bias: Option<&[A]>) {
        let outputs = self.g.outputs;
        vectorize(
            #[inline(always)]
            || {
                for plane in 0..self.samples * outputs {
                    let (channel, sample) = (plane / self.samples, plane % self.samples);
                    let bias = bias.map_or(A::ZERO, |bias| bias[group * outputs + channel]);
                    for t in (0..self.n).step_by(LANES) {
                        for i in 0..EDGE {
                            let cell = |j| (channel * CELLS + EDGE * i + j) * self.apart + sample * self.tiles + t;
                            let row = transform(self.m, from_fn(cell), times_a_transposed);
                            for (j, row) in row.iter().enumerate() {
                                let at = self.half(i, j) + t;
                                self.halves[at..at + LANES].copy_from_slice(row);
                            }
                        }
                        for j in 0..SIDE {
                            let column = from_fn(|i| self.half(i, j) + t);
                            let results = transform(self.halves, column, |m| {
                                let [a, b, c, d] = times_a_transposed(m);
                                [a + bias, b + bias, c + bias, d + bias]
                            });
                            for (i, results) in results.iter().enumerate() {
                                let at = self.at(i, j) + t;
                                self.phases[at..at + LANES].copy_from_slice(results);
                            }
                        }
                    }
                    let plane = (sample * self.g.groups + group) * outputs + channel;
                    self.store(y, plane, Side::After, |y, result| copy(result, y));
                }
            },
        );
    }

    /// dM = A·dy·Aᵀ.
    pub(super) fn load_gradient(&mut self, dy: &[A], group: usize) {
        let outputs = self.g.outputs;
        self.lines_apart.fill(A::ZERO);
        vectorize(
            #[inline(always)]
            || {
                for plane in 0..self.samples * outputs {
                    let (channel, sample) = (plane / self.samples, plane % self.samples);
                    self.load(dy, (sample * self.g.groups + group) * outputs + channel, Side::After);
                    for t in (0..self.n).step_by(LANES) {
                        for j in 0..SIDE {
                            let column = transform(self.phases, from_fn(|i| self.at(i, j) + t), times_a);
                            for (i, column) in column.iter().enumerate() {
                                let at = self.half(i, j) + t;
                                self.halves[at..at + LANES].copy_from_slice(column);
                            }
                        }
                        for i in 0..EDGE {
                            let cells = transform(self.halves, from_fn(|j| self.half(i, j) + t), times_a);
                            for (j, cells) in cells.iter().enumerate() {
                                let at = (channel * CELLS + EDGE * i + j) * self.apart + sample * self.tiles + t;
                                self.m[at..at + LANES].copy_from_slice(cells);
                            }
                        }
                    }
                }
            },
        );
    }

    /// Adds dd = B·dV·Bᵀ where the tiles are.
    pub(super) fn add_image_gradient(&mut self, dx: &mut [A], group: usize) {
        let inputs = self.g.inputs;
        vectorize(
            #[inline(always)]
            || {
                for plane in 0..self.samples * inputs {
                    let (channel, sample) = (plane / self.samples, plane % self.samples);
                    self.halves.fill(A::ZERO);
                    self.phases.fill(A::ZERO);
                    for t in (0..self.n).step_by(LANES) {
                        for i in 0..EDGE {
                            let cell = |j| (EDGE * i + j) * self.cell + channel * self.apart + sample * self.tiles + t;
                            let mut row = transform(self.v, from_fn(cell), times_b);
                            if self.tiles < t + LANES {
                                // The tiles of the next sample may follow.
                                row.iter_mut().for_each(|row| row[self.tiles - t..].fill(A::ZERO));
                            }
                            for (j, row) in row.iter().enumerate() {
                                let at = self.half(i, j % SIDE) + j / SIDE + t;
                                add(self.halves, at, row);
                            }
                        }
                    }
                    for t in (0..self.n).step_by(LANES) {
                        for j in 0..SIDE {
                            let column = transform(self.halves, from_fn(|i| self.half(i, j) + t), times_b);
                            for (i, column) in column.iter().enumerate() {
                                let at = self.at(i % SIDE, j) + i / SIDE * self.pitch + t;
                                add(self.phases, at, column);
                            }
                        }
                    }
                    let plane = (sample * self.g.groups + group) * inputs + channel;
                    self.store(dx, plane, Side::Before, |dx, dd| {
                        dx.iter_mut().zip(dd).for_each(|(dx, &dd)| *dx += dd);
                    });
                }
            },
        );
    }

    /// Reads the lines of a plane that are under the tiles into the phases; around them there are zeros.
    #[inline(always)]
    fn load(&mut self, planes: &[A], plane: usize, side: Side) {
        let view = side.of(self.g);
        for (from, to) in view.lines(self.first, self.lines, self.pitch, SIDE * self.phase) {
            let from = plane * view.size[0] * view.size[1] + from;
            copy(&planes[from..from + view.size[1]], &mut self.lines_apart[to..to + view.size[1]]);
        }
        // Even and odd columns, and of each the even and the odd ones.
        split(self.lines_apart, self.pairs);
        let middle = self.pairs.len() / 2;
        split(&self.pairs[..middle], &mut self.phases[..middle]);
        split(&self.pairs[middle..], &mut self.phases[middle..]);
    }

    /// Puts the phases into the lines of a plane.
    #[inline(always)]
    fn store(&mut self, planes: &mut [A], plane: usize, side: Side, put: impl Fn(&mut [A], &[A])) {
        let middle = self.pairs.len() / 2;
        join(&self.phases[..middle], &mut self.pairs[..middle]);
        join(&self.phases[middle..], &mut self.pairs[middle..]);
        join(self.pairs, self.lines_apart);
        let view = side.of(self.g);
        for (to, from) in view.lines(self.first, self.lines, self.pitch, SIDE * self.phase) {
            let to = plane * view.size[0] * view.size[1] + to;
            put(&mut planes[to..to + view.size[1]], &self.lines_apart[from..from + view.size[1]]);
        }
    }
}

/// Whether a plane is of the images before the convolution, under the 6 x 6 pixels of tiles, or of the results.
#[derive(Clone, Copy)]
enum Side {
    Before,
    After,
}

/// Where the tiles are on a plane.
struct View {
    size: [usize; 2],
    /// Lines and columns of the first tile before the plane.
    before: [usize; 2],
    /// Lines beyond four for each line of tiles.
    more: usize,
}

impl Side {
    #[inline(always)]
    fn of(self, g: &Geometry) -> View {
        match self {
            Self::Before => {
                View { size: g.axes.map(|axis| axis.input), before: g.axes.map(|axis| axis.before), more: 2 }
            }
            Self::After => View { size: g.axes.map(|axis| axis.output), before: [0, 0], more: 0 },
        }
    }
}

impl View {
    /// Where each line under some lines of tiles starts in the plane, and in `lines_apart`.
    #[inline(always)]
    fn lines(
        &self,
        first: usize,
        lines: usize,
        pitch: usize,
        apart: usize,
    ) -> impl Iterator<Item = (usize, usize)> + use<> {
        let Self { size: [height, width], before, more } = *self;
        (0..SIDE * lines + more).filter_map(move |i| {
            let line = (SIDE * first + i).checked_sub(before[0]).filter(|&line| line < height)?;
            Some((line * width, i % SIDE * apart + i / SIDE * SIDE * pitch + before[1]))
        })
    }
}
