//! Winograd's minimal filtering F(4x4, 3x3): 36 multiplications for 4 x 4 results where the definition takes 144.
//!
//! Lavin and Gray, "Fast algorithms for convolutional neural networks" (2016). The image is read in tiles d of 6 x 6
//! pixels that overlap by 2; with a window g of 3 x 3 weights, the 4 x 4 results of a tile are
//!
//! ```text
//! y = Aᵀ(GgGᵀ ∘ BᵀdB)A
//! ```
//!
//! A tile's 36 numbers in the middle do not mix. So for each of them, the sum over channels is a product of matrices:
//! M = U·V with U = `GgGᵀ` (channels out x in), V = `BᵀdB` (channels in x tiles), and y = `AᵀMA`. The gradients are the
//! same steps back: dM = A·dy·Aᵀ, dU = dM·Vᵀ, dV = Uᵀ·dM, dg = Gᵀ·dU·G, and dd = B·dV·Bᵀ is added up where tiles overlap.
//!
//! A, B and G evaluate and interpolate polynomials. The usual points 0, ±1, ±2 and ∞ lose a digit; with 0, ±3/4, ±3/2
//! and ∞, the error of results in `f32` is about twice that of the sums in the definition.
//!
//! In memory, a channel of the padded image is split into 4 x 4 *phases*: every fourth line and column, from the first,
//! second, third and fourth on. So the same pixel of all tiles lies side by side, and a tile's fifth and sixth pixels are
//! the first and second of its neighbour. If a line of tiles needs these at its end, there is one tile more, which is
//! none: its dM is zero. If not, what is there instead, of the next line, cancels.

use std::array::from_fn;

use ndarray::ArrayViewMut2;

use super::super::gemm::gemm;
use super::super::simd::vectorize;
use super::super::{matrix, matrix_mut};
use super::{Geometry, Scratch, room};
use crate::Scalar;

/// Results of a tile on each side.
const SIDE: usize = 4;

/// Numbers of a transformed tile, on each side and in all.
const EDGE: usize = 6;
const CELLS: usize = EDGE * EDGE;

/// Tiles that are transformed at a time.
const LANES: usize = 16;

/// Bytes for V and M: a part of the second-level cache.
const BYTES: usize = 1 << 20;

/// Fewer channels than this, before or after, make products that are not worth the transformations.
const FEW: usize = 8;

/// How the tiles of an image are worked on.
struct Tiles {
    /// Lines of tiles, and tiles from line to line.
    lines: usize,
    pitch: usize,
    /// Samples at a time,
    samples: usize,
    /// and lines at a time, all of them if it is more than one sample.
    strip: usize,
}

impl Tiles {
    fn new<A>(g: &Geometry) -> Self {
        let [lines, pitch] = Self::grid(g);
        let fit = BYTES / (CELLS * (g.inputs + g.outputs) * pitch * size_of::<A>());
        Self { lines, pitch, samples: (fit / lines).max(1), strip: fit.clamp(1, lines) }
    }

    /// Lines of tiles, and tiles from line to line.
    fn grid(g: &Geometry) -> [usize; 2] {
        let [rows, columns] = g.axes;
        [rows.output.div_ceil(SIDE), (columns.output + 2).div_ceil(SIDE)]
    }
}

/// Whether this method can do the convolution, with a gain.
pub(super) fn pays(g: &Geometry) -> bool {
    let fits = g.axes.iter().all(|axis| (axis.kernel, axis.stride, axis.dilation) == (3, 1, 1));
    let [lines, pitch] = Tiles::grid(g);
    // Tiles reach beyond the results, and a third is for the transformations.
    fits && g.inputs >= FEW && g.outputs >= FEW && lines * pitch * CELLS <= 9 * g.output_plane() / 3 * 2
}

