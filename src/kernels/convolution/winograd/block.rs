//! [`TileBlock`]: tiles in memory, from planes of pixels to V and M, and back.

use std::array::from_fn;

use ndarray::ArrayViewMut2;

use super::super::super::matrix_mut;
use super::super::super::simd::vectorize;
use super::super::{Geometry, Scratch, room};
use super::lanes::{add, copy, join, split, transform};
use super::matrices::{times_a, times_a_transposed, times_b, times_b_transposed};
use super::{COMPONENTS, INPUT_SIDE, LANES, OUTPUT_SIDE, Tiling};
use crate::Scalar;

/// Some rows of tiles of some samples, and the memory for one group of their channels.
pub(super) struct TileBlock<'a, A> {
    g: &'a Geometry,
    /// The first row of tiles, and the number of rows.
    first_row: usize,
    rows: usize,
    tiles_per_row: usize,
    samples: usize,
    /// Tiles of a sample, with those at the ends of the rows.
    tiles: usize,
    /// `tiles` rounded up to whole [`LANES`].
    padded_tiles: usize,
    /// From channel to channel in V, and from component to component in M.
    channel_stride: usize,
    /// From component to component in V.
    component_stride: usize,
    /// A channel of a sample, its rows sorted by phase: of every four rows the first ones, then the second ones and so on.
    row_phases: &'a mut [A],
    /// On the way to and from the phases: the even columns, then the odd ones.
    column_halves: &'a mut [A],
    /// The phases, of `phase_len` numbers each: see [`phase_at`](Self::phase_at).
    phases: &'a mut [A],
    phase_len: usize,
    /// Tiles that are transformed along one of their two axes: see [`partial_at`](Self::partial_at).
    partial: &'a mut [A],
    partial_len: usize,
    /// (components, input channels, tiles).
    v: &'a mut [A],
    /// (output channels, components, tiles).
    m: &'a mut [A],
}

/// The matrices V and M of one component of the transformed tiles: (channels, tiles).
pub(super) struct Component<'a, A> {
    pub(super) v: ArrayViewMut2<'a, A>,
    pub(super) m: ArrayViewMut2<'a, A>,
}

impl<'a, A: Scalar> TileBlock<'a, A> {
    pub(super) fn new(
        g: &'a Geometry,
        tiling: &Tiling,
        first_row: usize,
        samples: usize,
        scratch: &'a mut Scratch<A>,
    ) -> Self {
        let rows = tiling.rows_at_a_time.min(tiling.rows - first_row);
        let tiles_per_row = tiling.tiles_per_row;
        let tiles = rows * tiles_per_row;
        let padded_tiles = tiles.next_multiple_of(LANES);
        // What is beyond a sample's tiles is overwritten by the next sample.
        let channel_stride = (samples - 1) * tiles + padded_tiles;
        let phase_len = (padded_tiles + tiles_per_row + 1).next_multiple_of(2 * LANES);
        let partial_len = padded_tiles + LANES;
        let plane = OUTPUT_SIDE * OUTPUT_SIDE * phase_len;
        let image = room(&mut scratch.image, 3 * plane + OUTPUT_SIDE * INPUT_SIDE * partial_len);
        let (row_phases, image) = image.split_at_mut(plane);
        let (column_halves, image) = image.split_at_mut(plane);
        let (phases, partial) = image.split_at_mut(plane);
        // Not a round number, or all components would compete for the same lines of the first-level cache.
        let component_stride = g.inputs * channel_stride + LANES;
        let v = room(&mut scratch.columns, COMPONENTS * component_stride);
        let m = room(&mut scratch.products, COMPONENTS * g.outputs * channel_stride);
        Self {
            g,
            first_row,
            rows,
            tiles_per_row,
            samples,
            tiles,
            padded_tiles,
            channel_stride,
            component_stride,
            row_phases,
            column_halves,
            phases,
            phase_len,
            partial,
            partial_len,
            v,
            m,
        }
    }

