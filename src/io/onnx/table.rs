//! How each kind of layer is written with ONNX's operators: one arm a kind.

use super::export::{At, Export, channel_axis, dims, ints};
use super::graph::Attribute::{Float, Int, Ints, Text};
use super::windows::pool;
use super::windows;
use crate::spec::Spec;
use crate::spec::onnx::{INT64, Tensor};
use crate::{Result, Shape};

/// Writes a layer; `false` if there is no way to.
pub(super) fn write(e: &mut Export, at: &At) -> Result<bool> {
    match at.spec.kind() {
        "conv1d" => windows::conv1d(e, at)?,
        "conv2d" => windows::conv2d(e, at)?,
        "conv_transpose2d" => windows::conv_transpose2d(e, at)?,
        "max_pool1d" | "avg_pool1d" => {
            // The steps are lines of an image, whose columns the window leaves apart.
            let Shape::Sequence { steps, features } = at.input else { return Ok(false) };
            e.reshape(at.input, [1, steps, features].into());
            pool(e, at)?;
            let sizes = e.integers(&[0, -1, features as i64]);
            e.then("Reshape", &[&sizes], []);
        }
        "max_pool2d" | "avg_pool2d" => pool(e, at)?,
        _ => return Ok(false),
    }
    Ok(true)
}