/// U, as (groups, cells, output channels, input channels).
pub(super) fn transform_weight<A: Scalar>(g: &Geometry, weight: &[A], u: &mut Vec<A>) {
    let filters = g.outputs * g.inputs;
    u.resize(g.groups * CELLS * filters, A::ZERO);
    vectorize(
        #[inline(always)]
        || {
            for (weight, u) in weight.chunks_exact(9 * filters).zip(u.chunks_exact_mut(CELLS * filters)) {
                // Some filters side by side, so that whole cache lines are written.
                for (i, weight) in weight.chunks(9 * LANES).enumerate() {
                    let mut cells = [[A::ZERO; LANES]; CELLS];
                    for (lane, g) in weight.as_chunks::<9>().0.iter().enumerate() {
                        let u = both_ways(from_fn(|i| from_fn(|j| g[3 * i + j].to_f64())), times_g);
                        for (cells, &u) in cells.iter_mut().zip(u.as_flattened()) {
                            cells[lane] = A::of(u);
                        }
                    }
                    for (u, cells) in u.chunks_exact_mut(filters).zip(cells) {
                        u[i * LANES..][..weight.len() / 9].copy_from_slice(&cells[..weight.len() / 9]);
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
                for (i, dw) in dw.chunks_mut(9 * LANES).enumerate() {
                    let mut cells = [[A::ZERO; LANES]; CELLS];
                    for (cells, du) in cells.iter_mut().zip(du.chunks_exact(filters)) {
                        cells[..dw.len() / 9].copy_from_slice(&du[i * LANES..][..dw.len() / 9]);
                    }
                    for (lane, dw) in dw.as_chunks_mut::<9>().0.iter_mut().enumerate() {
                        let du = from_fn(|i| from_fn(|j| cells[EDGE * i + j][lane].to_f64()));
                        let gradient = both_ways(du, times_g_transposed);
                        dw.iter_mut().zip(gradient.as_flattened()).for_each(|(dw, &value)| *dw = A::of(value));
                    }
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
struct Sides<'a, A> {
    v: ArrayViewMut2<'a, A>,
    m: ArrayViewMut2<'a, A>,
}

impl<'a, A: Scalar> Piece<'a, A> {
    fn new(g: &'a Geometry, tiles: &Tiles, first: usize, samples: usize, scratch: &'a mut Scratch<A>) -> Self {
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

    fn sides(&mut self, cell: usize) -> Sides<'_, A> {
        let Geometry { inputs, outputs, .. } = *self.g;
        let tiles = self.samples * self.tiles;
        Sides {
            v: matrix_mut(&mut self.v[cell * self.cell..], inputs, tiles, self.apart),
            m: matrix_mut(&mut self.m[cell * self.apart..], outputs, tiles, CELLS * self.apart),
        }
    }

    /// Where the phase of line i and column j starts: columns 0, 2, 1, 3, as [`split`] leaves them, each with its lines.
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
    fn load_image(&mut self, x: &[A], group: usize) {
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
    fn store_results(&mut self, y: &mut [A], group: usize, bias: Option<&[A]>) {
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
                    self.store(y, plane, Side::After, |y, result| y.copy_from_slice(result));
                }
            },
        );
    }

    /// dM = A·dy·Aᵀ.
    fn load_gradient(&mut self, dy: &[A], group: usize) {
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
    fn add_image_gradient(&mut self, dx: &mut [A], group: usize) {
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
            self.lines_apart[to..to + view.size[1]].copy_from_slice(&planes[from..from + view.size[1]]);
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

/// f of the numbers at N places, for as many places side by side as there are [`LANES`].
#[inline(always)]
fn transform<A: Scalar, const N: usize, const M: usize>(
    numbers: &[A],
    at: [usize; N],
    f: impl Fn([A; N]) -> [A; M],
) -> [[A; LANES]; M] {
    let from: [&[A; LANES]; N] = from_fn(|k| numbers[at[k]..].first_chunk().expect("room for all lanes"));
    let mut to = [[A::ZERO; LANES]; M];
    for lane in 0..LANES {
        let results = f(from_fn(|k| from[k][lane]));
        for k in 0..M {
            to[k][lane] = results[k];
        }
    }
    to
}

/// Adds to the numbers at a place.
#[inline(always)]
fn add<A: Scalar>(numbers: &mut [A], at: usize, more: &[A; LANES]) {
    let to = numbers[at..].first_chunk_mut::<LANES>().expect("room for all lanes");
    // All sums before the first is stored: in vector registers.
    *to = from_fn(|lane| to[lane] + more[lane]);
}

/// So many numbers of either half are split or joined at a time: enough for the compiler to see a loop.
const SPLIT: usize = 64;

/// The numbers at even places, then those at odd places, for a multiple of 2 · [`SPLIT`] numbers.
#[inline(always)]
fn split<A: Scalar>(numbers: &[A], halves: &mut [A]) {
    let (even, odd) = halves.split_at_mut(numbers.len() / 2);
    let halves = even.as_chunks_mut::<SPLIT>().0.iter_mut().zip(odd.as_chunks_mut::<SPLIT>().0);
    for ((even, odd), numbers) in halves.zip(numbers.as_chunks::<2>().0.as_chunks::<SPLIT>().0) {
        for i in 0..SPLIT {
            even[i] = numbers[i][0];
            odd[i] = numbers[i][1];
        }
    }
}

/// The inverse of [`split`].
#[inline(always)]
fn join<A: Scalar>(halves: &[A], numbers: &mut [A]) {
    let (even, odd) = halves.split_at(halves.len() / 2);
    let halves = even.as_chunks::<SPLIT>().0.iter().zip(odd.as_chunks::<SPLIT>().0);
    for ((even, odd), numbers) in halves.zip(numbers.as_chunks_mut::<2>().0.as_chunks_mut::<SPLIT>().0) {
        for i in 0..SPLIT {
            numbers[i] = [even[i], odd[i]];
        }
    }
}

/// F·x·Fᵀ, where f(v) is F·v.
#[inline(always)]
fn both_ways<const N: usize, const M: usize>(x: [[f64; N]; N], f: impl Fn([f64; N]) -> [f64; M]) -> [[f64; M]; M] {
    let columns: [[f64; M]; N] = from_fn(|j| f(from_fn(|i| x[i][j])));
    from_fn(|i| f(from_fn(|j| columns[j][i])))
}

/// The points beside 0 and infinity are ±P and ±Q.
const P: f64 = 0.75;
const Q: f64 = 1.5;

/// A·y: the polynomial with these coefficients at the points.
#[inline(always)]
fn times_a<A: Scalar>([a, b, c, d]: [A; 4]) -> [A; 6] {
    let at = |p: f64| (a + c * A::of(p * p), (b + d * A::of(p * p)) * A::of(p));
    let ((even_p, odd_p), (even_q, odd_q)) = (at(P), at(Q));
    [a, even_p + odd_p, even_p - odd_p, even_q + odd_q, even_q - odd_q, d]
}

/// Aᵀ·m.
#[inline(always)]
fn times_a_transposed<A: Scalar>([a, b, c, d, e, f]: [A; 6]) -> [A; 4] {
    let (sum_p, sum_q) = (b + c, d + e);
    let (difference_p, difference_q) = ((b - c) * A::of(P), (d - e) * A::of(Q));
    [
        a + sum_p + sum_q,
        difference_p + difference_q,
        sum_p * A::of(P * P) + sum_q * A::of(Q * Q),
        difference_p * A::of(P * P) + difference_q * A::of(Q * Q) + f,
    ]
}

/// Bᵀ·d: each row has the coefficients of the product of all (x - point) but one.
#[inline(always)]
fn times_b_transposed<A: Scalar>([a, b, c, d, e, f]: [A; 6]) -> [A; 6] {
    let (sum, product) = (A::of(P * P + Q * Q), A::of(P * P * Q * Q));
    let (even_p, odd_p) = (e - c * A::of(Q * Q), (d - b * A::of(Q * Q)) * A::of(P));
    let (even_q, odd_q) = (e - c * A::of(P * P), (d - b * A::of(P * P)) * A::of(Q));
    [
        a * product - c * sum + e,
        even_p + odd_p,
        even_p - odd_p,
        even_q + odd_q,
        even_q - odd_q,
        b * product - d * sum + f,
    ]
}

/// B·v.
#[inline(always)]
fn times_b<A: Scalar>([a, b, c, d, e, f]: [A; 6]) -> [A; 6] {
    let (sum, product) = (A::of(P * P + Q * Q), A::of(P * P * Q * Q));
    let (sum_p, sum_q) = (b + c, d + e);
    let (difference_p, difference_q) = ((b - c) * A::of(P), (d - e) * A::of(Q));
    [
        a * product,
        f * product - difference_p * A::of(Q * Q) - difference_q * A::of(P * P),
        -(a * sum) - sum_p * A::of(Q * Q) - sum_q * A::of(P * P),
        difference_p + difference_q - f * sum,
        a + sum_p + sum_q,
        f,
    ]
}

/// G·g.
#[inline(always)]
fn times_g([a, b, c]: [f64; 3]) -> [f64; 6] {
    let at = |p: f64, q: f64| {
        let (even, odd, scale) = (a + c * p * p, b * p, 2.0 * p * p * (p * p - q * q));
        [(even + odd) / scale, (even - odd) / scale]
    };
    let ([plus_p, minus_p], [plus_q, minus_q]) = (at(P, Q), at(Q, P));
    [a / (P * P * Q * Q), plus_p, minus_p, plus_q, minus_q, c]
}

/// Gᵀ·v.
#[inline(always)]
fn times_g_transposed([a, b, c, d, e, f]: [f64; 6]) -> [f64; 3] {
    let at = |p: f64, q: f64, plus: f64, minus: f64| {
        let scale = 2.0 * p * p * (p * p - q * q);
        ((plus + minus) / scale, (plus - minus) * p / scale)
    };
    let ((sum_p, difference_p), (sum_q, difference_q)) = (at(P, Q, b, c), at(Q, P, d, e));
    [a / (P * P * Q * Q) + sum_p + sum_q, difference_p + difference_q, sum_p * (P * P) + sum_q * (Q * Q) + f]
}
