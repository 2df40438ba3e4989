//! Convolutions as products with the matrix of patches (im2col), which has one column per position of the window.
//!
//! With patches P, (input channels · taps, positions), and weights W, (output channels, input channels · taps): y =
//! W·P, dW = dy·Pᵀ, and dP = Wᵀ·dy, whose columns are added to the image at their patches. A 1 x 1 window with stride 1
//! needs no copy: P is the image.

use std::ops::Range;

use super::super::gemm::gemm;
use super::super::simd::vectorize;
use super::super::{matrix, matrix_mut};
use super::{Geometry, Scratch, room};
use crate::Scalar;

/// Bytes for P: a fraction of the L2 cache.
const BYTES: usize = 512 << 10;

/// Segments are copied in chunks of this size; what exceeds a segment is overwritten by the next one.
const CHUNK: usize = 16;

/// Some output rows of a sample, whose patches fit in [`BYTES`].
struct Strip<'a> {
    g: &'a Geometry,
    /// The output rows, and their positions.
    output_rows: Range<usize>,
    positions: usize,
    /// The rows of the padded image that they depend on, and their length.
    height: usize,
    row_stride: usize,
}

/// Whether P is the image itself.
fn is_plain(g: &Geometry) -> bool {
    g.axes.iter().all(|axis| axis.kernel == 1 && axis.stride == 1 && axis.before == 0 && axis.after == 0)
}

/// The strips of a sample.
fn strips<A>(g: &Geometry) -> impl Iterator<Item = Strip<'_>> {
    let [rows, columns] = g.axes;
    let fit = if is_plain(g) { rows.output } else { BYTES / (g.patch_len() * columns.output * size_of::<A>()) };
    let step = fit.clamp(1, rows.output);
    (0..rows.output).step_by(step).map(move |first| {
        let output_rows = first..rows.output.min(first + step);
        let height = (output_rows.len() - 1) * rows.stride + rows.span();
        Strip { g, positions: output_rows.len() * columns.output, output_rows, height, row_stride: columns.padded() }
    })
}

pub(super) fn forward<A: Scalar>(
    g: &Geometry,
    weight: &[A],
    bias: Option<&[A]>,
    x: &[A],
    y: &mut [A],
    scratch: &mut Scratch<A>,
) {
    let Geometry { groups, inputs, outputs, .. } = *g;
    let (k, plane) = (g.patch_len(), g.output_plane());
    for (x, y) in x.chunks_exact(g.input_len()).zip(y.chunks_exact_mut(g.output_len())) {
        vectorize(
            #[inline(always)]
            || {
                for (i, y) in y.chunks_exact_mut(plane).enumerate() {
                    y.fill(bias.map_or(A::ZERO, |bias| bias[i]));
                }
            },
        );
        for strip in strips::<A>(g) {
            for group in 0..groups {
                let x = &x[group * inputs * g.input_plane()..][..inputs * g.input_plane()];
                let patches = if is_plain(g) { x } else { strip.patches(x, scratch) };
                let y = &mut y[group * outputs * plane + strip.start()..];
                let weight = matrix(&weight[group * outputs * k..], outputs, k, k);
                let patches = matrix(patches, k, strip.positions, strip.positions);
                gemm(A::ONE, &weight, &patches, A::ONE, &mut matrix_mut(y, outputs, strip.positions, plane));
            }
        }
    }
}

/// Writes dL/dx, and accumulates dL/dW if x is given.
pub(super) fn backward<A: Scalar>(
    g: &Geometry,
    weight: &[A],
    dy: &[A],
    mut dx: Option<&mut [A]>,
    mut x: Option<(&[A], &mut [A])>,
    scratch: &mut Scratch<A>,
) {
    let Geometry { groups, inputs, outputs, .. } = *g;
    let (k, plane) = (g.patch_len(), g.output_plane());
    if let Some(dx) = &mut dx {
        dx.fill(A::ZERO);
    }
    for (i, dy) in dy.chunks_exact(g.output_len()).enumerate() {
        for strip in strips::<A>(g) {
            for group in 0..groups {
                let dy = matrix(&dy[group * outputs * plane + strip.start()..], outputs, strip.positions, plane);
                let image = i * g.input_len() + group * inputs * g.input_plane();
                let image = image..image + inputs * g.input_plane();
                if let Some((x, dw)) = &mut x {
                    let x = &x[image.clone()];
                    let patches = if is_plain(g) { x } else { strip.patches(x, scratch) };
                    let patches = matrix(patches, k, strip.positions, strip.positions);
                    let mut dw = matrix_mut(&mut dw[group * outputs * k..], outputs, k, k);
                    gemm(A::ONE, &dy, &patches.t(), A::ONE, &mut dw);
                }
                if let Some(dx) = &mut dx {
                    let dx = &mut dx[image];
                    let weight = matrix(&weight[group * outputs * k..], outputs, k, k);
                    if is_plain(g) {
                        gemm(A::ONE, &weight.t(), &dy, A::ZERO, &mut matrix_mut(dx, k, plane, plane));
                    } else {
                        let columns = room(&mut scratch.columns, k * strip.positions);
                        gemm(
                            A::ONE,
                            &weight.t(),
                            &dy,
                            A::ZERO,
                            &mut matrix_mut(columns, k, strip.positions, strip.positions),
                        );
                        strip.add_patches(dx, scratch);
                    }
                }
            }
        }
    }
}

