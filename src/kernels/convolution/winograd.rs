//! Winograd's minimal filtering F(2x2, 3x3): 16 multiplications for 2 x 2 results where the definition takes 36.
//!
//! Lavin and Gray, "Fast algorithms for convolutional neural networks" (2016). The image is read in tiles d of 4 x 4
//! pixels that overlap by 2; with a window g of 3 x 3 weights, the 2 x 2 results of a tile are
//!
//! ```text
//! y = Aᵀ(GgGᵀ ∘ BᵀdB)A
//! ```
//!
//! A tile's 16 numbers in the middle do not mix. So for each of them, the sum over channels is a product of matrices:
//! M = U·V with U = GgGᵀ (channels out x in), V = BᵀdB (channels in x tiles), and y = AᵀMA. The gradients are the same
//! steps back: dM = A·dy·Aᵀ, dU = dM·Vᵀ, dV = Uᵀ·dM, dg = Gᵀ·dU·G, and dd = B·dV·Bᵀ is added up where tiles overlap.
//!
//! In memory the image is split into four, by even and odd lines and columns: then the same pixel of neighbouring tiles
//! lies side by side, and each pixel of the tiles is a stretch of one of the four, some lines and columns in. At the end
//! of a line of tiles there is one that is none, whose dM is zero.

use super::super::gemm::gemm;
use super::super::simd::vectorize;
use super::{Geometry, Scratch, matrix, matrix_mut, room};
use crate::Scalar;

/// Numbers of a transformed tile.
const CELLS: usize = 16;

/// Tiles that are transformed at a time.
const LANES: usize = 32;

/// Bytes for V and M: a part of the second-level cache.
const BYTES: usize = 700 << 10;

/// Fewer channels than this, before or after, make products that are not worth the transformations.
const FEW: usize = 8;

/// How the tiles of an image are worked on.
struct Tiles {
    /// Lines of tiles, and tiles from line to line: one more than there are in a line.
    lines: usize,
    pitch: usize,
    /// Samples at a time,
    samples: usize,
    /// and lines at a time, all of them if it is more than one sample.
    strip: usize,
}

impl Tiles {
    fn new<A>(g: &Geometry) -> Self {
        let [lines, columns] = g.axes.map(|axis| axis.output.div_ceil(2));
        let pitch = columns + 1;
        let fit = BYTES / (CELLS * (g.inputs + g.outputs) * pitch * size_of::<A>());
        Self { lines, pitch, samples: (fit / lines).max(1), strip: fit.clamp(1, lines) }
    }
}

/// Whether this method can do the convolution, with a gain.
pub(super) fn pays(g: &Geometry) -> bool {
    let [rows, columns] = g.axes;
    let fits = g.axes.iter().all(|axis| (axis.kernel, axis.stride, axis.dilation) == (3, 1, 1));
    let tiles = rows.output.div_ceil(2) * (columns.output.div_ceil(2) + 1);
    // Tiles reach beyond the results where their number is odd, and a fifth is for the transformations.
    fits && g.inputs >= FEW && g.outputs >= FEW && 16 * tiles <= 9 * g.output_plane() / 5 * 4
}

/// U, as (groups, cells, output channels, input channels).
pub(super) fn transform_weight<A: Scalar>(g: &Geometry, weight: &[A], u: &mut Vec<A>) {
    let filters = g.outputs * g.inputs;
    let u = room(u, g.groups * CELLS * filters);
    vectorize(
        #[inline(always)]
        || {
            for (weight, u) in weight.chunks_exact(9 * filters).zip(u.chunks_exact_mut(CELLS * filters)) {
                for (i, g) in weight.as_chunks::<9>().0.iter().enumerate() {
                    let cells = both_ways([[g[0], g[1], g[2]], [g[3], g[4], g[5]], [g[6], g[7], g[8]]], times_g);
                    for (cell, &value) in cells.as_flattened().iter().enumerate() {
                        u[cell * filters + i] = value;
                    }
                }
            }
        },
    );
}