    pub(super) fn component(&mut self, index: usize) -> Component<'_, A> {
        let Geometry { inputs, outputs, .. } = *self.g;
        let tiles = self.samples * self.tiles;
        Component {
            v: matrix_mut(&mut self.v[index * self.component_stride..], inputs, tiles, self.channel_stride),
            m: matrix_mut(&mut self.m[index * self.channel_stride..], outputs, tiles, COMPONENTS * self.channel_stride),
        }
    }

    /// Where phase (i, j) starts: the phases lie in the order of columns 0, 2, 1, 3, as [`split`] leaves them, and of the
    /// rows within each.
    #[inline(always)]
    fn phase_at(&self, i: usize, j: usize) -> usize {
        (OUTPUT_SIDE * (j % 2 * 2 + j / 2) + i) * self.phase_len
    }

    /// Where row i of the transformed tile and column j of the pixels start, between the two halves of a transformation.
    #[inline(always)]
    fn partial_at(&self, i: usize, j: usize) -> usize {
        (OUTPUT_SIDE * i + j) * self.partial_len
    }

    /// V = `BᵀdB`.
    pub(super) fn load_image(&mut self, x: &[A], group: usize) {
        let inputs = self.g.inputs;
        self.row_phases.fill(A::ZERO);
        self.partial.fill(A::ZERO);
        vectorize(
            #[inline(always)]
            || {
                for plane in 0..self.samples * inputs {
                    let (channel, sample) = (plane / self.samples, plane % self.samples);
                    self.load(x, (sample * self.g.groups + group) * inputs + channel, Plane::Input);
                    for t in (0..self.padded_tiles).step_by(LANES) {
                        for j in 0..OUTPUT_SIDE {
                            let pixel =
                                |i: usize| self.phase_at(i % OUTPUT_SIDE, j) + i / OUTPUT_SIDE * self.tiles_per_row + t;
                            let column = transform(self.phases, from_fn(pixel), times_b_transposed);
                            for (i, column) in column.iter().enumerate() {
                                let at = self.partial_at(i, j) + t;
                                self.partial[at..at + LANES].copy_from_slice(column);
                            }
                        }
                    }
                    for t in (0..self.padded_tiles).step_by(LANES) {
                        for i in 0..INPUT_SIDE {
                            let pixel = |j: usize| self.partial_at(i, j % OUTPUT_SIDE) + j / OUTPUT_SIDE + t;
                            let components = transform(self.partial, from_fn(pixel), times_b_transposed);
                            for (j, components) in components.iter().enumerate() {
                                let at = (INPUT_SIDE * i + j) * self.component_stride
                                    + channel * self.channel_stride
                                    + sample * self.tiles
                                    + t;
                                self.v[at..at + LANES].copy_from_slice(components);
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
                    for t in (0..self.padded_tiles).step_by(LANES) {
                        for i in 0..INPUT_SIDE {
                            let component = |j| {
                                (channel * COMPONENTS + INPUT_SIDE * i + j) * self.channel_stride
                                    + sample * self.tiles
                                    + t
                            };
                            let row = transform(self.m, from_fn(component), times_a_transposed);
                            for (j, row) in row.iter().enumerate() {
                                let at = self.partial_at(i, j) + t;
                                self.partial[at..at + LANES].copy_from_slice(row);
                            }
                        }
                        for j in 0..OUTPUT_SIDE {
                            let column = from_fn(|i| self.partial_at(i, j) + t);
                            let results = transform(self.partial, column, |m| {
                                let [a, b, c, d] = times_a_transposed(m);
                                [a + bias, b + bias, c + bias, d + bias]
                            });
                            for (i, results) in results.iter().enumerate() {
                                let at = self.phase_at(i, j) + t;
                                self.phases[at..at + LANES].copy_from_slice(results);
                            }
                        }
                    }
                    let plane = (sample * self.g.groups + group) * outputs + channel;
                    self.store(y, plane, Plane::Output, |y, result| copy(result, y));
                }
            },
        );
    }

    /// dM = A·dy·Aᵀ.
    pub(super) fn load_gradient(&mut self, dy: &[A], group: usize) {
        let outputs = self.g.outputs;
        self.row_phases.fill(A::ZERO);
        vectorize(
            #[inline(always)]
            || {
                for plane in 0..self.samples * outputs {
                    let (channel, sample) = (plane / self.samples, plane % self.samples);
                    self.load(dy, (sample * self.g.groups + group) * outputs + channel, Plane::Output);
                    for t in (0..self.padded_tiles).step_by(LANES) {
                        for j in 0..OUTPUT_SIDE {
                            let column = transform(self.phases, from_fn(|i| self.phase_at(i, j) + t), times_a);
                            for (i, column) in column.iter().enumerate() {
                                let at = self.partial_at(i, j) + t;
                                self.partial[at..at + LANES].copy_from_slice(column);
                            }
                        }
                        for i in 0..INPUT_SIDE {
                            let components = transform(self.partial, from_fn(|j| self.partial_at(i, j) + t), times_a);
                            for (j, components) in components.iter().enumerate() {
                                let at = (channel * COMPONENTS + INPUT_SIDE * i + j) * self.channel_stride
                                    + sample * self.tiles
                                    + t;
                                self.m[at..at + LANES].copy_from_slice(components);
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
                    self.partial.fill(A::ZERO);
                    self.phases.fill(A::ZERO);
                    for t in (0..self.padded_tiles).step_by(LANES) {
                        for i in 0..INPUT_SIDE {
                            let component = |j| {
                                (INPUT_SIDE * i + j) * self.component_stride
                                    + channel * self.channel_stride
                                    + sample * self.tiles
                                    + t
                            };
                            let mut row = transform(self.v, from_fn(component), times_b);
                            if self.tiles < t + LANES {
                                // The tiles of the next sample may follow.
                                row.iter_mut().for_each(|row| row[self.tiles - t..].fill(A::ZERO));
                            }
                            for (j, row) in row.iter().enumerate() {
                                let at = self.partial_at(i, j % OUTPUT_SIDE) + j / OUTPUT_SIDE + t;
                                add(self.partial, at, row);
                            }
                        }
                    }
                    for t in (0..self.padded_tiles).step_by(LANES) {
                        for j in 0..OUTPUT_SIDE {
                            let column = transform(self.partial, from_fn(|i| self.partial_at(i, j) + t), times_b);
                            for (i, column) in column.iter().enumerate() {
                                let at = self.phase_at(i % OUTPUT_SIDE, j) + i / OUTPUT_SIDE * self.tiles_per_row + t;
                                add(self.phases, at, column);
                            }
                        }
                    }
                    let plane = (sample * self.g.groups + group) * inputs + channel;
                    self.store(dx, plane, Plane::Input, |dx, dd| {
                        dx.iter_mut().zip(dd).for_each(|(dx, &dd)| *dx += dd);
                    });
                }
            },
        );
    }

    /// Sorts the rows of a plane that are under the tiles into the phases; around them there are zeros.
    #[inline(always)]
    fn load(&mut self, planes: &[A], plane: usize, kind: Plane) {
        let view = kind.of(self.g);
        for (from, to) in view.rows(self.first_row, self.rows, self.tiles_per_row, OUTPUT_SIDE * self.phase_len) {
            let from = plane * view.size[0] * view.size[1] + from;
            copy(&planes[from..from + view.size[1]], &mut self.row_phases[to..to + view.size[1]]);
        }
        // Even and odd columns, and of each the even and the odd ones.
        split(self.row_phases, self.column_halves);
        let middle = self.column_halves.len() / 2;
        split(&self.column_halves[..middle], &mut self.phases[..middle]);
        split(&self.column_halves[middle..], &mut self.phases[middle..]);
    }

    /// Calls `put` with each row of a plane and the numbers of the phases for it.
    #[inline(always)]
    fn store(&mut self, planes: &mut [A], plane: usize, kind: Plane, put: impl Fn(&mut [A], &[A])) {
        let middle = self.column_halves.len() / 2;
        join(&self.phases[..middle], &mut self.column_halves[..middle]);
        join(&self.phases[middle..], &mut self.column_halves[middle..]);
        join(self.column_halves, self.row_phases);
        let view = kind.of(self.g);
        for (to, from) in view.rows(self.first_row, self.rows, self.tiles_per_row, OUTPUT_SIDE * self.phase_len) {
            let to = plane * view.size[0] * view.size[1] + to;
            put(&mut planes[to..to + view.size[1]], &self.row_phases[from..from + view.size[1]]);
        }
    }
}

/// Whether a plane is one of the input, under input tiles of 6 x 6, or one of the output, with output tiles of 4 x 4.
#[derive(Clone, Copy)]
enum Plane {
    Input,
    Output,
}

/// Where the tiles are on a plane.
struct View {
    size: [usize; 2],
    /// Rows and columns of padding that the first tile begins with.
    before: [usize; 2],
    /// Rows of a tile that overlap with the next one.
    overlap: usize,
}

impl Plane {
    #[inline(always)]
    fn of(self, g: &Geometry) -> View {
        match self {
            Self::Input => {
                View { size: g.axes.map(|axis| axis.input), before: g.axes.map(|axis| axis.before), overlap: 2 }
            }
            Self::Output => View { size: g.axes.map(|axis| axis.output), before: [0, 0], overlap: 0 },
        }
    }
}

impl View {
    /// Where each row under some rows of tiles starts in the plane, and in `row_phases`.
    #[inline(always)]
    fn rows(
        &self,
        first_row: usize,
        rows: usize,
        tiles_per_row: usize,
        phase_stride: usize,
    ) -> impl Iterator<Item = (usize, usize)> + use<> {
        let Self { size: [height, width], before, overlap } = *self;
        (0..OUTPUT_SIDE * rows + overlap).filter_map(move |i| {
            let row = (OUTPUT_SIDE * first_row + i).checked_sub(before[0]).filter(|&row| row < height)?;
            let tile_row = i / OUTPUT_SIDE * OUTPUT_SIDE * tiles_per_row;
            Some((row * width, i % OUTPUT_SIDE * phase_stride + tile_row + before[1]))
        })
    }
}
