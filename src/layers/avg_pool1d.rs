//! [`AvgPool1d`]: of each window on a sequence, the mean.

use std::fmt;

use crate::kernels::window::{Axis, Window};
use crate::kernels::{flat, flat_mut, pool};
use crate::layers::windows::{pool_axes_of_steps, pooled, write_steps};
use crate::layer::{Backward, Layer, Parts, Pass, Restore};
use crate::spec::Spec;
use crate::{Matrix, Result, Scalar, Shape};

/// The mean under a window that moves over the steps of a sequence, for each feature.
///
/// The window steps by its own size unless `stride` says otherwise. Padding is zeros, at most half of the window, and
/// counts as steps that the mean is over, unless [`without_padding`](Self::without_padding) says otherwise; steps
/// beyond the padding, which a window may reach with `ceil`, never count. Of n steps it makes ⌊(n + 2·padding - kernel)
/// / stride⌋ + 1, or with `ceil` the same rounded up, without positions that start in the padding after the sequence.
/// All as in `PyTorch`, whose sequences are (features, steps), though.
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
    /// Windows of `kernel` steps side by side.
    pub fn new(kernel: usize) -> Self {
        Self { window: Window::new([kernel, 1], [kernel, 1]), counts_padding: true }
    }

    step_setters!(stride, padding, ceil);

    /// The same layer with means over the steps under a window only, not the padding.
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
        let spec = self.window.describe(Spec::new("avg_pool1d")).set("ceil", self.window.ceil);
        Some(spec.set("counts_padding", self.counts_padding))
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
