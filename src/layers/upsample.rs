//! [`Upsample`]: enlarges images by nearest or bilinear interpolation.

use std::fmt;

use crate::kernels::rows::{Rows, each_row};
use crate::kernels::{flat, flat_mut};
use crate::layer::{Backward, Layer, Parts, Pass, Restore};
use crate::spec::Spec;
use crate::spec::onnx::{Attribute, Operators, Tensor};
use crate::spec::rust::{Code, functions};
use crate::{Error, Matrix, Result, Scalar, Shape};

/// Enlarges images by an integer factor on each axis.
///
/// Output pixel q has its center at input coordinate (q + ½)/scale - ½. `nearest` takes the pixel that contains it;
/// `bilinear` interpolates between the two neighbors on each axis, clamped at the borders. It is `PyTorch`'s `Upsample`
/// with `align_corners=False`.
///
/// x is (samples, `[channels, height, width]`), y is (samples, `[channels, height·scale, width·scale]`).
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let predict = |layer| Sequential::new([1, 1, 2]).with(layer)?.predict(&array![[1.0, 2.0]]);
/// assert_eq!(predict(Upsample::nearest([1, 2]))?, array![[1.0, 1.0, 2.0, 2.0]]);
/// assert_eq!(predict(Upsample::bilinear([1, 2]))?, array![[1.0, 1.25, 1.75, 2.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Upsample {
    scale: [usize; 2],
    bilinear: bool,
}

/// The interpolation of an output pixel on one axis: (1 - weight)·first + weight·second.
#[derive(Debug, Clone, Copy)]
struct Source<A> {
    first: usize,
    second: usize,
    weight: A,
}

impl<A: Scalar> Source<A> {
    /// The source of an output `position` on an axis of `n` input pixels.
    fn of(position: usize, scale: usize, n: usize) -> Self {
        // (position + ½)/scale - ½ = (2·position + 1 - scale) / (2·scale), without rounding; 0 before the first center.
        let halves = (2 * position + 1).saturating_sub(scale);
        let (first, rest) = (halves / (2 * scale), halves % (2 * scale));
        if rest == 0 || first + 1 >= n {
            return Self { first, second: first, weight: A::ZERO };
        }
        Self { first, second: first + 1, weight: A::of(rest as f64 / (2 * scale) as f64) }
    }

    #[inline(always)]
    fn mix(&self, first: A, second: A) -> A {
        // With weight 0 the second is ignored, even if it is infinite.
        if self.weight == A::ZERO { first } else { first * (A::ONE - self.weight) + second * self.weight }
    }
}

/// The sources of all output rows and columns.
#[derive(Debug)]
struct Sources<A> {
    rows: Vec<Source<A>>,
    columns: Vec<Source<A>>,
}

impl<A> Default for Sources<A> {
    fn default() -> Self {
        Self { rows: Vec::new(), columns: Vec::new() }
    }
}

impl<A: Scalar> Sources<A> {
    fn fill(&mut self, sizes: [usize; 2], scale: [usize; 2]) {
        for ((sources, n), scale) in [&mut self.rows, &mut self.columns].into_iter().zip(sizes).zip(scale) {
            sources.clear();
            sources.extend((0..n * scale).map(|position| Source::of(position, scale, n)));
        }
    }
}

impl Upsample {
    /// Nearest interpolation: repeats each pixel `scale` = `[down, across]` times.
    pub fn nearest(scale: [usize; 2]) -> Self {
        Self { scale, bilinear: false }
    }

    /// Bilinear interpolation by the factors `scale` = `[down, across]`.
    pub fn bilinear(scale: [usize; 2]) -> Self {
        Self { scale, bilinear: true }
    }
}

/// The height and width of an image.
fn sizes(input: Shape) -> [usize; 2] {
    if let Shape::Image { height, width, .. } = input { [height, width] } else { [0, 0] }
}

