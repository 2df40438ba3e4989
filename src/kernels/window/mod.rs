//! [`Window`]: the positions of a window on an image.

mod axis;
mod padding;

pub(crate) use axis::Axis;
pub use padding::Padding;

/// The windows of convolution and pooling layers: kernel, stride, dilation and padding, each for rows and columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub dilation: [usize; 2],
    pub padding: Padding,
    /// Rounds up: a last window that starts in the image, or in the padding before it, may extend past the padding
    /// after it.
    pub ceil: bool,
}

impl Window {
    /// Whether what is before and after the windows depends on the size of the input.
    pub(crate) fn depends_on_size(&self) -> bool {
        self.ceil || (self.padding == Padding::Same && self.stride[0] > 1)
    }

    /// A window without dilation or padding.
    pub(crate) fn new(kernel: [usize; 2], stride: [usize; 2]) -> Self {
        Self { kernel, stride, dilation: [1, 1], padding: Padding::NONE, ceil: false }
    }

    /// The window on an axis of length `input`, of rows (0) or columns (1). The output is 0 if the window does not fit,
    /// and `usize::MAX`, which exceeds every memory limit, if a size overflows.
    pub(crate) fn axis(&self, i: usize, input: usize) -> Axis {
        self.counted(i, input).unwrap_or(Axis { input, output: usize::MAX, ..self.bare(i) })
    }

    fn counted(&self, i: usize, input: usize) -> Option<Axis> {
        let Axis { stride, .. } = self.bare(i);
        let span = self.span(i)?;
        let (before, after) = match self.padding {
            Padding::Each(padding) => (padding[i][0], padding[i][1]),
            Padding::Same => {
                let last = (input.div_ceil(stride).max(1) - 1) * stride;
                let total = last.checked_add(span)?.saturating_sub(input);
                (total / 2, total - total / 2)
            }
        };
        let padded = input.checked_add(before)?.checked_add(after)?;
        let output = match padded.checked_sub(span) {
            _ if input == 0 => 0,
            None => 0,
            Some(room) if self.ceil => {
                let output = room.div_ceil(stride) + 1;
                // A window that would start in the padding after the image is excluded.
                if (output - 1).checked_mul(stride)? >= input + before { output - 1 } else { output }
            }
            Some(room) => room / stride + 1,
        };
        // A window may extend past the padding.
        padded.checked_add(span)?;
        Some(Axis { before, after, input, output, ..self.bare(i) })
    }

    /// The axis on which the window has `output` positions, with output padding `more`: the result of a transposed
    /// convolution of `output` pixels. The input is 0 if the padding crops everything, and `usize::MAX` if a size
    /// overflows.
    pub(crate) fn transposed_axis(&self, i: usize, output: usize, more: usize) -> Axis {
        self.counted_transposed(i, output, more).unwrap_or(Axis { input: usize::MAX, output, ..self.bare(i) })
    }

    fn counted_transposed(&self, i: usize, output: usize, more: usize) -> Option<Axis> {
        let Axis { stride, .. } = self.bare(i);
        let all = (output - 1).checked_mul(stride)?.checked_add(self.span(i)?)?.checked_add(more)?;
        let (before, after, input) = match self.padding {
            Padding::Each(padding) => {
                let [before, after] = padding[i];
                (before, after, all.saturating_sub(before.checked_add(after)?))
            }
            Padding::Same => {
                let input = output.checked_mul(stride)?;
                let total = all.saturating_sub(input);
                (total / 2, total - total / 2, input)
            }
        };
        before.checked_add(after)?.checked_add(input)?;
        Some(Axis { before, after, input, output, ..self.bare(i) })
    }

    /// The settings of an axis, without an image.
    fn bare(&self, i: usize) -> Axis {
        let (kernel, stride, dilation) = (self.kernel[i], self.stride[i], self.dilation[i]);
        Axis { kernel, stride, dilation, before: 0, after: 0, input: 0, output: 0 }
    }

    /// The extent of a window, with dilation.
    fn span(&self, i: usize) -> Option<usize> {
        self.dilation[i].checked_mul(self.kernel[i] - 1)?.checked_add(1)
    }
}
