//! [`AdaptiveAvgPool2d`]: means over an image, as many as are wanted.

use std::fmt;
use std::ops::Range;

use crate::error::check_size;
use crate::kernels::rows::{Rows, each_row};
use crate::kernels::simd::rows;
use crate::kernels::{flat, flat_mut};
use crate::layer::{Backward, Layer, Parts, Pass, Restore};
use crate::spec::Spec;
use crate::spec::onnx::{Operators, Tensor};
use crate::{Error, Matrix, Result, Scalar, Shape};

/// The means of `lines` x `columns` regions of each channel, whatever the size of the image.
///
/// On an axis of n cells that becomes m, region i is from cell ⌊i·n/m⌋ up to, without, ⌈(i+1)·n/m⌉: regions may overlap,
/// and there may be more of them than cells. As in `PyTorch`.
///
/// x is (samples, `[channels, height, width]`), y is (samples, `[channels, lines, columns]`) for `output` = `[lines,
/// columns]`.
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let network = Sequential::new([1, 1, 3]).with(AdaptiveAvgPool2d::new([1, 2]))?;
/// assert_eq!(network.predict(&array![[1.0, 3.0, 7.0]])?, array![[2.0, 5.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AdaptiveAvgPool2d {
    output: [usize; 2],
}

impl AdaptiveAvgPool2d {
    /// A pool that makes images of the size `output`, `[lines, columns]`.
    pub fn new(output: [usize; 2]) -> Self {
        Self { output }
    }

    /// The pool as products with two matrices: (width, columns) for an image's lines, (lines, height) for its columns.
    pub(crate) fn region_weights(self, [height, width]: [usize; 2]) -> [Vec<f32>; 2] {
        let [lines, columns] = self.output;
        // How much cell j of n adds to place i of m.
        let weight = |i: usize, j: usize, m: usize, n: usize| {
            let region = region(i, n, m);
            if region.contains(&j) { 1.0 / region.len() as f32 } else { 0.0 }
        };
        let across = (0..width * columns).map(|k| weight(k % columns, k / columns, columns, width));
        let down = (0..lines * height).map(|k| weight(k / height, k % height, lines, height));
        [across.collect(), down.collect()]
    }

    /// Calls `f` for each output of a plane, with its position, the lines and the columns under it.
    #[inline(always)]
    fn regions(self, [height, width]: [usize; 2], mut f: impl FnMut(usize, Range<usize>, Range<usize>)) {
        let [lines, columns] = self.output;
        for p in 0..lines {
            for q in 0..columns {
                f(p * columns + q, region(p, height, lines), region(q, width, columns));
            }
        }
    }
}

/// The cells of an axis of `n` that are under place `i` of `places`.
#[inline(always)]
fn region(i: usize, n: usize, places: usize) -> Range<usize> {
    i * n / places..((i + 1) * n).div_ceil(places)
}

/// The height and width of an image.
fn sizes(input: Shape) -> [usize; 2] {
    if let Shape::Image { height, width, .. } = input { [height, width] } else { [0, 0] }
}

impl<A: Scalar> Layer<A> for AdaptiveAvgPool2d {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        let [lines, columns] = self.output;
        if lines == 0 || columns == 0 {
            let what = format!("the size of {self:?}");
            return Err(Error::Setting { what, wants: "at least 1 x 1", got: 0.0 });
        }
        let wrong = |wants: &str| Error::Input { layer: format!("{self:?}"), wants: wants.into(), got: input };
        let Shape::Image { channels, height, width } = input else {
            return Err(wrong("images [channels, height, width]"));
        };
        if height == 0 || width == 0 {
            return Err(wrong("images of at least 1 x 1 pixels"));
        }
        if lines.checked_mul(height).is_none() || columns.checked_mul(width).is_none() {
            return Err(wrong("images whose size times that of its output can be counted"));
        }
        check_size(self, input, [channels, lines, columns].into())
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let (pool, [height, width]) = (*self, sizes(pass.input));
        each_row(
            (Rows(flat(x), height * width), Rows(flat_mut(y), pool.output[0] * pool.output[1])),
            height * width,
            #[inline(always)]
            move |(x, y)| {
                pool.regions(
                    [height, width],
                    #[inline(always)]
                    |i, lines, columns| {
                        let count = (lines.len() * columns.len()) as f64;
                        let mut sum = 0.0;
                        for line in lines {
                            sum += rows::sum(&x[line * width..][columns.clone()], |&x| x);
                        }
                        y[i] = A::of(sum / count);
                    },
                );
            },
        );
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let Some(dx) = at.dx else { return Ok(()) };
        let (pool, [height, width]) = (*self, sizes(pass.input));
        each_row(
            (Rows(flat_mut(dx), height * width), Rows(flat(at.dy), pool.output[0] * pool.output[1])),
            height * width,
            #[inline(always)]
            move |(dx, dy)| {
                dx.fill(A::ZERO);
                pool.regions(
                    [height, width],
                    #[inline(always)]
                    |i, lines, columns| {
                        let part = dy[i] / A::of((lines.len() * columns.len()) as f64);
                        for line in lines {
                            for dx in &mut dx[line * width..][columns.clone()] {
                                *dx += part;
                            }
                        }
                    },
                );
            },
        );
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("adaptive_avg_pool2d").set("output", self.output))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let ([height, width], [lines, columns]) = (sizes(operators.input()), self.output);
        let [across, down] = self.region_weights([height, width]);
        let across = operators.constant("columns", Tensor::floats(&[width, columns], across));
        let down = operators.constant("lines", Tensor::floats(&[lines, height], down));
        operators.then("MatMul", &[&across], []);
        let means = operators.node("MatMul", &[&down, &operators.value()], []);
        operators.set_value(means);
        Ok(())
    }
}

impl<A: Scalar> Restore<A> for AdaptiveAvgPool2d {
    const KIND: &'static str = "adaptive_avg_pool2d";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        Ok(AdaptiveAvgPool2d::new(parts.spec().counts("output")?))
    }
}

impl fmt::Debug for AdaptiveAvgPool2d {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AdaptiveAvgPool2d({}x{})", self.output[0], self.output[1])
    }
}
