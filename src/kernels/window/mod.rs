//! [`Window`]: where a window that moves over the rows and columns of an image lies, and whether it fits.

mod padding;

use std::fmt;

pub use padding::Padding;

use crate::{Error, Result, Shape};

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

    /// The error for a setting of 0 where none can be.
    pub(crate) fn check(&self, layer: impl Fn() -> String) -> Result<()> {
        let settings = [("kernel", self.kernel), ("stride", self.stride), ("dilation", self.dilation)];
        for (name, value) in settings {
            if value.contains(&0) {
                let what = format!("the {name} of {}", layer());
                return Err(Error::Setting { what, wants: "at least 1", got: 0.0 });
            }
        }
        Ok(())
    }

    /// How the window lies on images of this shape; `layer` is whose window it is.
    pub(crate) fn axes(&self, layer: impl Fn() -> String, input: Shape) -> Result<[Axis; 2]> {
        self.check(&layer)?;
        let Shape::Image { channels, height, width } = input else {
            return Err(Error::Input { layer: layer(), wants: "images [channels, height, width]".into(), got: input });
        };
        let too_large = || Error::Input {
            layer: layer(),
            wants: "images whose padded size and window can be counted (something overflows here)".into(),
            got: input,
        };
        let [rows, columns] = [self.axis(0, height), self.axis(1, width)];
        let axes = [rows.ok_or_else(too_large)?, columns.ok_or_else(too_large)?];
        let [rows, columns] = axes;
        if rows.output == 0 || columns.output == 0 {
            let [least_height, least_width] = axes.map(|axis| axis.least());
            let wants = format!(
                "images of at least {least_height} x {least_width} pixels (its window is {} x {} with {} x {} cells of padding)",
                rows.span(),
                columns.span(),
                rows.before + rows.after,
                columns.before + columns.after
            );
            return Err(Error::Input { layer: layer(), wants, got: input });
        }
        // The padded image with room for a window more on each side, in bytes of f64.
        let side = |axis: Axis| axis.padded().checked_add(2 * axis.span());
        let cells = side(rows).and_then(|h| h.checked_mul(side(columns)?)).and_then(|c| c.checked_mul(channels));
        if cells.is_none_or(|cells| cells > isize::MAX as usize / 64) {
            return Err(too_large());
        }
        Ok(axes)
    }

    /// `None` if a size overflows. The output is 0 if the window does not fit.
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

/// What differs from a window that steps by one over an image without padding: `3x3, stride 2x2, padding 1x1`.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pair = |[a, b]: [usize; 2]| format!("{a}x{b}");
        f.write_str(&pair(self.kernel))?;
        if self.stride != [1, 1] {
            write!(f, ", stride {}", pair(self.stride))?;
        }
        match self.padding {
            Padding::NONE => {}
            Padding::Same => f.write_str(", padding same")?,
            Padding::Each([[a, b], [c, d]]) if a == b && c == d => write!(f, ", padding {}", pair([a, c]))?,
            Padding::Each([[a, b], [c, d]]) => write!(f, ", padding {a}+{b} x {c}+{d}")?,
        }
        if self.dilation != [1, 1] {
            write!(f, ", dilation {}", pair(self.dilation))?;
        }
        f.write_str(if self.ceil { ", rounded up" } else { "" })
    }
}
