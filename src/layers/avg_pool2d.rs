//! [`AvgPool2d`]: average pooling of images.

use std::fmt;

use crate::kernels::window::{Axis, Window};
use crate::layer::{Backward, Layer, Parts, Pass, Restore};
use crate::layers::windows::{avg_pool, avg_pool_rust, mean_backward, mean_forward, pool_axes, pooled};
use crate::spec::Spec;
use crate::spec::onnx::Operators;
use crate::spec::rust::Code;
use crate::{Matrix, Result, Scalar, Shape};

/// Averages each channel over a window that slides across the image.
///
/// The stride defaults to the window size. Zero padding, of at most half the window, is included in the mean unless
/// [`without_padding`](Self::without_padding) is set; pixels beyond the padding, which windows may reach with `ceil`,
/// are never included. An axis of length n, including padding, gives ⌊(n - kernel) / stride⌋ + 1 positions; `ceil`
/// rounds up instead, but drops windows that would start in the padding after the image. This matches `PyTorch`.
///
/// x is (samples, `[channels, height, width]`), y is (samples, `[channels, rows, columns]`) with the positions of the
/// window as rows and columns.
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
    /// Creates a layer with a window of this height and width, which are also the stride.
    pub fn new(kernel: [usize; 2]) -> Self {
        Self { window: Window::new(kernel, kernel), counts_padding: true }
    }

    image_setters!(stride, padding, ceil);

    /// Excludes the padding from the mean (`PyTorch`'s `count_include_pad=False`).
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
        mean_forward(self.axes(pass.input)?, self.counts_padding, x, y, pass);
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        mean_backward(self.axes(pass.input)?, at, pass)
    }

    fn spec(&self) -> Option<Spec> {
        let spec = self.window.describe(Spec::new("avg_pool2d")).set("ceil", self.window.ceil);
        Some(spec.set("counts_padding", self.counts_padding))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let axes = self.axes(operators.input())?;
        avg_pool(operators, axes, self.window.ceil, self.counts_padding);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let axes = self.axes(code.input())?;
        avg_pool_rust(code, axes, self.counts_padding);
        Ok(())
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
