//! Winograd's minimal filtering F(4x4, 3x3): 36 multiplications for 4 x 4 outputs instead of 144.
//!
//! Lavin and Gray, "Fast algorithms for convolutional neural networks" (2016). The output of a channel is split into
//! tiles of 4 x 4, each computed from an input tile d of 6 x 6 pixels; adjacent input tiles overlap by 2. With a 3 x 3
//! filter g, y = Aᵀ(GgGᵀ ∘ BᵀdB)A:
//!
//! ```text
//!   input tile d         transformed tile          product m             output tile y
//!      6 x 6                  6 x 6                  6 x 6                   4 x 4
//!  +-+-+-+-+-+-+         +-+-+-+-+-+-+          +-+-+-+-+-+-+
//!  | | | | | | |         | | | | | | |          | | | | | | |            +-+-+-+-+
//!  | | | | | | |  BᵀdB   | | | | | | |  M = U·V | | | | | | |    AᵀmA    | | | | |
//!  | | | | | | | ------> | | |v| | | | -------> | | |m| | | |  ------->  | | | | |
//!  | | | | | | |         | | | | | | |     ^    | | | | | | |            | | | | |
//!  | | | | | | |         | | | | | | |     |    | | | | | | |            | | | | |
//!  | | | | | | |         | | | | | | |     |    | | | | | | |            +-+-+-+-+
//!  +-+-+-+-+-+-+         +-+-+-+-+-+-+     |    +-+-+-+-+-+-+
//!                                          |
//!              filter g ------> transformed filter u
//!               3 x 3    GgGᵀ         6 x 6
//! ```
//!
//! The 36 components of a transformed tile are independent. For each component, the sum over channels of all tiles is a
//! matrix product M = U·V, where U is (output channels, input channels), V is (input channels, tiles) and M is (output
//! channels, tiles). The gradients are dM = A·dy·Aᵀ, dU = dM·Vᵀ, dV = Uᵀ·dM, dg = Gᵀ·dU·G, and dd = B·dV·Bᵀ, summed
//! where tiles overlap.
//!
//! A, B and G evaluate and interpolate polynomials. The usual points 0, ±1, ±2 and ∞ lose a decimal digit; with 0,
//! ±3/4, ±3/2 and ∞, the `f32` error of outputs is about twice that of direct summation.
//!
//! # Memory
//!
//! A channel of the padded image is split into 4 x 4 *phases*: phase (i, j) has every fourth row and column, from row i
//! and column j on. Corresponding pixels of all tiles are then contiguous, and [`LANES`] tiles are transformed at a
//! time:
//!
//! ```text
//!  columns of tile 0       0 1 2 3 4 5
//!  columns of tile 1               4 5 6 7 8 9
//!
//!  phases of the columns   0 4 8 ..   1 5 9 ..   2 6 10 ..   3 7 11 ..
//! ```
//!
//! The fifth and sixth column of a tile are the first and second of the next: the same phases, one element later. If a
//! row of tiles needs these at its end, a dummy tile with dM = 0 is appended. If not, the elements of the next row that
//! are read instead cancel.
//!
//! | file | what |
//! |---|---|
//! | [`matrices`] | products with A, B and G |
//! | [`lanes`] | copies and transforms of many tiles |
//! | [`block`] | tiles in memory, between the images and V and M |

mod block;
mod lanes;
mod matrices;

use std::array::from_fn;

use self::block::{Component, TileBlock};
use self::matrices::{both_ways, times_g, times_g_transposed};
use super::super::gemm::{gemm, gemm_fused};
use super::super::simd::vectorize;
use super::super::{matrix, matrix_mut};
use super::{Geometry, Scratch, patches};
use crate::Scalar;

/// Side of an output tile.
const OUTPUT_SIDE: usize = 4;

/// Side of an input tile, and of a transformed one.
const INPUT_SIDE: usize = 6;

/// Components of a transformed tile.
pub(super) const COMPONENTS: usize = INPUT_SIDE * INPUT_SIDE;

