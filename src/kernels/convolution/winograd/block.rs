//! [`TileBlock`]: tiles in memory, between planes of pixels and V and M.

use std::array::from_fn;

use ndarray::ArrayViewMut2;

use super::super::super::matrix_mut;
use super::super::super::simd::vectorize;
use super::super::{Geometry, Scratch, room};
use super::lanes::{add, copy, join, split, transform};
use super::matrices::{times_a, times_a_transposed, times_b, times_b_transposed};
use super::{COMPONENTS, INPUT_SIDE, LANES, OUTPUT_SIDE, Tiling};
use crate::Scalar;

/// A block of rows of tiles of a range of samples, with buffers for one group of channels.
pub(super) struct TileBlock<'a, A> {
    g: &'a Geometry,
    /// The first row of tiles, and the number of rows.
    first_row: usize,
    rows: usize,
    tiles_per_row: usize,
    samples: usize,
    /// Tiles per sample, including those at the ends of rows.
    tiles: usize,
    /// `tiles` rounded up to a multiple of [`LANES`].
    padded_tiles: usize,
    /// The channel stride of V and the component stride of M.
    channel_stride: usize,
    /// The component stride of V.
    component_stride: usize,
    /// A channel of a sample, with rows sorted by phase: all rows 4k, then all 4k + 1, and so on.
    row_phases: &'a mut [A],
    /// Intermediate: the even columns, then the odd ones.
    column_halves: &'a mut [A],
    /// The phases, of `phase_len` elements each: see [`phase_at`](Self::phase_at).
    phases: &'a mut [A],
    phase_len: usize,
    /// Tiles transformed along one axis: see [`partial_at`](Self::partial_at).
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
        // The excess past a sample's tiles is overwritten by the next sample.
        let channel_stride = (samples - 1) * tiles + padded_tiles;
        let phase_len = (padded_tiles + tiles_per_row + 1).next_multiple_of(2 * LANES);
        let partial_len = padded_tiles + LANES;
        let plane = OUTPUT_SIDE * OUTPUT_SIDE * phase_len;
        let image = room(&mut scratch.image, 3 * plane + OUTPUT_SIDE * INPUT_SIDE * partial_len);
        let (row_phases, image) = image.split_at_mut(plane);
        let (column_halves, image) = image.split_at_mut(plane);
        let (phases, partial) = image.split_at_mut(plane);
        // Not a power of two, for which all components would map to the same sets of the L1 cache.
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

    /// The start of phase (i, j): phases are in the column order 0, 2, 1, 3, as [`split`] leaves them, then by row.
    #[inline(always)]
    fn phase_at(&self, i: usize, j: usize) -> usize {
        (OUTPUT_SIDE * (j % 2 * 2 + j / 2) + i) * self.phase_len
    }

    /// The start of row i of the transformed tile and column j of the pixels, between the two passes of a transform.
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

    /// Adds dd = B·dV·Bᵀ at the positions of the tiles.
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

    /// Sorts the rows of a plane under the tiles into the phases, with zeros around them.
    #[inline(always)]
    fn load(&mut self, planes: &[A], plane: usize, kind: Plane) {
        let view = kind.of(self.g);
        for (from, to) in view.rows(self.first_row, self.rows, self.tiles_per_row, OUTPUT_SIDE * self.phase_len) {
            let from = plane * view.size[0] * view.size[1] + from;
            copy(&planes[from..from + view.size[1]], &mut self.row_phases[to..to + view.size[1]]);
        }
        // Even and odd columns, then each again.
        split(self.row_phases, self.column_halves);
        let middle = self.column_halves.len() / 2;
        split(&self.column_halves[..middle], &mut self.phases[..middle]);
        split(&self.column_halves[middle..], &mut self.phases[middle..]);
    }

    /// Calls `put` with each row of a plane and its elements of the phases.
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

/// An input plane, with tiles of 6 x 6, or an output plane, with tiles of 4 x 4.
#[derive(Clone, Copy)]
enum Plane {
    Input,
    Output,
}

/// The position of the tiles on a plane.
struct View {
    size: [usize; 2],
    /// Rows and columns of padding in the first tile.
    before: [usize; 2],
    /// Rows of overlap with the next tile.
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
    /// The start of each row under some rows of tiles, in the plane and in `row_phases`.
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
