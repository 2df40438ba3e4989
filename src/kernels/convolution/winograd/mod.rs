//! Winograd's minimal filtering F(4x4, 3x3): 36 multiplications for 4 x 4 results where the definition takes 144.
//!
//! Lavin and Gray, "Fast algorithms for convolutional neural networks" (2016). The image is read in tiles d of 6 x 6
//! pixels that overlap by 2; with a window g of 3 x 3 weights, the 4 x 4 results of a tile are
//!
//! ```text
//! y = Aᵀ(GgGᵀ ∘ BᵀdB)A
//! ```
//!
//! A tile's 36 numbers in the middle do not mix. So for each of them, the sum over channels is a product of matrices: M
//! = U·V with U = `GgGᵀ` (channels out x in), V = `BᵀdB` (channels in x tiles), and y = `AᵀMA`. The gradients are the
//! same steps back: dM = A·dy·Aᵀ, dU = dM·Vᵀ, dV = Uᵀ·dM, dg = Gᵀ·dU·G, and dd = B·dV·Bᵀ is added up where tiles
//! overlap.
//!
//! A, B and G evaluate and interpolate polynomials. The usual points 0, ±1, ±2 and ∞ lose a digit; with 0, ±3/4, ±3/2
//! and ∞, the error of results in `f32` is about twice that of the sums in the definition.
//!
//! In memory, a channel of the padded image is split into 4 x 4 *phases*: every fourth line and column, from the first,
//! second, third and fourth on. So the same pixel of all tiles lies side by side, and a tile's fifth and sixth pixels
//! are the first and second of its neighbour. If a line of tiles needs these at its end, there is one tile more, which
//! is none: its dM is zero. If not, what is there instead, of the next line, cancels.

mod lanes;
mod piece;
mod polynomials;

use std::array::from_fn;

use self::piece::{Piece, Sides};
use self::polynomials::{both_ways, times_g, times_g_transposed};
use super::super::gemm::gemm;
use super::super::simd::vectorize;
use super::super::{matrix, matrix_mut};
use super::{Geometry, Scratch, patches};
use crate::Scalar;

/// Results of a tile on each side.
const SIDE: usize = 4;

/// Numbers of a transformed tile, on each side and in all.
const EDGE: usize = 6;
const CELLS: usize = EDGE * EDGE;

/// Tiles that are transformed at a time.
const LANES: usize = 16;

/// Bytes for V and M: half of a second-level cache of 1 MiB.
const BYTES: usize = 1 << 19;

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
    (weight, u): (&[A], &[A]),
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
        for (x, y) in x.chunks_exact(g.input_len()).zip(y.chunks_exact_mut(g.output_len())) {
            if !all_finite(y) {
                patches::forward(g, weight, bias, x, y, scratch);
            }
        }
    }
}

/// Writes dL/dx, and adds to dL/dU if there is x.
pub(super) fn backward<A: Scalar>(
    g: &Geometry,
    (weight, u): (&[A], &[A]),
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
        if let Some(dx) = &mut dx {
            let samples = dx[inputs].chunks_exact_mut(g.input_len());
            for (dx, dy) in samples.zip(dy.chunks_exact(g.output_len())) {
                if !all_finite(dx) {
                    patches::backward(g, weight, dy, Some(dx), None, scratch);
                }
            }
        }
    }
}

/// Whether a sample came through. A number that is infinite or NaN, or overflows, spoils its whole tile, and so the
/// sample is computed again with [`patches`], where it spoils only what depends on it.
fn all_finite<A: Scalar>(results: &[A]) -> bool {
    vectorize(
        #[inline(always)]
        || {
            for results in results.chunks(1024) {
                let mut fine = true;
                for y in results {
                    fine &= y.is_finite();
                }
                if !fine {
                    return false;
                }
            }
            true
        },
    )
}