/// Weights of a filter.
const TAPS: usize = 9;

/// Tiles that are transformed at a time.
const LANES: usize = 16;

/// Bytes for V and M: half of an L2 cache of 1 MiB.
const BYTES: usize = 1 << 19;

/// With fewer input or output channels, the transforms cost more than they save.
const MIN_CHANNELS: usize = 8;

/// How an image is split into tiles, and how many are transformed together.
struct Tiling {
    /// Rows of tiles.
    rows: usize,
    /// Tiles per row.
    tiles_per_row: usize,
    samples_at_a_time: usize,
    /// All rows if it spans more than one sample.
    rows_at_a_time: usize,
}

impl Tiling {
    fn new<A>(g: &Geometry) -> Self {
        let [rows, tiles_per_row] = Self::grid(g);
        let fit = BYTES / (COMPONENTS * (g.inputs + g.outputs) * tiles_per_row * size_of::<A>());
        Self { rows, tiles_per_row, samples_at_a_time: (fit / rows).max(1), rows_at_a_time: fit.clamp(1, rows) }
    }

    /// Rows of tiles, and tiles per row.
    fn grid(g: &Geometry) -> [usize; 2] {
        let [rows, columns] = g.axes;
        [rows.output.div_ceil(OUTPUT_SIDE), columns.output.saturating_add(2).div_ceil(OUTPUT_SIDE)]
    }
}

/// Whether this method applies to the convolution and is faster.
pub(super) fn pays(g: &Geometry) -> bool {
    let fits = g.axes.iter().all(|axis| (axis.kernel, axis.stride, axis.dilation) == (3, 1, 1));
    if !fits {
        return false;
    }
    let [rows, tiles_per_row] = Tiling::grid(g);
    // Including tiles that extend past the output, the products may take two thirds of the direct multiplications; the
    // rest is for the transforms.
    let saves =
        rows.saturating_mul(tiles_per_row).saturating_mul(COMPONENTS) <= g.output_plane().saturating_mul(TAPS) / 3 * 2;
    // The product for a single tile, of a sample alone, would round otherwise.
    saves && rows * tiles_per_row > 1 && g.inputs >= MIN_CHANNELS && g.outputs >= MIN_CHANNELS
}

/// U of all filters: (groups, components, output channels, input channels).
pub(super) fn transform_weight<A: Scalar>(g: &Geometry, weight: &[A], u: &mut Vec<A>) {
    let filters = g.outputs * g.inputs;
    u.resize(g.groups * COMPONENTS * filters, A::ZERO);
    vectorize(
        #[inline(always)]
        || {
            for (weight, u) in weight.chunks_exact(TAPS * filters).zip(u.chunks_exact_mut(COMPONENTS * filters)) {
                // Several filters at a time, to write whole cache lines.
                for (i, weight) in weight.chunks(TAPS * LANES).enumerate() {
                    let mut components = [[A::ZERO; LANES]; COMPONENTS];
                    for (lane, g) in weight.as_chunks::<TAPS>().0.iter().enumerate() {
                        let u = both_ways(from_fn(|i| from_fn(|j| g[3 * i + j].to_f64())), times_g);
                        for (component, &u) in components.iter_mut().zip(u.as_flattened()) {
                            component[lane] = A::of(u);
                        }
                    }
                    for (u, component) in u.chunks_exact_mut(filters).zip(components) {
                        u[i * LANES..][..weight.len() / TAPS].copy_from_slice(&component[..weight.len() / TAPS]);
                    }
                }
            }
        },
    );
}

