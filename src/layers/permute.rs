//! [`Permute`]: reorders the axes of a sample.

use std::fmt;

use crate::kernels::rows::{Rows, each_row};
use crate::kernels::{flat, flat_mut};
use crate::layer::{Backward, Layer, Parts, Pass, Restore};
use crate::spec::Spec;
use crate::spec::onnx::{Attribute, Operators};
use crate::spec::rust::{Code, functions};
use crate::{Error, Matrix, Result, Scalar, Shape};

/// Reorders the axes of an image or a sequence: axis i of y is axis `axes[i]` of x.
///
/// An image stays an image, a sequence a sequence. It is `PyTorch`'s `permute` without the batch axis.
///
/// ```
/// use neuropil::prelude::*;
///
/// // Pixels as the steps of a sequence.
/// let network = Sequential::<f32>::new([3, 8, 8]).with(Permute::new([1, 2, 0]))?.with(Reshape::new([64, 3]))?;
/// assert_eq!(network.output(), [64, 3].into());
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Permute {
    /// Only the first `rank` are used.
    axes: [usize; 3],
    rank: usize,
}

impl Permute {
    /// Creates a layer for sequences, with `[1, 0]`, or for images, for example with `[1, 2, 0]`. A network rejects it
    /// unless `axes` is a permutation of two or three axes.
    pub fn new<const RANK: usize>(axes: [usize; RANK]) -> Self {
        let mut own = [0; 3];
        own.iter_mut().zip(axes).for_each(|(own, axis)| *own = axis);
        Self { axes: own, rank: RANK }
    }

    /// The axes that [`new`](Self::new) was given.
    fn given(&self) -> &[usize] {
        &self.axes[..self.rank.min(3)]
    }

    fn check(&self) -> Result<()> {
        let wrong = |wants, got| Err(Error::Setting { what: format!("the axes of {self:?}"), wants, got });
        if !matches!(self.rank, 2 | 3) {
            return wrong("two for sequences or three for images", self.rank as f64);
        }
        let axes = self.given();
        match axes.iter().find(|&&axis| axis >= axes.len() || count(axes, axis) != 1) {
            Some(&twice) => wrong("a permutation, each axis once", twice as f64),
            None => Ok(()),
        }
    }

    /// The axes for [`sizes`]: a sequence is an image of one channel, which stays first.
    fn of_image(&self) -> [usize; 3] {
        let [a, b, c] = self.axes;
        if self.rank == 2 { [0, a + 1, b + 1] } else { [a, b, c] }
    }
}

/// Calls `f` for each innermost row of the output with its index, and its start and stride in the input.
#[inline(always)]
fn each([a, b, c]: [usize; 3], sizes: [usize; 3], mut f: impl FnMut(usize, usize, usize)) {
    let strides = [sizes[1] * sizes[2], sizes[2], 1];
    for i in 0..sizes[a] {
        for j in 0..sizes[b] {
            f(i * sizes[b] + j, i * strides[a] + j * strides[b], strides[c]);
        }
    }
}

fn count(axes: &[usize], axis: usize) -> usize {
    axes.iter().filter(|&&other| other == axis).count()
}

/// The sizes of a sample; a sequence is an image of one channel.
fn sizes(input: Shape) -> [usize; 3] {
    match input {
        Shape::Flat(features) => [1, 1, features],
        Shape::Sequence { steps, features } => [1, steps, features],
        Shape::Image { channels, height, width } => [channels, height, width],
    }
}

impl<A: Scalar> Layer<A> for Permute {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        self.check()?;
        let [a, b, c] = self.of_image().map(|axis| sizes(input)[axis]);
        match input {
            Shape::Sequence { .. } if self.rank == 2 => Ok([b, c].into()),
            Shape::Image { .. } if self.rank == 3 => Ok([a, b, c].into()),
            _ => {
                let kind =
                    if self.rank == 2 { "sequences [steps, features]" } else { "images [channels, height, width]" };
                Err(Error::Input { layer: format!("{self:?}"), wants: kind.into(), got: input })
            }
        }
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let (axes, sizes, len) = (self.of_image(), sizes(pass.input), pass.input.len());
        let width = sizes[axes[2]];
        each_row((Rows(flat(x), len), Rows(flat_mut(y), len)), len, move |(x, y)| {
            each(axes, sizes, |row, start, stride| {
                let y = &mut y[row * width..][..width];
                for (y, &x) in y.iter_mut().zip(x[start..].iter().step_by(stride)) {
                    *y = x;
                }
            });
        });
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let Some(dx) = at.dx else { return Ok(()) };
        let (axes, sizes, len) = (self.of_image(), sizes(pass.input), pass.input.len());
        let width = sizes[axes[2]];
        each_row((Rows(flat_mut(dx), len), Rows(flat(at.dy), len)), len, move |(dx, dy)| {
            each(axes, sizes, |row, start, stride| {
                let dy = &dy[row * width..][..width];
                for (&dy, dx) in dy.iter().zip(dx[start..].iter_mut().step_by(stride)) {
                    *dx = dy;
                }
            });
        });
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("permute").set("axes", self.given().to_vec()))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        // The batch is axis 0.
        let axes = std::iter::once(0).chain(self.given().iter().map(|axis| axis + 1));
        operators.then("Transpose", &[], [("perm", Attribute::sizes(axes))]);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let (sizes, axes) = (format!("{:?}", sizes(code.input())), format!("{:?}", self.of_image()));
        code.then(&functions::PERMUTE, code.input().len(), &[&sizes, &axes]);
        Ok(())
    }
}

impl<A: Scalar> Restore<A> for Permute {
    const KIND: &'static str = "permute";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let spec = parts.spec();
        match spec.counts::<2>("axes") {
            Ok(axes) => Ok(Self::new(axes)),
            Err(_) => Ok(Self::new(spec.counts::<3>("axes")?)),
        }
    }
}

impl fmt::Debug for Permute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permute({:?})", self.given())
    }
}
