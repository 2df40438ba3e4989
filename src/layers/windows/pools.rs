//! The passes of pooling layers, and the checks of their windows: each must cover a pixel, and padding is at most half
//! the window.

use std::fmt::Debug;

use crate::kernels::window::{Axis, Padding, Window};
use crate::kernels::{flat, flat_mut, pool};
use crate::layer::{Backward, Pass};
use crate::{Error, Matrix, Result, Scalar, Shape};

/// The axes of the window of `layer` on images of this shape, if every position covers a pixel.
pub(in crate::layers) fn pool_axes(window: &Window, layer: &dyn Debug, input: Shape) -> Result<[Axis; 2]> {
    let axes = window.axes(|| format!("{layer:?}"), input)?;
    let [rows, columns] = axes;
    if rows.output.max(columns.output) == usize::MAX {
        return Ok(axes); // Exceeds every memory limit.
    }
    let planes = [rows.input.saturating_mul(columns.input), rows.output.saturating_mul(columns.output)];
    if planes.iter().any(|&pixels| u32::try_from(pixels).is_err()) {
        let wants = "images of fewer than 2^32 pixels, and as many windows".into();
        return Err(Error::Input { layer: format!("{layer:?}"), wants, got: input });
    }
    for axis in axes {
        let padding = axis.before.max(axis.after);
        if padding > axis.span() / 2 {
            let what = format!("the padding of {layer:?}");
            return Err(Error::Setting { what, wants: "at most half of its window", got: padding as f64 });
        }
        // With a dilation larger than the image, all taps may lie outside it.
        let covers = |position| axis.taps(position).next().is_some_and(|tap| axis.cell(position, tap).is_some());
        if axis.dilation > axis.input && padding > 0 && !(0..axis.output).all(covers) {
            let wants =
                format!("images with a pixel in every window, but one has padding only (dilation {})", axis.dilation);
            return Err(Error::Input { layer: format!("{layer:?}"), wants, got: input });
        }
    }
    Ok(axes)
}

/// Like [`pool_axes`], for windows on sequences.
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

/// A single window that covers an entire image or sequence.
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

/// The output shape of windows on these axes.
pub(in crate::layers) fn pooled([rows, columns]: [Axis; 2], input: Shape) -> Shape {
    match input {
        Shape::Image { channels, .. } => [channels, rows.output, columns.output].into(),
        _ => [rows.output, columns.output].into(),
    }
}

/// The forward pass of max pooling. The positions of the maxima are kept only for a backward pass.
pub(in crate::layers) fn max_forward<A: Scalar>(
    axes: [Axis; 2],
    x: &Matrix<A>,
    y: &mut Matrix<A>,
    pass: &mut Pass<'_>,
) {
    if pass.recording {
        pool::max(axes, flat(x), flat_mut(y), pass.cache.get());
    } else {
        pool::max_values(axes, flat(x), flat_mut(y));
    }
}

/// The backward pass of max pooling.
///
/// # Errors
/// [`Error::Order`] if no forward pass kept the positions.
pub(in crate::layers) fn max_backward<A: Scalar>(
    axes: [Axis; 2],
    at: Backward<'_, A>,
    pass: &mut Pass<'_>,
) -> Result<()> {
    let indices = pass.cache.get::<Vec<u32>>();
    expect_cached(indices.len() == at.dy.len())?;
    if let Some(dx) = at.dx {
        pool::max_gradient(axes, indices, flat(at.dy), flat_mut(dx));
    }
    Ok(())
}

/// The forward pass of average pooling, which includes padding if `counts_padding`.
pub(in crate::layers) fn mean_forward<A: Scalar>(
    axes: [Axis; 2],
    counts_padding: bool,
    x: &Matrix<A>,
    y: &mut Matrix<A>,
    pass: &mut Pass<'_>,
) {
    let divisors = pass.cache.get::<Vec<A>>();
    pool::divisors(axes, counts_padding, divisors);
    pool::mean(axes, divisors, flat(x), flat_mut(y));
}

/// The backward pass of average pooling.
///
/// # Errors
/// [`Error::Order`] if no forward pass kept the divisors of the means.
pub(in crate::layers) fn mean_backward<A: Scalar>(
    axes: [Axis; 2],
    at: Backward<'_, A>,
    pass: &mut Pass<'_>,
) -> Result<()> {
    let divisors = pass.cache.get::<Vec<A>>();
    expect_cached(divisors.len() == axes[0].output * axes[1].output)?;
    if let Some(dx) = at.dx {
        pool::mean_gradient(axes, divisors, flat(at.dy), flat_mut(dx));
    }
    Ok(())
}

fn expect_cached(cached: bool) -> Result<()> {
    let error = Error::Order { call: "backward", needs: "a recording `forward` of as many samples" };
    if cached { Ok(()) } else { Err(error) }
}
