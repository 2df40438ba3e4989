//! [`AdaptiveAvgPool2d`]: average pooling to a fixed output size.

use std::fmt;
use std::ops::Range;

use crate::kernels::rows::{Rows, each_row};
use crate::kernels::simd::rows;
use crate::kernels::{flat, flat_mut};
use crate::layer::{Backward, Layer, Parts, Pass, Restore};
use crate::spec::Spec;
use crate::spec::onnx::{Operators, Tensor};
use crate::spec::rust::{Code, functions};
use crate::{Error, Matrix, Result, Scalar, Shape};

/// Averages each channel over `rows` x `columns` regions, for any image size.
///
/// On an axis of length n, region i of m covers the pixels ⌊i·n/m⌋..⌈(i+1)·n/m⌉ (end excluded), as in `PyTorch`.
/// Regions may overlap, and m may exceed n.
///
/// x is (samples, `[channels, height, width]`), y is (samples, `[channels, rows, columns]`) for `output` = `[rows,
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
    /// Creates a layer with output size `[rows, columns]`.
    pub fn new(output: [usize; 2]) -> Self {
        Self { output }
    }

    /// The layer as products with two matrices: (width, columns) on the right, (rows, height) on the left.
    pub(crate) fn region_weights(self, [height, width]: [usize; 2]) -> [Vec<f32>; 2] {
        let [rows, columns] = self.output;
        // The weight of input j of n in output i of m.
        let weight = |i: usize, j: usize, m: usize, n: usize| {
            let region = region(i, n, m);
            if region.contains(&j) { 1.0 / region.len() as f32 } else { 0.0 }
        };
        let across = (0..width * columns).map(|k| weight(k % columns, k / columns, columns, width));
        let down = (0..rows * height).map(|k| weight(k / height, k % height, rows, height));
        [across.collect(), down.collect()]
    }

    /// Calls `f` for each output of a plane with its index and the rows and columns that it averages.
    #[inline(always)]
    fn regions(self, [height, width]: [usize; 2], mut f: impl FnMut(usize, Range<usize>, Range<usize>)) {
        let [rows, columns] = self.output;
        for p in 0..rows {
            for q in 0..columns {
                f(p * columns + q, region(p, height, rows), region(q, width, columns));
            }
        }
    }
}

/// The range of an axis of length `n` that output `i` of `outputs` averages.
#[inline(always)]
fn region(i: usize, n: usize, outputs: usize) -> Range<usize> {
    // The product of two sizes may overflow a `usize`.
    let at = |i: usize| i as u128 * n as u128;
    (at(i) / outputs as u128) as usize..at(i + 1).div_ceil(outputs as u128) as usize
}

/// The height and width of an image.
fn sizes(input: Shape) -> [usize; 2] {
    if let Shape::Image { height, width, .. } = input { [height, width] } else { [0, 0] }
}

impl<A: Scalar> Layer<A> for AdaptiveAvgPool2d {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        let [rows, columns] = self.output;
        if rows == 0 || columns == 0 {
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
        Ok([channels, rows, columns].into())
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
                    |i, rows, columns| {
                        let count = (rows.len() * columns.len()) as f64;
                        let mut sum = 0.0;
                        for row in rows {
                            sum += rows::sum(&x[row * width..][columns.clone()], |&x| x);
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
                    |i, rows, columns| {
                        let part = dy[i] / A::of((rows.len() * columns.len()) as f64);
                        for row in rows {
                            for dx in &mut dx[row * width..][columns.clone()] {
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
        let ([height, width], [rows, columns]) = (sizes(operators.input()), self.output);
        let [across, down] = self.region_weights([height, width]);
        let across = operators.constant("columns", Tensor::floats(&[width, columns], across));
        let down = operators.constant("lines", Tensor::floats(&[rows, height], down));
        operators.then("MatMul", &[&across], []);
        let means = operators.node("MatMul", &[&down, &operators.value()], []);
        operators.set_value(means);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let (sizes, output) = (sizes(code.input()), self.output);
        let channels = code.input().len() / (sizes[0] * sizes[1]);
        let arguments = [format!("{sizes:?}"), format!("{output:?}")];
        code.then(&functions::ADAPTIVE_AVG_POOL, channels * output[0] * output[1], &[&arguments[0], &arguments[1]]);
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
