//! [`MaxPool2d`]: max pooling of images.

use std::fmt;

use crate::kernels::window::{Axis, Window};
use crate::layer::{Backward, Layer, Parts, Pass, Restore};
use crate::layers::windows::{max_backward, max_forward, max_pool, max_pool_rust, pool_axes, pooled};
use crate::spec::Spec;
use crate::spec::onnx::Operators;
use crate::spec::rust::Code;
use crate::{Matrix, Result, Scalar, Shape};

/// Takes the maximum of each channel over a window that slides across the image.
///
/// The stride defaults to the window size; `dilation` is the spacing of its elements. The padding, of at most half the
/// window, is -∞. An axis of length n, including padding, gives ⌊(n - dilation·(kernel - 1) - 1) / stride⌋ + 1
/// positions; `ceil` rounds up instead, but drops windows that would start in the padding after the image. The gradient
/// goes to the first maximum in row-major order; NaN is treated as the largest value. This matches `PyTorch`.
///
/// x is (samples, `[channels, height, width]`), y is (samples, `[channels, rows, columns]`) with the positions of the
/// window as rows and columns.
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
    /// Creates a layer with a window of this height and width, which are also the stride.
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
        max_forward(self.axes(pass.input)?, x, y, pass);
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        max_backward(self.axes(pass.input)?, at, pass)
    }

    fn spec(&self) -> Option<Spec> {
        Some(self.window.describe(Spec::new("max_pool2d")).set("ceil", self.window.ceil))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let axes = self.axes(operators.input())?;
        max_pool(operators, axes, self.window.ceil);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let axes = self.axes(code.input())?;
        max_pool_rust(code, axes);
        Ok(())
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
