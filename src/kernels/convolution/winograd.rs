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
//! M = U·V with U = `GgGᵀ` (channels out x in), V = `BᵀdB` (channels in x tiles), and y = `AᵀMA`. The gradients are the same
//! steps back: dM = A·dy·Aᵀ, dU = dM·Vᵀ, dV = Uᵀ·dM, dg = Gᵀ·dU·G, and dd = B·dV·Bᵀ is added up where tiles overlap.
//!
//! In memory the even lines of the padded image follow one another, and so do the odd ones: then the tiles of all lines
//! lie side by side in one row, two numbers apart. At the end of each line there is a tile that is none, whose dM is
//! zero.

use ndarray::ArrayViewMut2;

use super::super::gemm::gemm;
use super::super::simd::vectorize;
use super::{Geometry, Scratch, matrix, matrix_mut, room};
use crate::Scalar;

/// Numbers of a transformed tile.
const CELLS: usize = 16;

/// Tiles that are transformed at a time.
const LANES: usize = 64;

/// Bytes for V and M: a part of the second-level cache.
const BYTES: usize = 1400 << 10;

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
    u.resize(g.groups * CELLS * filters, A::ZERO);
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
    /// Tiles of a sample, with those at the ends of the lines; the same rounded up to whole [`LANES`].
    tiles: usize,
    n: usize,
    /// From row to row of V and M.
    apart: usize,
    /// A channel of a sample, its even and its odd lines, each so long.
    halves: &'a mut [A],
    half: usize,
    /// The same when half of a transformation is done: four rows of 2n numbers, as the tiles are side by side.
    rows: &'a mut [A],
    /// The even and the odd columns of such a row, n numbers each and some more.
    even: &'a mut [A],
    odd: &'a mut [A],
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
        let half = 2 * (n + pitch.next_multiple_of(LANES));
        let image = room(&mut scratch.image, 2 * half + 8 * n + 2 * (n + LANES));
        let (halves, image) = image.split_at_mut(2 * half);
        let (rows, image) = image.split_at_mut(8 * n);
        let (even, odd) = image.split_at_mut(n + LANES);
        let v = room(&mut scratch.columns, CELLS * g.inputs * apart);
        let m = room(&mut scratch.products, CELLS * g.outputs * apart);
        Self { g, first, lines, pitch, samples, tiles, n, apart, halves, half, rows, even, odd, v, m }
    }

    fn sides(&mut self, cell: usize) -> Sides<'_, A> {
        let Geometry { inputs, outputs, .. } = *self.g;
        let tiles = self.samples * self.tiles;
        Sides {
            v: matrix_mut(&mut self.v[cell * inputs * self.apart..], inputs, tiles, self.apart),
            m: matrix_mut(&mut self.m[cell * self.apart..], outputs, tiles, CELLS * self.apart),
        }
    }

    /// V = `BᵀdB`.
    fn load_image(&mut self, x: &[A], group: usize) {
        let (inputs, n, below) = (self.g.inputs, self.n, 2 * self.pitch);
        self.halves.fill(A::ZERO);
        self.even[n..].fill(A::ZERO);
        self.odd[n..].fill(A::ZERO);
        vectorize(
            #[inline(always)]
            || {
                for plane in 0..self.samples * inputs {
                    let (sample, channel) = (plane / inputs, plane % inputs);
                    self.load(x, (sample * self.g.groups + group) * inputs + channel, Side::Before);
                    let (d0, d1) = self.halves.split_at(self.half);
                    let (d2, d3) = (&d0[below..], &d1[below..]);
                    for (i, row) in self.rows.chunks_exact_mut(2 * n).enumerate() {
                        match i {
                            0 => zip2(row, d0, d2, |a, c| a - c),
                            1 => zip2(row, d1, d2, |b, c| b + c),
                            2 => zip2(row, d1, d2, |b, c| c - b),
                            _ => zip2(row, d1, d3, |b, d| b - d),
                        }
                        split(row, self.even, self.odd);
                        let (a, b, c, d) = (&*self.even, &*self.odd, &self.even[1..], &self.odd[1..]);
                        let at = |j| ((4 * i + j) * inputs + channel) * self.apart + sample * self.tiles;
                        zip2(&mut self.v[at(0)..][..n], a, c, |a, c| a - c);
                        zip2(&mut self.v[at(1)..][..n], b, c, |b, c| b + c);
                        zip2(&mut self.v[at(2)..][..n], b, c, |b, c| c - b);
                        zip2(&mut self.v[at(3)..][..n], b, d, |b, d| b - d);
                    }
                }
            },
        );
    }

    /// y = `AᵀMA`, plus the bias.
    fn store_results(&mut self, y: &mut [A], group: usize, bias: Option<&[A]>) {
        let (outputs, n) = (self.g.outputs, self.n);
        vectorize(
            #[inline(always)]
            || {
                for plane in 0..self.samples * outputs {
                    let (sample, channel) = (plane / outputs, plane % outputs);
                    for (i, row) in self.rows.chunks_exact_mut(2 * n).enumerate() {
                        let m = &self.m[(channel * CELLS + 4 * i) * self.apart + sample * self.tiles..];
                        let [a, b, c, d] = [0, 1, 2, 3].map(|j| &m[j * self.apart..]);
                        zip3(&mut self.even[..n], a, b, c, |a, b, c| a + b + c);
                        zip3(&mut self.odd[..n], b, c, d, |b, c, d| b - c - d);
                        join(self.even, self.odd, row);
                    }
                    let [a, b, c, d] = [0, 1, 2, 3].map(|i| &self.rows[i * 2 * n..]);
                    let bias = bias.map_or(A::ZERO, |bias| bias[group * outputs + channel]);
                    zip3(&mut self.halves[..2 * n], a, b, c, |a, b, c| a + b + c + bias);
                    zip3(&mut self.halves[self.half..][..2 * n], b, c, d, |b, c, d| b - c - d + bias);
                    let plane = (sample * self.g.groups + group) * outputs + channel;
                    self.store(y, plane, Side::After, |y, result| y.copy_from_slice(result));
                }
            },
        );
    }

    /// dM = A·dy·Aᵀ.
    fn load_gradient(&mut self, dy: &[A], group: usize) {
        let (outputs, n) = (self.g.outputs, self.n);
        self.halves.fill(A::ZERO);
        vectorize(
            #[inline(always)]
            || {
                for plane in 0..self.samples * outputs {
                    let (sample, channel) = (plane / outputs, plane % outputs);
                    self.load(dy, (sample * self.g.groups + group) * outputs + channel, Side::After);
                    let (a, b) = self.halves.split_at(self.half);
                    for (i, row) in self.rows.chunks_exact_mut(2 * n).enumerate() {
                        match i {
                            0 => zip2(row, a, b, |a, _| a),
                            1 => zip2(row, a, b, |a, b| a + b),
                            2 => zip2(row, a, b, |a, b| a - b),
                            _ => zip2(row, a, b, |_, b| -b),
                        }
                        split(row, self.even, self.odd);
                        let (a, b) = (&*self.even, &*self.odd);
                        let at = |j| (channel * CELLS + 4 * i + j) * self.apart + sample * self.tiles;
                        zip2(&mut self.m[at(0)..][..n], a, b, |a, _| a);
                        zip2(&mut self.m[at(1)..][..n], a, b, |a, b| a + b);
                        zip2(&mut self.m[at(2)..][..n], a, b, |a, b| a - b);
                        zip2(&mut self.m[at(3)..][..n], a, b, |_, b| -b);
                    }
                }
            },
        );
    }

    /// Adds dd = B·dV·Bᵀ where the tiles are: a tile's third and fourth columns are its neighbour's first and second.
    fn add_image_gradient(&mut self, dx: &mut [A], group: usize) {
        let (inputs, n, below) = (self.g.inputs, self.n, 2 * self.pitch);
        vectorize(
            #[inline(always)]
            || {
                for plane in 0..self.samples * inputs {
                    let (sample, channel) = (plane / inputs, plane % inputs);
                    for (i, row) in self.rows.chunks_exact_mut(2 * n).enumerate() {
                        let at = |j| ((4 * i + j) * inputs + channel) * self.apart + sample * self.tiles;
                        let [a, b, c, d] = [0, 1, 2, 3].map(|j| &self.v[at(j)..]);
                        zip2(&mut self.even[..n], a, b, |a, _| a);
                        zip3(&mut self.odd[..n], b, c, d, |b, c, d| b - c + d);
                        add3(&mut self.even[1..=n], a, b, c, |a, b, c| b + c - a);
                        add3(&mut self.odd[1..=n], b, c, d, |_, _, d| -d);
                        join(self.even, self.odd, row);
                        row[2 * self.tiles..].fill(A::ZERO);
                    }
                    let [a, b, c, d] = [0, 1, 2, 3].map(|i| &self.rows[i * 2 * n..]);
                    let (upper, lower) = self.halves.split_at_mut(self.half);
                    zip2(&mut upper[..2 * n], a, b, |a, _| a);
                    zip3(&mut lower[..2 * n], b, c, d, |b, c, d| b - c + d);
                    upper[2 * n..].fill(A::ZERO);
                    lower[2 * n..].fill(A::ZERO);
                    add3(&mut upper[below..below + 2 * n], a, b, c, |a, b, c| b + c - a);
                    add3(&mut lower[below..below + 2 * n], b, c, d, |_, _, d| -d);
                    let plane = (sample * self.g.groups + group) * inputs + channel;
                    self.store(dx, plane, Side::Before, |dx, dd| {
                        dx.iter_mut().zip(dd).for_each(|(dx, &dd)| *dx += dd);
                    });
                }
            },
        );
    }

    /// Copies the lines of a plane that are under the tiles into the halves.
    #[inline(always)]
    fn load(&mut self, planes: &[A], plane: usize, side: Side) {
        let (halves, view) = (&mut *self.halves, side.of(self.g));
        for (from, to) in view.lines(self.first, self.lines, self.pitch, self.half) {
            let from = plane * view.size[0] * view.size[1] + from;
            halves[to..to + view.size[1]].copy_from_slice(&planes[from..from + view.size[1]]);
        }
    }

    /// Puts the halves into the lines of a plane.
    #[inline(always)]
    fn store(&self, planes: &mut [A], plane: usize, side: Side, put: impl Fn(&mut [A], &[A])) {
        let view = side.of(self.g);
        for (to, from) in view.lines(self.first, self.lines, self.pitch, self.half) {
            let to = plane * view.size[0] * view.size[1] + to;
            put(&mut planes[to..to + view.size[1]], &self.halves[from..from + view.size[1]]);
        }
    }
}

