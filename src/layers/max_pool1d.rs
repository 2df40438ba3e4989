//! [`MaxPool1d`]: max pooling of sequences.

use std::fmt;

use crate::kernels::window::{Axis, Window};
use crate::layer::{Backward, Layer, Parts, Pass, Restore};
use crate::layers::windows::{
    max_backward, max_forward, max_pool, max_pool_rust, pool_axes_of_steps, pooled, write_steps,
};
use crate::spec::Spec;
use crate::spec::onnx::Operators;
use crate::spec::rust::Code;
use crate::{Matrix, Result, Scalar, Shape};

/// Takes the maximum of each feature over a window that slides along the steps of a sequence.
///
/// The stride defaults to the window size; `dilation` is the spacing of its elements. The padding, of at most half the
/// window, is -∞. A sequence of n steps gives ⌊(n + 2·padding - dilation·(kernel - 1) - 1) / stride⌋ + 1 positions;
/// `ceil` rounds up instead, but drops windows that would start in the padding after the sequence. The gradient goes to
/// the first maximum; NaN is treated as the largest value. This matches `PyTorch`, except that its sequences are
/// (features, steps).
///
/// x is (samples, `[steps, features]`), y is (samples, `[positions, features]`).
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let network = Sequential::new([4, 2]).with(MaxPool1d::new(2))?;
/// let y = network.predict(&array![[1.0, 5.0, 3.0, 4.0, 0.0, 9.0, 7.0, 8.0]])?;
/// assert_eq!(y, array![[3.0, 5.0, 7.0, 9.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MaxPool1d {
    window: Window,
}

impl MaxPool1d {
    /// Creates a layer with a window of `kernel` steps, which is also the stride.
    pub fn new(kernel: usize) -> Self {
        Self { window: Window::new([kernel, 1], [kernel, 1]) }
    }

    step_setters!(stride, padding, dilation, ceil);

    fn axes(&self, input: Shape) -> Result<[Axis; 2]> {
        pool_axes_of_steps(&self.window, self, input)
    }
}

impl<A: Scalar> Layer<A> for MaxPool1d {
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
        Some(self.window.describe(Spec::new("max_pool1d")).set("ceil", self.window.ceil))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let axes = self.axes(operators.input())?;
        if self.window.depends_on_size() {
            operators.keep_steps();
        }
        max_pool(operators, axes, self.window.ceil);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let axes = self.axes(code.input())?;
        max_pool_rust(code, axes);
        Ok(())
    }
}

impl<A: Scalar> Restore<A> for MaxPool1d {
    const KIND: &'static str = "max_pool1d";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Self { window: Window::restore_pool(parts.spec())? })
    }
}

impl fmt::Debug for MaxPool1d {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaxPool1d(")?;
        write_steps(f, &self.window, true)?;
        f.write_str(")")
    }
}