/// dg = Gᵀ·dU·G, in the order of the weights.
pub(super) fn weight_gradient<A: Scalar>(g: &Geometry, du: &[A], dw: &mut [A]) {
    let filters = g.outputs * g.inputs;
    vectorize(
        #[inline(always)]
        || {
            for (du, dw) in du.chunks_exact(COMPONENTS * filters).zip(dw.chunks_exact_mut(TAPS * filters)) {
                for (i, dw) in dw.chunks_mut(TAPS * LANES).enumerate() {
                    let mut components = [[A::ZERO; LANES]; COMPONENTS];
                    for (component, du) in components.iter_mut().zip(du.chunks_exact(filters)) {
                        component[..dw.len() / TAPS].copy_from_slice(&du[i * LANES..][..dw.len() / TAPS]);
                    }
                    for (lane, dw) in dw.as_chunks_mut::<TAPS>().0.iter_mut().enumerate() {
                        let du = from_fn(|i| from_fn(|j| components[INPUT_SIDE * i + j][lane].to_f64()));
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
    let tiling = Tiling::new::<A>(g);
    let samples =
        x.chunks(tiling.samples_at_a_time * g.input_len()).zip(y.chunks_mut(tiling.samples_at_a_time * g.output_len()));
    for (x, y) in samples {
        let samples = x.len() / g.input_len();
        for first_row in (0..tiling.rows).step_by(tiling.rows_at_a_time) {
            let mut block = TileBlock::new(g, &tiling, first_row, samples, scratch);
            for group in 0..g.groups {
                block.load_image(x, group);
                let u = &u[group * COMPONENTS * g.outputs * g.inputs..];
                for index in 0..COMPONENTS {
                    let u = matrix(&u[index * g.outputs * g.inputs..], g.outputs, g.inputs, g.inputs);
                    let Component { v, m } = block.component(index);
                    gemm_fused(&u, &v, &mut { m });
                }
                block.store_results(y, group, bias);
            }
        }
        for (x, y) in x.chunks_exact(g.input_len()).zip(y.chunks_exact_mut(g.output_len())) {
            if !all_finite(y) {
                patches::forward(g, weight, bias, x, y, scratch);
            }
        }
    }
}

/// Writes dL/dx, and accumulates dL/dU if x is given.
pub(super) fn backward<A: Scalar>(
    g: &Geometry,
    (weight, u): (&[A], &[A]),
    dy: &[A],
    mut dx: Option<&mut [A]>,
    mut x: Option<(&[A], &mut [A])>,
    scratch: &mut Scratch<A>,
) {
    let tiling = Tiling::new::<A>(g);
    let filters = g.outputs * g.inputs;
    if let Some(dx) = &mut dx {
        dx.fill(A::ZERO);
    }
    for (i, dy) in dy.chunks(tiling.samples_at_a_time * g.output_len()).enumerate() {
        let samples = dy.len() / g.output_len();
        let inputs =
            i * tiling.samples_at_a_time * g.input_len()..(i * tiling.samples_at_a_time + samples) * g.input_len();
        for first_row in (0..tiling.rows).step_by(tiling.rows_at_a_time) {
            let mut block = TileBlock::new(g, &tiling, first_row, samples, scratch);
            for group in 0..g.groups {
                block.load_gradient(dy, group);
                if let Some((x, du)) = &mut x {
                    block.load_image(&x[inputs.clone()], group);
                    let components = du[group * COMPONENTS * filters..].chunks_exact_mut(filters);
                    for (index, du) in components.enumerate().take(COMPONENTS) {
                        let Component { v, m } = block.component(index);
                        gemm(A::ONE, &m, &v.t(), A::ONE, &mut matrix_mut(du, g.outputs, g.inputs, g.inputs));
                    }
                }
                if let Some(dx) = &mut dx {
                    let u = &u[group * COMPONENTS * filters..];
                    for index in 0..COMPONENTS {
                        let u = matrix(&u[index * filters..], g.outputs, g.inputs, g.inputs);
                        let Component { v, m } = block.component(index);
                        gemm_fused(&u.t(), &m, &mut { v });
                    }
                    block.add_image_gradient(&mut dx[inputs.clone()], group);
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

/// Whether a sample is finite. An infinity, NaN or overflow spreads over its whole tile; the sample is then recomputed
/// with [`patches`], where it affects only dependent outputs.
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