/// dL/dg, in the order of the weights.
pub(super) fn weight_gradient<A: Scalar>(g: &Geometry, du: &[A], dw: &mut [A]) {
    let filters = g.outputs * g.inputs;
    vectorize(
        #[inline(always)]
        || {
            for (du, dw) in du.chunks_exact(CELLS * filters).zip(dw.chunks_exact_mut(9 * filters)) {
                for (i, dw) in dw.as_chunks_mut::<9>().0.iter_mut().enumerate() {
                    let cell = |row: usize, column: usize| du[(4 * row + column) * filters + i];
                    let cells = [0, 1, 2, 3].map(|row| [0, 1, 2, 3].map(|column| cell(row, column)));
                    dw.copy_from_slice(both_ways(cells, times_g_transposed).as_flattened());
                }
            }
        },
    );
}

pub(super) fn forward<A: Scalar>(
    g: &Geometry,
    u: &[A],
    bias: Option<&[A]>,
    x: &[A],
    y: &mut [A],
    scratch: &mut Scratch<A>,
) {
    let tiles = Tiles::new::<A>(g);
    let samples = x.chunks(tiles.samples * g.input_len()).zip(y.chunks_mut(tiles.samples * g.output_len()));
    for (x, y) in samples {
        let samples = x.len() / g.input_len();
        for first in (0..tiles.lines).step_by(tiles.strip) {
            let mut piece = Piece::new(g, &tiles, first, samples, scratch);
            for group in 0..g.groups {
                piece.load_image(x, group);
                let u = &u[group * CELLS * g.outputs * g.inputs..];
                for cell in 0..CELLS {
                    let u = matrix(&u[cell * g.outputs * g.inputs..], g.outputs, g.inputs, g.inputs);
                    let Sides { v, m } = piece.sides(cell);
                    gemm(A::ONE, &u, &v, A::ZERO, &mut { m });
                }
                piece.store_results(y, group, bias);
            }
        }
    }
}

/// Writes dL/dx, and adds to dL/dU if there is x.
pub(super) fn backward<A: Scalar>(
    g: &Geometry,
    u: &[A],
    dy: &[A],
    mut dx: Option<&mut [A]>,
    mut x: Option<(&[A], &mut [A])>,
    scratch: &mut Scratch<A>,
) {
    let tiles = Tiles::new::<A>(g);
    let filters = g.outputs * g.inputs;
    if let Some(dx) = &mut dx {
        dx.fill(A::ZERO);
    }
    for (i, dy) in dy.chunks(tiles.samples * g.output_len()).enumerate() {
        let samples = dy.len() / g.output_len();
        let inputs = i * tiles.samples * g.input_len()..(i * tiles.samples + samples) * g.input_len();
        for first in (0..tiles.lines).step_by(tiles.strip) {
            let mut piece = Piece::new(g, &tiles, first, samples, scratch);
            for group in 0..g.groups {
                piece.load_gradient(dy, group);
                if let Some((x, du)) = &mut x {
                    piece.load_image(&x[inputs.clone()], group);
                    let cells = du[group * CELLS * filters..].chunks_exact_mut(filters);
                    for (cell, du) in cells.enumerate().take(CELLS) {
                        let Sides { v, m } = piece.sides(cell);
                        gemm(A::ONE, &m, &v.t(), A::ONE, &mut matrix_mut(du, g.outputs, g.inputs, g.inputs));
                    }
                }
                if let Some(dx) = &mut dx {
                    let u = &u[group * CELLS * filters..];
                    for cell in 0..CELLS {
                        let u = matrix(&u[cell * filters..], g.outputs, g.inputs, g.inputs);
                        let Sides { v, m } = piece.sides(cell);
                        gemm(A::ONE, &u.t(), &m, A::ZERO, &mut { v });
                    }
                    piece.add_image_gradient(&mut dx[inputs.clone()], group);
                }
            }
        }
    }
}

/// Some lines of tiles of some samples, and the memory for one group of their channels.
struct Piece<'a, A> {
    g: &'a Geometry,
    /// The first line of tiles, and how many there are.
    first: usize,
    lines: usize,
    pitch: usize,
    samples: usize,
    /// Tiles of a sample, with those at the ends of the lines.
    tiles: usize,
    /// From row to row of V and M: the tiles of all samples, and a few numbers that may be overwritten.
    apart: usize,
    /// A channel of a sample by even and odd lines and columns, each so long.
    phases: &'a mut [A],
    phase: usize,
    /// (cells, input channels, tiles).
    v: &'a mut [A],
    /// (cells, output channels, tiles).
    m: &'a mut [A],
}

