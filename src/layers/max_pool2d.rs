//! [`MaxPool2d`]: of each window on an image, the largest number.

use std::fmt;

use crate::kernels::window::{Axis, Window};
use crate::kernels::{flat, flat_mut, pool};
use crate::layers::windows::{pool_axes, pooled};
use crate::layer::{Backward, Layer, Parts, Pass, Restore};
use crate::spec::Spec;
use crate::{Matrix, Result, Scalar, Shape};

/// The largest number under a window that moves over each channel of an image.
///
/// The window steps by its own size unless `stride` says otherwise; its taps are `dilation` apart. Padding counts as -∞
/// and must be at most half of the window. An axis of n cells gives ⌊(n + padding - dilation·(kernel - 1) - 1) /
/// stride⌋ + 1 positions, or with `ceil` the same rounded up, without positions that start in the padding after the
/// image. The gradient goes to the first maximum in row-major order; NaN counts as larger than any number. All as in
/// `PyTorch`.
///
/// x is (samples, `[channels, height, width]`), y is (samples, `[channels, positions, positions]`).
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let network = Sequential::new([1, 2, 4]).with(MaxPool2d::new([2, 2]))?;
/// let y = network.predict(&array![[1.0, 5.0, 2.0, 0.0, 3.0, 4.0, 7.0, 6.0]])?;
/// assert_eq!(y, array![[5.0, 7.0]]);
///
/// let pool = MaxPool2d::new([3, 3]).stride([2, 2]).padding(1);
/// assert_eq!(Sequential::<f32>::new([64, 112, 112]).with(pool)?.output(), [64, 56, 56].into());
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MaxPool2d {
    window: Window,
}

impl MaxPool2d {
    /// Windows of this height and width side by side.
    pub fn new(kernel: [usize; 2]) -> Self {
        Self { window: Window::new(kernel, kernel) }
    }

    image_setters!(stride, padding, dilation, ceil);

    fn axes(&self, input: Shape) -> Result<[Axis; 2]> {
        pool_axes(&self.window, self, input)
    }
}

impl<A: Scalar> Layer<A> for MaxPool2d {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        Ok(pooled(self.axes(input)?, input))
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        pool::max(self.axes(pass.input)?, flat(x), flat_mut(y), pass.cache.get());
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        if let (Some(dx), Ok(axes)) = (at.dx, self.axes(pass.input)) {
            pool::max_gradient(axes, pass.cache.get::<Vec<u32>>(), flat(at.dy), flat_mut(dx));
        }
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        Some(self.window.describe(Spec::new("max_pool2d")).set("ceil", self.window.ceil))
    }
}

impl<A: Scalar> Restore<A> for MaxPool2d {
    const KIND: &'static str = "max_pool2d";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Self { window: Window::restore_pool(parts.spec())? })
    }
}

impl fmt::Debug for MaxPool2d {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MaxPool2d({})", self.window)
    }
}
