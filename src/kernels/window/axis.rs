//! [`Axis`]: the positions of a window on one axis. It is part of networks written as Rust source, too.

/// One axis of an image with the windows on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Axis {
    pub kernel: usize,
    pub stride: usize,
    pub dilation: usize,
    /// Padding before and after the image.
    pub before: usize,
    pub after: usize,
    /// Size of the image.
    pub input: usize,
    /// Positions of the window.
    pub output: usize,
}

impl Axis {
    /// The extent of a window, with dilation.
    pub(crate) fn span(&self) -> usize {
        self.dilation * (self.kernel - 1) + 1
    }

    pub(crate) fn padded(&self) -> usize {
        self.before + self.input + self.after
    }

    /// The minimum size of an image for the window.
    pub(crate) fn least(&self) -> usize {
        self.span().saturating_sub(self.before + self.after).max(1)
    }

    /// The pixel under `tap` of the window at `position`; `None` if it is padding.
    #[inline(always)]
    pub(crate) fn cell(&self, position: usize, tap: usize) -> Option<usize> {
        (position * self.stride + tap * self.dilation).checked_sub(self.before).filter(|&cell| cell < self.input)
    }

    /// The range of positions (end excluded) at which `tap` is inside the image.
    #[inline(always)]
    pub(crate) fn positions(&self, tap: usize) -> (usize, usize) {
        let offset = tap * self.dilation;
        let from = self.before.saturating_sub(offset).div_ceil(self.stride);
        let to = (self.before + self.input).saturating_sub(offset).div_ceil(self.stride);
        (from.min(self.output), to.min(self.output))
    }
}