/// V and M of a cell, each with a row for a channel.
struct Sides<'a, A> {
    v: ndarray::ArrayViewMut2<'a, A>,
    m: ndarray::ArrayViewMut2<'a, A>,
}

type Lanes<A> = [A; LANES];

impl<'a, A: Scalar> Piece<'a, A> {
    fn new(g: &'a Geometry, tiles: &Tiles, first: usize, samples: usize, scratch: &'a mut Scratch<A>) -> Self {
        let lines = tiles.strip.min(tiles.lines - first);
        let pitch = tiles.pitch;
        let count = lines * pitch;
        let phase = count + pitch + LANES;
        let apart = samples * count + LANES;
        Self {
            g,
            first,
            lines,
            pitch,
            samples,
            tiles: count,
            apart,
            phases: room(&mut scratch.image, 4 * phase),
            phase,
            v: room(&mut scratch.columns, CELLS * g.inputs * apart),
            m: room(&mut scratch.products, CELLS * g.outputs * apart),
        }
    }

    fn sides(&mut self, cell: usize) -> Sides<'_, A> {
        let Geometry { inputs, outputs, .. } = *self.g;
        let tiles = self.samples * self.tiles;
        Sides {
            v: matrix_mut(&mut self.v[cell * inputs * self.apart..], inputs, tiles, self.apart),
            m: matrix_mut(&mut self.m[cell * outputs * self.apart..], outputs, tiles, self.apart),
        }
    }

    /// V = BᵀdB.
    fn load_image(&mut self, x: &[A], group: usize) {
        let inputs = self.g.inputs;
        vectorize(
            #[inline(always)]
            || {
                for sample in 0..self.samples {
                    for channel in 0..inputs {
                        self.split(x, (sample * self.g.groups + group) * inputs + channel, Side::Input);
                        for t in (0..self.tiles).step_by(LANES) {
                            let mut d = [[[A::ZERO; LANES]; 4]; 4];
                            for (i, line) in d.iter_mut().enumerate() {
                                for (j, d) in line.iter_mut().enumerate() {
                                    *d = lanes(self.phases, self.pixel(i, j) + t);
                                }
                            }
                            let mut v = [[[A::ZERO; LANES]; 4]; 4];
                            transform(&d, &mut v, times_b_transposed);
                            for (cell, v) in v.as_flattened().iter().enumerate() {
                                let at = (cell * inputs + channel) * self.apart + sample * self.tiles + t;
                                self.v[at..at + LANES].copy_from_slice(v);
                            }
                        }
                    }
                }
            },
        );
    }

    /// y = AᵀMA, plus the bias.
    fn store_results(&mut self, y: &mut [A], group: usize, bias: Option<&[A]>) {
        let outputs = self.g.outputs;
        vectorize(
            #[inline(always)]
            || {
                for sample in 0..self.samples {
                    for channel in 0..outputs {
                        let bias = bias.map_or(A::ZERO, |bias| bias[group * outputs + channel]);
                        for t in (0..self.tiles).step_by(LANES) {
                            let mut m = [[[A::ZERO; LANES]; 4]; 4];
                            for (cell, m) in m.as_flattened_mut().iter_mut().enumerate() {
                                let at = (cell * outputs + channel) * self.apart + sample * self.tiles + t;
                                *m = lanes(self.m, at);
                            }
                            let mut y = [[[A::ZERO; LANES]; 2]; 2];
                            transform(&m, &mut y, times_a_transposed);
                            for (phase, y) in y.as_flattened_mut().iter_mut().enumerate() {
                                y.iter_mut().for_each(|y| *y += bias);
                                self.phases[phase * self.phase + t..][..LANES].copy_from_slice(y);
                            }
                        }
                        let plane = (sample * self.g.groups + group) * outputs + channel;
                        self.join(y, plane, Side::Output, |y, result| *y = result);
                    }
                }
            },
        );
    }

    /// dM = A·dy·Aᵀ.
    fn load_gradient(&mut self, dy: &[A], group: usize) {
        let outputs = self.g.outputs;
        vectorize(
            #[inline(always)]
            || {
                for sample in 0..self.samples {
                    for channel in 0..outputs {
                        self.split(dy, (sample * self.g.groups + group) * outputs + channel, Side::Output);
                        for t in (0..self.tiles).step_by(LANES) {
                            let mut dy = [[[A::ZERO; LANES]; 2]; 2];
                            for (phase, dy) in dy.as_flattened_mut().iter_mut().enumerate() {
                                *dy = lanes(self.phases, phase * self.phase + t);
                            }
                            let mut dm = [[[A::ZERO; LANES]; 4]; 4];
                            transform(&dy, &mut dm, times_a);
                            for (cell, dm) in dm.as_flattened().iter().enumerate() {
                                let at = (cell * outputs + channel) * self.apart + sample * self.tiles + t;
                                self.m[at..at + LANES].copy_from_slice(dm);
                            }
                        }
                    }
                }
            },
        );
    }

    /// Adds dd = B·dV·Bᵀ where the tiles are.
    fn add_image_gradient(&mut self, dx: &mut [A], group: usize) {
        let inputs = self.g.inputs;
        vectorize(
            #[inline(always)]
            || {
                for sample in 0..self.samples {
                    for channel in 0..inputs {
                        self.phases.fill(A::ZERO);
                        for t in (0..self.tiles).step_by(LANES) {
                            let mut dv = [[[A::ZERO; LANES]; 4]; 4];
                            for (cell, dv) in dv.as_flattened_mut().iter_mut().enumerate() {
                                let at = (cell * inputs + channel) * self.apart + sample * self.tiles + t;
                                *dv = lanes(self.v, at);
                            }
                            let mut dd = [[[A::ZERO; LANES]; 4]; 4];
                            transform(&dv, &mut dd, times_b);
                            let count = LANES.min(self.tiles - t);
                            for (i, line) in dd.iter().enumerate() {
                                for (j, dd) in line.iter().enumerate() {
                                    let at = self.pixel(i, j) + t;
                                    let pixels = &mut self.phases[at..at + count];
                                    pixels.iter_mut().zip(dd).for_each(|(pixel, &dd)| *pixel += dd);
                                }
                            }
                        }
                        let plane = (sample * self.g.groups + group) * inputs + channel;
                        self.join(dx, plane, Side::Input, |dx, dd| *dx += dd);
                    }
                }
            },
        );
    }

    /// Where pixel (i, j) of the first tile is among the phases.
    #[inline(always)]
    fn pixel(&self, i: usize, j: usize) -> usize {
        (i % 2 * 2 + j % 2) * self.phase + i / 2 * self.pitch + j / 2
    }

    /// Puts the lines of a plane that the tiles cover into the phases, and zeros around them.
    #[inline(always)]
    fn split(&mut self, planes: &[A], plane: usize, side: Side) {
        let place = side.of(self.g);
        let plane = &planes[plane * place.size[0] * place.size[1]..];
        self.phases.fill(A::ZERO);
        let phases = &mut *self.phases;
        for (phase, at, count) in place.lines(self.first, self.lines, self.pitch, self.phase) {
            let to = &mut phases[phase..phase + count];
            to.iter_mut().zip(plane[at..].iter().step_by(2)).for_each(|(to, &from)| *to = from);
        }
    }

    /// Puts the phases into the lines of a plane.
    #[inline(always)]
    fn join(&self, planes: &mut [A], plane: usize, side: Side, put: impl Fn(&mut A, A)) {
        let place = side.of(self.g);
        let plane = &mut planes[plane * place.size[0] * place.size[1]..];
        for (phase, at, count) in place.lines(self.first, self.lines, self.pitch, self.phase) {
            let from = &self.phases[phase..phase + count];
            plane[at..].iter_mut().step_by(2).zip(from).for_each(|(to, &from)| put(to, from));
        }
    }
}

