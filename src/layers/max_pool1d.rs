//! [`MaxPool1d`]: of each window on a sequence, the largest number.

use std::fmt;

use crate::kernels::window::{Axis, Window};
use crate::kernels::{flat, flat_mut, pool};
use crate::layers::windows::{pool_axes_of_steps, pooled, write_steps};
use crate::layer::{Backward, Layer, Parts, Pass, Restore};
use crate::spec::Spec;
use crate::{Matrix, Result, Scalar, Shape};

/// The largest number under a window that moves over the steps of a sequence, for each feature.
///
/// The window steps by its own size unless `stride` says otherwise; its taps are `dilation` apart. Padding counts as -∞
/// and must be at most half of the window. Of n steps it makes ⌊(n + 2·padding - dilation·(kernel - 1) - 1) / stride⌋ +
/// 1, or with `ceil` the same rounded up, without positions that start in the padding after the sequence. The gradient
/// goes to the first maximum; NaN counts as larger than any number. All as in `PyTorch`, whose sequences are (features,
/// steps), though.
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
    /// Windows of `kernel` steps side by side.
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
        Some(self.window.describe(Spec::new("max_pool1d")).set("ceil", self.window.ceil))
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
