//! [`AvgPool2d`]: of each window on an image, the mean.

use std::fmt;

use crate::kernels::window::{Axis, Window};
use crate::kernels::{flat, flat_mut, pool};
use crate::layers::windows::{pool_axes, pooled};
use crate::layer::{Backward, Layer, Parts, Pass, Restore};
use crate::spec::Spec;
use crate::{Matrix, Result, Scalar, Shape};

/// The mean under a window that moves over each channel of an image.
///
/// The window steps by its own size unless `stride` says otherwise. Padding is zeros, at most half of the window, and
/// counts as cells that the mean is over, unless [`without_padding`](Self::without_padding) says otherwise; cells
/// beyond the padding, which a window may reach with `ceil`, never count. An axis of n cells gives ⌊(n + padding -
/// kernel) / stride⌋ + 1 positions, or with `ceil` the same rounded up, without positions that start in the padding
/// after the image. All as in `PyTorch`.
///
/// x is (samples, `[channels, height, width]`), y is (samples, `[channels, positions, positions]`).
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let network = Sequential::new([1, 2, 4]).with(AvgPool2d::new([2, 2]))?;
/// let y = network.predict(&array![[1.0, 5.0, 2.0, 0.0, 3.0, 3.0, 7.0, 7.0]])?;
/// assert_eq!(y, array![[3.0, 4.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AvgPool2d {
    window: Window,
    counts_padding: bool,
}

impl AvgPool2d {
    /// Windows of this height and width side by side.
    pub fn new(kernel: [usize; 2]) -> Self {
        Self { window: Window::new(kernel, kernel), counts_padding: true }
    }

    image_setters!(stride, padding, ceil);

    /// The same layer with means over the pixels under a window only, not the padding.
    ///
    /// ```
    /// use neuropil::prelude::*;
    /// use ndarray::array;
    ///
    /// let pool = AvgPool2d::new([1, 2]).padding([0, 1]);
    /// let predict = |pool| Sequential::new([1, 1, 2]).with(pool)?.predict(&array![[6.0, 8.0]]);
    /// assert_eq!(predict(pool)?, array![[3.0, 4.0]]);
    /// assert_eq!(predict(pool.without_padding())?, array![[6.0, 8.0]]);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn without_padding(mut self) -> Self {
        self.counts_padding = false;
        self
    }

    fn axes(&self, input: Shape) -> Result<[Axis; 2]> {
        pool_axes(&self.window, self, input)
    }
}

impl<A: Scalar> Layer<A> for AvgPool2d {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        Ok(pooled(self.axes(input)?, input))
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let axes = self.axes(pass.input)?;
        let divisors = pass.cache.get::<Vec<A>>();
        pool::divisors(axes, self.counts_padding, divisors);
        pool::mean(axes, divisors, flat(x), flat_mut(y));
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        if let (Some(dx), Ok(axes)) = (at.dx, self.axes(pass.input)) {
            pool::mean_gradient(axes, pass.cache.get::<Vec<A>>(), flat(at.dy), flat_mut(dx));
        }
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        let spec = self.window.describe(Spec::new("avg_pool2d")).set("ceil", self.window.ceil);
        Some(spec.set("counts_padding", self.counts_padding))
    }
}

impl<A: Scalar> Restore<A> for AvgPool2d {
    const KIND: &'static str = "avg_pool2d";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let spec = parts.spec();
        Ok(Self { window: Window::restore_pool(spec)?, counts_padding: spec.flag("counts_padding")? })
    }
}

impl fmt::Debug for AvgPool2d {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let padding = if self.counts_padding { "" } else { ", without padding" };
        write!(f, "AvgPool2d({}{padding})", self.window)
    }
}