/// Whether a plane is one of the images before the convolution, under the tiles' 4 x 4 pixels, or of the results.
#[derive(Clone, Copy)]
enum Side {
    Input,
    Output,
}

/// Where the tiles are on a plane.
struct Place {
    size: [usize; 2],
    /// Lines and columns of the first tile before the plane.
    before: [usize; 2],
    /// Lines of a phase beyond one for each line of tiles.
    more: usize,
}

impl Side {
    #[inline(always)]
    fn of(self, g: &Geometry) -> Place {
        match self {
            Self::Input => {
                Place { size: g.axes.map(|axis| axis.input), before: g.axes.map(|axis| axis.before), more: 1 }
            }
            Self::Output => Place { size: g.axes.map(|axis| axis.output), before: [0, 0], more: 0 },
        }
    }
}

impl Place {
    /// For each line of each phase: where its numbers are, in the phases side by side, in the plane every second one,
    /// and how many.
    #[inline(always)]
    fn lines(
        &self,
        first: usize,
        lines: usize,
        pitch: usize,
        phase: usize,
    ) -> impl Iterator<Item = (usize, usize, usize)> {
        let Self { size: [height, width], before, more } = *self;
        let starts = [0, 1].map(|b| {
            let skip = before[1].saturating_sub(b).div_ceil(2);
            let column = (2 * skip + b).saturating_sub(before[1]);
            (skip, column, width.saturating_sub(column).div_ceil(2).min(pitch.saturating_sub(skip)))
        });
        (0..2 * (lines + more)).flat_map(move |r| {
            let line = (2 * first + r).checked_sub(before[0]).filter(|&line| line < height);
            line.into_iter().flat_map(move |line| {
                (0..2).map(move |b| {
                    let (skip, column, count) = starts[b];
                    ((r % 2 * 2 + b) * phase + r / 2 * pitch + skip, line * width + column, count)
                })
            })
        })
    }
}