impl<A: Scalar> Layer<A> for Upsample {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        if self.scale.contains(&0) {
            let what = format!("the scale of {self:?}");
            return Err(Error::Setting { what, wants: "at least 1", got: 0.0 });
        }
        let Shape::Image { channels, height, width } = input else {
            let wants = "images [channels, height, width]".into();
            return Err(Error::Input { layer: format!("{self:?}"), wants, got: input });
        };
        let [height, width] = [height.saturating_mul(self.scale[0]), width.saturating_mul(self.scale[1])];
        Ok([channels, height, width].into())
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let (sizes, x, y) = (sizes(pass.input), flat(x), flat_mut(y));
        if self.bilinear {
            let sources = pass.cache.get::<Sources<A>>();
            sources.fill(sizes, self.scale);
            mix(sizes, sources, x, y);
        } else {
            repeat(sizes, self.scale, x, y);
        }
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let Some(dx) = at.dx else { return Ok(()) };
        let (sizes, dy, dx) = (sizes(pass.input), flat(at.dy), flat_mut(dx));
        if self.bilinear {
            mix_gradient(sizes, pass.cache.get(), dy, dx);
        } else {
            repeat_gradient(sizes, self.scale, dy, dx);
        }
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("upsample").set("scale", self.scale).set("bilinear", self.bilinear))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let [down, across] = self.scale.map(|scale| scale as f32);
        let scales = operators.unnamed(Tensor::floats(&[4], [1.0, 1.0, down, across]));
        let (mode, coordinates) = if self.bilinear { ("linear", "half_pixel") } else { ("nearest", "asymmetric") };
        let attributes = [("mode", mode), ("coordinate_transformation_mode", coordinates), ("nearest_mode", "floor")]
            .map(|(name, value)| (name, Attribute::Text(value.into())));
        // The second input, the region of interest, is empty.
        operators.then("Resize", &["", &scales], attributes);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let ([height, width], [down, across]) = (sizes(code.input()), self.scale);
        let (outputs, scale) = (code.input().len() * down * across, format!("[{down}, {across}]"));
        if self.bilinear {
            code.then(&functions::UPSAMPLE_BILINEAR, outputs, &[&format!("[{height}, {width}]"), &scale]);
        } else {
            code.then(&functions::UPSAMPLE_NEAREST, outputs, &[&width, &scale]);
        }
        Ok(())
    }
}

impl<A: Scalar> Restore<A> for Upsample {
    const KIND: &'static str = "upsample";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let spec = parts.spec();
        Ok(Self { scale: spec.counts("scale")?, bilinear: spec.flag("bilinear")? })
    }
}

impl fmt::Debug for Upsample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = if self.bilinear { "bilinear" } else { "nearest" };
        write!(f, "Upsample({mode}, {}x{})", self.scale[0], self.scale[1])
    }
}

/// Copies each pixel of x to a block of y.
fn repeat<A: Scalar>([height, width]: [usize; 2], [down, across]: [usize; 2], x: &[A], y: &mut [A]) {
    let (size, wide) = (height * width, width * across);
    each_row(
        (Rows(x, size), Rows(y, size * down * across)),
        size * down * across,
        #[inline(always)]
        move |(x, y)| {
            for (x, y) in x.chunks_exact(width).zip(y.chunks_exact_mut(wide * down)) {
                let (first, others) = y.split_at_mut(wide);
                for (&x, y) in x.iter().zip(first.chunks_exact_mut(across)) {
                    y.fill(x);
                }
                for other in others.chunks_exact_mut(wide) {
                    other.copy_from_slice(first);
                }
            }
        },
    );
}

/// The sum of dy over the block of each pixel.
fn repeat_gradient<A: Scalar>([height, width]: [usize; 2], [down, across]: [usize; 2], dy: &[A], dx: &mut [A]) {
    let (size, wide) = (height * width, width * across);
    each_row(
        (Rows(dx, size), Rows(dy, size * down * across)),
        size * down * across,
        #[inline(always)]
        move |(dx, dy)| {
            dx.fill(A::ZERO);
            for (dx, dy) in dx.chunks_exact_mut(width).zip(dy.chunks_exact(wide * down)) {
                for dy in dy.chunks_exact(wide) {
                    for (dx, dy) in dx.iter_mut().zip(dy.chunks_exact(across)) {
                        for &dy in dy {
                            *dx += dy;
                        }
                    }
                }
            }
        },
    );
}

/// Interpolates each pixel of y between four pixels of x.
fn mix<A: Scalar>([height, width]: [usize; 2], sources: &Sources<A>, x: &[A], y: &mut [A]) {
    let (rows, columns) = (&sources.rows[..], &sources.columns[..]);
    let size = rows.len() * columns.len();
    each_row(
        (Rows(x, height * width), Rows(y, size)),
        size,
        #[inline(always)]
        move |(x, y)| {
            for (row, y) in rows.iter().zip(y.chunks_exact_mut(columns.len())) {
                let (above, below) = (&x[row.first * width..][..width], &x[row.second * width..][..width]);
                for (column, y) in columns.iter().zip(y) {
                    let across = |row: &[A]| column.mix(row[column.first], row[column.second]);
                    *y = row.mix(across(above), across(below));
                }
            }
        },
    );
}

/// Distributes dy to the four pixels by their weights.
fn mix_gradient<A: Scalar>([height, width]: [usize; 2], sources: &Sources<A>, dy: &[A], dx: &mut [A]) {
    let (rows, columns) = (&sources.rows[..], &sources.columns[..]);
    let size = rows.len() * columns.len();
    each_row(
        (Rows(dx, height * width), Rows(dy, size)),
        size,
        #[inline(always)]
        move |(dx, dy)| {
            dx.fill(A::ZERO);
            for (row, dy) in rows.iter().zip(dy.chunks_exact(columns.len())) {
                for (column, &dy) in columns.iter().zip(dy) {
                    let below = dy * row.weight;
                    for (row, dy) in [(row.first, dy - below), (row.second, below)] {
                        let right = dy * column.weight;
                        dx[row * width + column.first] += dy - right;
                        dx[row * width + column.second] += right;
                    }
                }
            }
        },
    );
}
