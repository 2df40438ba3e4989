//! The windows of pools: each must see a pixel, and its padding is at most half of it.

use std::fmt::Debug;

use crate::kernels::window::{Axis, Padding, Window};
use crate::{Error, Result, Shape};

/// How the windows of `layer` lie on images of this shape, if each of them sees a pixel.
pub(in crate::layers) fn pool_axes(window: &Window, layer: &dyn Debug, input: Shape) -> Result<[Axis; 2]> {
    let axes = window.axes(|| format!("{layer:?}"), input)?;
    for axis in axes {
        let padding = axis.before.max(axis.after);
        if padding > axis.span() / 2 {
            let what = format!("the padding of {layer:?}");
            return Err(Error::Setting { what, wants: "at most half of its window", got: padding as f64 });
        }
        // Taps further apart than the image is wide may all lie beside it.
        let sees = |position| (0..axis.kernel).any(|tap| axis.cell(position, tap).is_some());
        if axis.dilation > axis.input && padding > 0 && !(0..axis.output).all(sees) {
            let wants =
                format!("images that all its windows see, not padding only (its dilation is {})", axis.dilation);
            return Err(Error::Input { layer: format!("{layer:?}"), wants, got: input });
        }
    }
    if u32::try_from(axes[0].input * axes[1].input).is_err() {
        let wants = "images of fewer than 2^32 pixels".into();
        return Err(Error::Input { layer: format!("{layer:?}"), wants, got: input });
    }
    Ok(axes)
}

/// As [`pool_axes`], for a window that moves over the steps of sequences.
pub(in crate::layers) fn pool_axes_of_steps(window: &Window, layer: &dyn Debug, input: Shape) -> Result<[Axis; 2]> {
    let wrong = |wants: String| Error::Input { layer: format!("{layer:?}"), wants, got: input };
    let Shape::Sequence { steps, features } = input else {
        return Err(wrong("sequences [steps, features]".into()));
    };
    pool_axes(window, layer, [1, steps, features].into()).map_err(|error| {
        let Padding::Each([[before, after], _]) = window.padding else { return error };
        let span = window.dilation[0].saturating_mul(window.kernel[0].saturating_sub(1)).saturating_add(1);
        let least = span.saturating_sub(before.saturating_add(after)).max(1);
        match error {
            Error::Input { .. } if steps < least => wrong(format!("sequences of at least {least} steps")),
            Error::Input { .. } if features == 0 => wrong("sequences of at least one feature".into()),
            Error::Input { wants, .. } => wrong(wants.replace("images", "sequences")),
            other => other,
        }
    })
}

/// One window on all of an image, or on all steps of a sequence.
pub(in crate::layers) fn whole(layer: &dyn Debug, input: Shape) -> Result<[Axis; 2]> {
    match input {
        Shape::Image { height, width, .. } if input.len() > 0 => {
            pool_axes(&Window::new([height, width], [1, 1]), layer, input)
        }
        Shape::Sequence { steps, .. } if input.len() > 0 => {
            pool_axes_of_steps(&Window::new([steps, 1], [1, 1]), layer, input)
        }
        _ => {
            let wants = "images or sequences that are not empty".into();
            Err(Error::Input { layer: format!("{layer:?}"), wants, got: input })
        }
    }
}

/// The shape of a sample after windows that lie so.
pub(in crate::layers) fn pooled([rows, columns]: [Axis; 2], input: Shape) -> Shape {
    match input {
        Shape::Image { channels, .. } => [channels, rows.output, columns.output].into(),
        _ => [rows.output, columns.output].into(),
    }
}