/// Some numbers side by side.
#[inline(always)]
fn lanes<A: Scalar>(numbers: &[A], at: usize) -> Lanes<A> {
    let mut lanes = [A::ZERO; LANES];
    lanes.copy_from_slice(&numbers[at..at + LANES]);
    lanes
}

/// [`both_ways`] for many tiles.
#[inline(always)]
fn transform<A: Scalar, const N: usize, const M: usize>(
    from: &[[Lanes<A>; N]; N],
    to: &mut [[Lanes<A>; M]; M],
    f: impl Fn([A; N]) -> [A; M] + Copy,
) {
    for lane in 0..LANES {
        let tile = both_ways(std::array::from_fn(|i| std::array::from_fn(|j| from[i][j][lane])), f);
        for i in 0..M {
            for j in 0..M {
                to[i][j][lane] = tile[i][j];
            }
        }
    }
}

/// F·x·Fᵀ, where f(v) is F·v.
#[inline(always)]
fn both_ways<A: Scalar, const N: usize, const M: usize>(x: [[A; N]; N], f: impl Fn([A; N]) -> [A; M]) -> [[A; M]; M] {
    let columns: [[A; M]; N] = std::array::from_fn(|j| f(std::array::from_fn(|i| x[i][j])));
    std::array::from_fn(|i| f(std::array::from_fn(|j| columns[j][i])))
}

#[inline(always)]
fn times_a<A: Scalar>([a, b]: [A; 2]) -> [A; 4] {
    [a, a + b, a - b, -b]
}

#[inline(always)]
fn times_a_transposed<A: Scalar>([a, b, c, d]: [A; 4]) -> [A; 2] {
    [a + b + c, b - c - d]
}

#[inline(always)]
fn times_b<A: Scalar>([a, b, c, d]: [A; 4]) -> [A; 4] {
    [a, b - c + d, b + c - a, -d]
}

#[inline(always)]
fn times_b_transposed<A: Scalar>([a, b, c, d]: [A; 4]) -> [A; 4] {
    [a - c, b + c, c - b, b - d]
}

#[inline(always)]
fn times_g<A: Scalar>([a, b, c]: [A; 3]) -> [A; 4] {
    let half = A::of(0.5);
    [a, (a + c + b) * half, (a + c - b) * half, c]
}

#[inline(always)]
fn times_g_transposed<A: Scalar>([a, b, c, d]: [A; 4]) -> [A; 3] {
    let half = A::of(0.5);
    [a + (b + c) * half, (b - c) * half, (b + c) * half + d]
}