impl Strip<'_> {
    /// The index of the first position in the image.
    fn start(&self) -> usize {
        self.output_rows.start * self.g.axes[1].output
    }

    /// The patches of an image, (input channels and taps, positions), in `scratch.columns`.
    fn patches<'s, A: Scalar>(&self, x: &[A], scratch: &'s mut Scratch<A>) -> &'s [A] {
        let [rows, columns] = self.g.axes;
        let image = room(&mut scratch.image, self.image_len());
        let len = self.g.patch_len() * self.positions;
        let patches = room(&mut scratch.columns, len + CHUNK);
        let plane = rows.input * columns.input;
        image.fill(A::ZERO);
        for (from, to) in self.image_rows() {
            let channels = x.chunks_exact(plane).zip(image.chunks_exact_mut(self.height * self.row_stride));
            for (x, image) in channels {
                image[to..to + columns.input].copy_from_slice(&x[from..from + columns.input]);
            }
        }
        vectorize(
            #[inline(always)]
            || {
                self.each_segment(|segment, from| {
                    let (from, to) = (&image[from..], &mut patches[segment * columns.output..]);
                    if columns.stride == 1 {
                        for at in (0..columns.output).step_by(CHUNK) {
                            to[at..at + CHUNK].copy_from_slice(&from[at..at + CHUNK]);
                        }
                    } else {
                        let to = &mut to[..columns.output];
                        to.iter_mut().zip(from.iter().step_by(columns.stride)).for_each(|(to, &from)| *to = from);
                    }
                });
            },
        );
        &patches[..len]
    }

    /// Accumulates the patches in `scratch.columns` into an image.
    fn add_patches<A: Scalar>(&self, dx: &mut [A], scratch: &mut Scratch<A>) {
        let [rows, columns] = self.g.axes;
        let image = room(&mut scratch.image, self.image_len());
        let patches = &*room(&mut scratch.columns, self.g.patch_len() * self.positions);
        let plane = rows.input * columns.input;
        image.fill(A::ZERO);
        vectorize(
            #[inline(always)]
            || {
                self.each_segment(|segment, to| {
                    let (patch, to) = (&patches[segment * columns.output..][..columns.output], &mut image[to..]);
                    if columns.stride == 1 {
                        to.iter_mut().zip(patch).for_each(|(to, &from)| *to += from);
                    } else {
                        to.iter_mut().step_by(columns.stride).zip(patch).for_each(|(to, &from)| *to += from);
                    }
                });
                for (to, from) in self.image_rows() {
                    let channels = dx.chunks_exact_mut(plane).zip(image.chunks_exact(self.height * self.row_stride));
                    for (dx, image) in channels {
                        let (dx, image) = (&mut dx[to..to + columns.input], &image[from..from + columns.input]);
                        dx.iter_mut().zip(image).for_each(|(dx, &image)| *dx += image);
                    }
                }
            },
        );
    }

    /// The length of the padded image, with a few elements that may be read past its end.
    fn image_len(&self) -> usize {
        self.g.inputs * self.height * self.row_stride + CHUNK
    }

    /// The start of each row in a plane of the image and of the padded image.
    #[inline(always)]
    fn image_rows(&self) -> impl Iterator<Item = (usize, usize)> {
        let [rows, columns] = self.g.axes;
        let first = self.output_rows.start * rows.stride;
        let row_stride = self.row_stride;
        (0..self.height).filter_map(move |row| {
            let from = (first + row).checked_sub(rows.before).filter(|&from| from < rows.input)?;
            Some((from * columns.input, row * row_stride + columns.before))
        })
    }

    /// Calls `f` for each segment, the part of a row of P for one output row, with its index and its start in the
    /// padded image.
    #[inline(always)]
    fn each_segment(&self, mut f: impl FnMut(usize, usize)) {
        let [rows, columns] = self.g.axes;
        let mut segment = 0;
        for channel in 0..self.g.inputs {
            for i in 0..rows.kernel {
                for j in 0..columns.kernel {
                    let tap = (channel * self.height + i * rows.dilation) * self.row_stride + j * columns.dilation;
                    for row in 0..self.output_rows.len() {
                        f(segment, tap + row * rows.stride * self.row_stride);
                        segment += 1;
                    }
                }
            }
        }
    }
}
