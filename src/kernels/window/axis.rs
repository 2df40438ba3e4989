//! [`Axis`]: the positions of a window on one axis. This file is also part of networks exported as Rust source.

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
        self.dilation.saturating_mul(self.kernel - 1).saturating_add(1)
    }

    pub(crate) fn padded(&self) -> usize {
        self.before.saturating_add(self.input).saturating_add(self.after)
    }

    /// The minimum size of an image for the window.
    pub(crate) fn least(&self) -> usize {
        self.span().saturating_sub(self.before.saturating_add(self.after)).max(1)
    }

    /// The pixel under `tap` of the window at `position`; `None` if it is padding.
    #[inline(always)]
    pub(crate) fn cell(&self, position: usize, tap: usize) -> Option<usize> {
        let cell = (position * self.stride).saturating_add(tap.saturating_mul(self.dilation));
        cell.checked_sub(self.before).filter(|&cell| cell < self.input)
    }

    /// The taps of the window at `position` that are inside the image.
    #[inline(always)]
    pub(crate) fn taps(&self, position: usize) -> core::ops::Range<usize> {
        self.taps_at([position; 2])
    }

    /// The taps that are inside the image at any position.
    #[inline(always)]
    pub(crate) fn all_taps(&self) -> core::ops::Range<usize> {
        self.taps_at([self.output.saturating_sub(1), 0])
    }

    /// The taps from the first that is inside at the last position, to the last at the first position.
    #[inline(always)]
    fn taps_at(&self, [last, first]: [usize; 2]) -> core::ops::Range<usize> {
        let from = self.before.saturating_sub(last * self.stride).div_ceil(self.dilation);
        let to = (self.before + self.input).saturating_sub(first * self.stride).div_ceil(self.dilation);
        from..to.min(self.kernel).max(from)
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