/// Whether a plane is of the images before the convolution, under the 4 x 4 pixels of tiles, or of the results.
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
    /// Lines beyond two for each line of tiles.
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
    /// Where each line under some lines of tiles starts in the plane, and in the halves.
    #[inline(always)]
    fn lines(
        &self,
        first: usize,
        lines: usize,
        pitch: usize,
        half: usize,
    ) -> impl Iterator<Item = (usize, usize)> + use<> {
        let Self { size: [height, width], before, more } = *self;
        (0..2 * lines + more).filter_map(move |i| {
            let line = (2 * first + i).checked_sub(before[0]).filter(|&line| line < height)?;
            Some((line * width, i % 2 * half + i / 2 * 2 * pitch + before[1]))
        })
    }
}

/// to = f(x, y), number by number, for a multiple of [`LANES`] numbers; x and y may be longer.
#[inline(always)]
fn zip2<A: Scalar>(to: &mut [A], x: &[A], y: &[A], f: impl Fn(A, A) -> A) {
    let inputs = x.as_chunks::<LANES>().0.iter().zip(y.as_chunks::<LANES>().0);
    for (to, (x, y)) in to.as_chunks_mut::<LANES>().0.iter_mut().zip(inputs) {
        for i in 0..LANES {
            to[i] = f(x[i], y[i]);
        }
    }
}

