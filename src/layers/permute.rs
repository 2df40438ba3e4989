//! [`Permute`]: reorders the axes of a sample.

use std::fmt;

use crate::kernels::rows::{Rows, each_row};
use crate::kernels::{flat, flat_mut};
use crate::layer::{Backward, Layer, Parts, Pass, Restore};
use crate::spec::Spec;
use crate::spec::onnx::{Attribute, Operators};
use crate::{Error, Matrix, Result, Scalar, Shape};

/// Reorders the axes of an image or a sequence: axis i of y is axis `axes[i]` of x.
///
/// An image stays an image, a sequence a sequence. As `PyTorch`'s `permute`, without the batch axis.
///
/// ```
/// use neuropil::prelude::*;
///
/// // Pixels as the steps of a sequence.
/// let network = Sequential::<f32>::new([3, 8, 8]).with(Permute::new([1, 2, 0])?)?.with(Reshape::new([64, 3]))?;
/// assert_eq!(network.output(), [64, 3].into());
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Permute {
    /// For a sequence, the last two; the first is fixed.
    axes: [usize; 3],
    rank: usize,
}

impl Permute {
    /// Creates a layer for sequences, with `[1, 0]`, or for images, for example with `[1, 2, 0]`.
    ///
    /// # Errors
    /// [`Error::Setting`] unless `axes` is a permutation of two or three axes.
    pub fn new<const RANK: usize>(axes: [usize; RANK]) -> Result<Self> {
        Self::from_slice(&axes)
    }

    fn from_slice(axes: &[usize]) -> Result<Self> {
        let wrong = |wants, got| Err(Error::Setting { what: format!("the axes of Permute({axes:?})"), wants, got });
        if let Some(&twice) = axes.iter().find(|&&axis| axis >= axes.len() || count(axes, axis) != 1) {
            return wrong("all there are, each of them once", twice as f64);
        }
        match *axes {
            [a, b] => Ok(Self { axes: [0, a + 1, b + 1], rank: 2 }),
            [a, b, c] => Ok(Self { axes: [a, b, c], rank: 3 }),
            _ => wrong("two for sequences or three for images", axes.len() as f64),
        }
    }

    /// The axes as given to [`new`](Self::new).
    fn given(&self) -> Vec<usize> {
        let leading = 3 - self.rank;
        self.axes[leading..].iter().map(|axis| axis - leading).collect()
    }

    /// Calls `f` for each innermost row of the output with its index, and its start and stride in the input.
    #[inline(always)]
    fn each(self, sizes: [usize; 3], mut f: impl FnMut(usize, usize, usize)) {
        let strides = [sizes[1] * sizes[2], sizes[2], 1];
        let [a, b, c] = self.axes;
        for i in 0..sizes[a] {
            for j in 0..sizes[b] {
                f(i * sizes[b] + j, i * strides[a] + j * strides[b], strides[c]);
            }
        }
    }
}

fn count(axes: &[usize], axis: usize) -> usize {
    axes.iter().filter(|&&other| other == axis).count()
}

/// A sequence is an image of one channel here.
fn sizes(input: Shape) -> [usize; 3] {
    match input {
        Shape::Flat(features) => [1, 1, features],
        Shape::Sequence { steps, features } => [1, steps, features],
        Shape::Image { channels, height, width } => [channels, height, width],
    }
}

impl<A: Scalar> Layer<A> for Permute {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        let [a, b, c] = self.axes.map(|axis| sizes(input)[axis]);
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
        let (permute, sizes, len) = (*self, sizes(pass.input), pass.input.len());
        let width = sizes[self.axes[2]];
        each_row((Rows(flat(x), len), Rows(flat_mut(y), len)), len, move |(x, y)| {
            permute.each(sizes, |row, start, stride| {
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
        let (permute, sizes, len) = (*self, sizes(pass.input), pass.input.len());
        let width = sizes[self.axes[2]];
        each_row((Rows(flat_mut(dx), len), Rows(flat(at.dy), len)), len, move |(dx, dy)| {
            permute.each(sizes, |row, start, stride| {
                let dy = &dy[row * width..][..width];
                for (&dy, dx) in dy.iter().zip(dx[start..].iter_mut().step_by(stride)) {
                    *dx = dy;
                }
            });
        });
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("permute").set("axes", self.given()))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        // The batch is axis 0.
        let axes = std::iter::once(0).chain(self.given().into_iter().map(|axis| axis + 1));
        operators.then("Transpose", &[], [("perm", Attribute::sizes(axes))]);
        Ok(())
    }
}

impl<A: Scalar> Restore<A> for Permute {
    const KIND: &'static str = "permute";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let spec = parts.spec();
        match spec.counts::<2>("axes") {
            Ok(axes) => Self::new(axes),
            Err(_) => Self::new(spec.counts::<3>("axes")?),
        }
    }
}

impl fmt::Debug for Permute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permute({:?})", self.given())
    }
}
