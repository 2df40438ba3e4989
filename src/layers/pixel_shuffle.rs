//! [`PixelShuffle`]: rearranges channels into pixels.

use std::fmt;

use crate::kernels::rows::{Rows, each_row};
use crate::kernels::{flat, flat_mut};
use crate::layer::{Backward, Layer, Parts, Pass, Restore};
use crate::spec::Spec;
use crate::spec::onnx::{Attribute, Operators};
use crate::spec::rust::{Code, functions};
use crate::{Error, Matrix, Result, Scalar, Shape};

/// Rearranges channels into images r = `factor` times as high and wide (Shi et al., 2016): y(c, h·r + i, w·r + j) =
/// x(c·r² + i·r + j, h, w).
///
/// x is (samples, `[channels·r², height, width]`), y is (samples, `[channels, height·r, width·r]`).
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let network = Sequential::new([4, 1, 2]).with(PixelShuffle::new(2))?;
/// let y = network.predict(&array![[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]])?;
/// assert_eq!(y, array![[1.0, 3.0, 2.0, 4.0, 5.0, 7.0, 6.0, 8.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PixelShuffle {
    factor: usize,
}

impl PixelShuffle {
    /// Creates a layer that makes images `factor` times as high and wide.
    pub fn new(factor: usize) -> Self {
        Self { factor }
    }

    /// Calls `f` for each row of an image with its index and its start in the output, where its elements have stride
    /// `factor`.
    #[inline(always)]
    fn each_row_start(self, input: Shape, mut f: impl FnMut(usize, usize)) {
        let Shape::Image { channels, height, width } = input else { return };
        let r = self.factor;
        for channel in 0..channels {
            let (c, i, j) = (channel / (r * r), channel / r % r, channel % r);
            for h in 0..height {
                f(channel * height + h, (c * height * r + h * r + i) * width * r + j);
            }
        }
    }
}

/// The width of an image.
fn width(input: Shape) -> usize {
    if let Shape::Image { width, .. } = input { width } else { 0 }
}

impl<A: Scalar> Layer<A> for PixelShuffle {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        if self.factor == 0 {
            return Err(Error::Setting { what: "the factor of PixelShuffle".into(), wants: "at least 1", got: 0.0 });
        }
        let pixels = self.factor.saturating_mul(self.factor);
        match input {
            Shape::Image { channels, height, width } if channels.is_multiple_of(pixels) && input.len() > 0 => {
                Ok([channels / pixels, height.saturating_mul(self.factor), width.saturating_mul(self.factor)].into())
            }
            _ => {
                let wants = format!("images [channels, height, width] of a multiple of {pixels} channels");
                Err(Error::Input { layer: format!("{self:?}"), wants, got: input })
            }
        }
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let (shuffle, input, len, width) = (*self, pass.input, pass.input.len(), width(pass.input));
        each_row((Rows(flat(x), len), Rows(flat_mut(y), len)), len, move |(x, y)| {
            shuffle.each_row_start(input, |row, start| {
                let x = &x[row * width..][..width];
                for (&x, y) in x.iter().zip(y[start..].iter_mut().step_by(shuffle.factor)) {
                    *y = x;
                }
            });
        });
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let Some(dx) = at.dx else { return Ok(()) };
        let (shuffle, input, len, width) = (*self, pass.input, pass.input.len(), width(pass.input));
        each_row((Rows(flat_mut(dx), len), Rows(flat(at.dy), len)), len, move |(dx, dy)| {
            shuffle.each_row_start(input, |row, start| {
                let dx = &mut dx[row * width..][..width];
                for (dx, &dy) in dx.iter_mut().zip(dy[start..].iter().step_by(shuffle.factor)) {
                    *dx = dy;
                }
            });
        });
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("pixel_shuffle").set("factor", self.factor))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let factor = Attribute::Int(self.factor as i64);
        operators.then("DepthToSpace", &[], [("blocksize", factor), ("mode", Attribute::Text("CRD".into()))]);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let Shape::Image { height, width, .. } = code.input() else { return Err(Error::not_rust(&self)) };
        let sizes = format!("[{height}, {width}]");
        code.then(&functions::PIXEL_SHUFFLE, code.input().len(), &[&sizes, &self.factor]);
        Ok(())
    }
}

impl<A: Scalar> Restore<A> for PixelShuffle {
    const KIND: &'static str = "pixel_shuffle";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        Ok(PixelShuffle::new(parts.spec().count("factor")?))
    }
}

impl fmt::Debug for PixelShuffle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PixelShuffle({})", self.factor)
    }
}