/// to = f(x, y, z), as [`zip2`].
#[inline(always)]
fn zip3<A: Scalar>(to: &mut [A], x: &[A], y: &[A], z: &[A], f: impl Fn(A, A, A) -> A) {
    let inputs = x.as_chunks::<LANES>().0.iter().zip(y.as_chunks::<LANES>().0).zip(z.as_chunks::<LANES>().0);
    for (to, ((x, y), z)) in to.as_chunks_mut::<LANES>().0.iter_mut().zip(inputs) {
        for i in 0..LANES {
            to[i] = f(x[i], y[i], z[i]);
        }
    }
}

/// to += f(x, y, z), as [`zip2`].
#[inline(always)]
fn add3<A: Scalar>(to: &mut [A], x: &[A], y: &[A], z: &[A], f: impl Fn(A, A, A) -> A) {
    let inputs = x.as_chunks::<LANES>().0.iter().zip(y.as_chunks::<LANES>().0).zip(z.as_chunks::<LANES>().0);
    for (to, ((x, y), z)) in to.as_chunks_mut::<LANES>().0.iter_mut().zip(inputs) {
        for i in 0..LANES {
            to[i] += f(x[i], y[i], z[i]);
        }
    }
}

/// The numbers at even and at odd places.
#[inline(always)]
fn split<A: Scalar>(row: &[A], even: &mut [A], odd: &mut [A]) {
    let halves = even.as_chunks_mut::<LANES>().0.iter_mut().zip(odd.as_chunks_mut::<LANES>().0);
    for ((even, odd), row) in halves.zip(row.as_chunks::<2>().0.as_chunks::<LANES>().0) {
        for i in 0..LANES {
            even[i] = row[i][0];
            odd[i] = row[i][1];
        }
    }
}

/// The inverse of [`split`].
#[inline(always)]
fn join<A: Scalar>(even: &[A], odd: &[A], row: &mut [A]) {
    let halves = even.as_chunks::<LANES>().0.iter().zip(odd.as_chunks::<LANES>().0);
    for ((even, odd), row) in halves.zip(row.as_chunks_mut::<2>().0.as_chunks_mut::<LANES>().0) {
        for i in 0..LANES {
            row[i] = [even[i], odd[i]];
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
fn times_g<A: Scalar>([a, b, c]: [A; 3]) -> [A; 4] {
    let half = A::of(0.5);
    [a, (a + c + b) * half, (a + c - b) * half, c]
}

#[inline(always)]
fn times_g_transposed<A: Scalar>([a, b, c, d]: [A; 4]) -> [A; 3] {
    let half = A::of(0.5);
    [a + (b + c) * half, (b - c) * half, (b + c) * half + d]
}
