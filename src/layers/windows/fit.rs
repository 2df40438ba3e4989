//! Checks that windows fit the input of a layer.

use crate::kernels::window::{Axis, Window};
use crate::{Error, Result, Shape};

impl Window {
    /// Rejects settings that must not be 0.
    pub(in crate::layers) fn check(&self, layer: impl Fn() -> String) -> Result<()> {
        let settings = [("kernel", self.kernel), ("stride", self.stride), ("dilation", self.dilation)];
        for (name, value) in settings {
            if value.contains(&0) {
                let what = format!("the {name} of {}", layer());
                return Err(Error::Setting { what, wants: "at least 1", got: 0.0 });
            }
        }
        Ok(())
    }

    /// The axes of the window on images of this shape; `layer` is named in errors.
    pub(in crate::layers) fn axes(&self, layer: impl Fn() -> String, input: Shape) -> Result<[Axis; 2]> {
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
        // The padded image plus one window on each side, in bytes of f64.
        let side = |axis: Axis| axis.padded().checked_add(2 * axis.span());
        let cells = side(rows).and_then(|h| h.checked_mul(side(columns)?)).and_then(|c| c.checked_mul(channels));
        if cells.is_none_or(|cells| cells > isize::MAX as usize / 64) {
            return Err(too_large());
        }
        Ok(axes)
    }
}
