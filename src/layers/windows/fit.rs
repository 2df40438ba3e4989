//! Checks that windows fit the input of a layer.

use std::fmt::Debug;

use crate::kernels::window::{Axis, Window};
use crate::{Error, Result, Shape};

/// The error of a convolution for an input that is not an image with `channels` channels.
pub(in crate::layers) fn not_image_of(channels: usize, layer: &dyn Debug, input: Shape) -> Error {
    let advice = if matches!(input, Shape::Flat(_)) { " (put a Reshape before it)" } else { "" };
    let wants = format!("images [{channels}, height, width]{advice}");
    Error::Input { layer: format!("{layer:?}"), wants, got: input }
}

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
        let Shape::Image { height, width, .. } = input else {
            return Err(Error::Input { layer: layer(), wants: "images [channels, height, width]".into(), got: input });
        };
        let axes = [self.axis(0, height), self.axis(1, width)];
        let [rows, columns] = axes;
        if rows.output == 0 || columns.output == 0 {
            let [least_height, least_width] = axes.map(|axis| axis.least());
            let wants = format!(
                "images of at least {least_height} x {least_width} pixels for its window of {} x {} and its \
                 padding of {} x {}",
                rows.span(),
                columns.span(),
                rows.before.saturating_add(rows.after),
                columns.before.saturating_add(columns.after)
            );
            return Err(Error::Input { layer: layer(), wants, got: input });
        }
        Ok(axes)
    }
}
