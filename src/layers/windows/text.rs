//! The `Debug` text of convolution and pooling layers.

use std::fmt;

use crate::kernels::window::{Padding, Window};

/// The kernel and non-default settings: `3x3, stride 2x2, padding 1x1`.
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

/// Writes the settings of a window on sequences; a stride of 1 only if `stride_of_one`.
pub(in crate::layers) fn write_steps(f: &mut fmt::Formatter<'_>, window: &Window, stride_of_one: bool) -> fmt::Result {
    write!(f, "{}", window.kernel[0])?;
    if window.stride[0] != 1 || stride_of_one {
        write!(f, ", stride {}", window.stride[0])?;
    }
    match window.padding {
        Padding::NONE => {}
        Padding::Same => f.write_str(", padding same")?,
        Padding::Each([[before, after], _]) if before == after => write!(f, ", padding {before}")?,
        Padding::Each([[before, after], _]) => write!(f, ", padding {before}+{after}")?,
    }
    if window.dilation[0] != 1 {
        write!(f, ", dilation {}", window.dilation[0])?;
    }
    f.write_str(if window.ceil { ", rounded up" } else { "" })
}

/// Writes the end of a convolution's settings.
pub(in crate::layers) fn write_end(f: &mut fmt::Formatter<'_>, groups: usize, bias: bool) -> fmt::Result {
    if groups > 1 {
        write!(f, ", {groups} groups")?;
    }
    f.write_str(if bias { ")" } else { ", no bias)" })
}
