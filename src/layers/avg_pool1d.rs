//! [`AvgPool1d`]: average pooling of sequences.

use std::fmt;

use crate::kernels::window::{Axis, Window};
use crate::layer::{Backward, Layer, Parts, Pass, Restore};
use crate::layers::windows::{
    avg_pool, avg_pool_rust, mean_backward, mean_forward, pool_axes_of_steps, pooled, write_steps,
};
use crate::spec::Spec;
use crate::spec::onnx::Operators;
use crate::spec::rust::Code;
use crate::{Matrix, Result, Scalar, Shape};

/// Averages each feature over a window that slides along the steps of a sequence.
///
/// The stride defaults to the window size. Zero padding, of at most half the window, is included in the mean unless
/// [`without_padding`](Self::without_padding) is set; steps beyond the padding, which windows may reach with `ceil`,
/// are never included. A sequence of n steps gives ⌊(n + 2·padding - kernel) / stride⌋ + 1 positions; `ceil` rounds up
/// instead, but drops windows that would start in the padding after the sequence. This matches `PyTorch`, except that
/// its sequences are (features, steps).
///
/// x is (samples, `[steps, features]`), y is (samples, `[positions, features]`).
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let network = Sequential::new([4, 2]).with(AvgPool1d::new(2))?;
/// let y = network.predict(&array![[1.0, 5.0, 3.0, 3.0, 0.0, 9.0, 7.0, 7.0]])?;
/// assert_eq!(y, array![[2.0, 4.0, 3.5, 8.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AvgPool1d {
    window: Window,
    counts_padding: bool,
}

impl AvgPool1d {
    /// Creates a layer with a window of `kernel` steps, which is also the stride.
    pub fn new(kernel: usize) -> Self {
        Self { window: Window::new([kernel, 1], [kernel, 1]), counts_padding: true }
    }

    step_setters!(stride, padding, ceil);

    /// Excludes the padding from the mean (`PyTorch`'s `count_include_pad=False`).
    #[must_use]
    pub fn without_padding(mut self) -> Self {
        self.counts_padding = false;
        self
    }

    fn axes(&self, input: Shape) -> Result<[Axis; 2]> {
        pool_axes_of_steps(&self.window, self, input)
    }
}

impl<A: Scalar> Layer<A> for AvgPool1d {
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
        let spec = self.window.describe(Spec::new("avg_pool1d")).set("ceil", self.window.ceil);
        Some(spec.set("counts_padding", self.counts_padding))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let axes = self.axes(operators.input())?;
        if self.window.depends_on_size() {
            operators.keep_steps();
        }
        avg_pool(operators, axes, self.window.ceil, self.counts_padding);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let axes = self.axes(code.input())?;
        avg_pool_rust(code, axes, self.counts_padding);
        Ok(())
    }
}

impl<A: Scalar> Restore<A> for AvgPool1d {
    const KIND: &'static str = "avg_pool1d";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let spec = parts.spec();
        Ok(Self { window: Window::restore_pool(spec)?, counts_padding: spec.flag("counts_padding")? })
    }
}

impl fmt::Debug for AvgPool1d {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AvgPool1d(")?;
        write_steps(f, &self.window, true)?;
        f.write_str(if self.counts_padding { ")" } else { ", without padding)" })
    }
}
