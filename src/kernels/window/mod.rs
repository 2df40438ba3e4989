//! [`Window`]: where a window that moves over the rows and columns of an image lies.

mod padding;

pub use padding::Padding;

/// The windows of convolutions and pools: kernel, stride, dilation and padding, each for rows and columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub dilation: [usize; 2],
    pub padding: Padding,
    /// A last window that starts inside the image or the padding before it may reach beyond the padding after it.
    pub ceil: bool,
}

/// One axis of an image with the windows on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Axis {
    pub kernel: usize,
    pub stride: usize,
    pub dilation: usize,
    /// Cells of padding before and after the image.
    pub before: usize,
    pub after: usize,
    /// Cells of the image.
    pub input: usize,
    /// Positions of the window.
    pub output: usize,
}

impl Window {
    /// Windows side by side without gaps or padding.
    pub(crate) fn new(kernel: [usize; 2], stride: [usize; 2]) -> Self {
        Self { kernel, stride, dilation: [1, 1], padding: Padding::NONE, ceil: false }
    }

    /// The window on an axis of `input` cells, of rows (0) or columns (1); `None` if a size overflows. The output is 0
    /// if the window does not fit.
    pub(crate) fn axis(&self, i: usize, input: usize) -> Option<Axis> {
        let (kernel, stride, dilation) = (self.kernel[i], self.stride[i], self.dilation[i]);
        let span = dilation.checked_mul(kernel - 1)?.checked_add(1)?;
        let (before, after) = match self.padding {
            Padding::Each(cells) => (cells[i][0], cells[i][1]),
            Padding::Same => {
                let last = (input.div_ceil(stride).max(1) - 1) * stride;
                let total = last.checked_add(span)?.saturating_sub(input);
                (total / 2, total - total / 2)
            }
        };
        let padded = input.checked_add(before)?.checked_add(after)?;
        span.checked_mul(4)?;
        let output = match padded.checked_sub(span) {
            _ if input == 0 => 0,
            None => 0,
            Some(room) if self.ceil => {
                let output = room.div_ceil(stride) + 1;
                // A window that would start in the padding after the image is left out.
                if (output - 1) * stride >= input + before { output - 1 } else { output }
            }
            Some(room) => room / stride + 1,
        };
        Some(Axis { kernel, stride, dilation, before, after, input, output })
    }

    /// The axis on which the window has `output` positions, with `more` cells at its end: what a transposed convolution
    /// makes of `output` pixels. `None` if a size overflows; the input is 0 if the padding cuts off everything.
    pub(crate) fn transposed_axis(&self, i: usize, output: usize, more: usize) -> Option<Axis> {
        let (kernel, stride, dilation) = (self.kernel[i], self.stride[i], self.dilation[i]);
        let span = dilation.checked_mul(kernel - 1)?.checked_add(1)?;
        let all = (output - 1).checked_mul(stride)?.checked_add(span)?.checked_add(more)?;
        let (before, after, input) = match self.padding {
            Padding::Each(cells) => {
                let [before, after] = cells[i];
                (before, after, all.saturating_sub(before.checked_add(after)?))
            }
            Padding::Same => {
                let input = output.checked_mul(stride)?;
                let total = all.saturating_sub(input);
                (total / 2, total - total / 2, input)
            }
        };
        Some(Axis { kernel, stride, dilation, before, after, input, output })
    }
}

impl Axis {
    /// From the first cell of a window to its last.
    pub(crate) fn span(&self) -> usize {
        self.dilation * (self.kernel - 1) + 1
    }

    pub(crate) fn padded(&self) -> usize {
        self.before + self.input + self.after
    }

    /// The smallest image that the window fits on.
    pub(crate) fn least(&self) -> usize {
        self.span().saturating_sub(self.before + self.after).max(1)
    }

    /// The cell of the image under tap `tap` of the window at `position`; `None` if it is padding.
    #[inline(always)]
    pub(crate) fn cell(&self, position: usize, tap: usize) -> Option<usize> {
        (position * self.stride + tap * self.dilation).checked_sub(self.before).filter(|&cell| cell < self.input)
    }

    /// The positions of the window at which `tap` lies on the image: from the first up to, without, the second.
    #[inline(always)]
    pub(crate) fn positions(&self, tap: usize) -> (usize, usize) {
        let offset = tap * self.dilation;
        let from = self.before.saturating_sub(offset).div_ceil(self.stride);
        let to = (self.before + self.input).saturating_sub(offset).div_ceil(self.stride);
        (from.min(self.output), to.min(self.output))
    }
}
