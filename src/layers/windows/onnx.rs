//! Convolution and pooling layers as ONNX operators.

use crate::kernels::window::Axis;
use crate::spec::onnx::Attribute::Int;
use crate::spec::onnx::{Attribute, Operators};
use crate::{Result, Shape};

/// The name of an attribute and its value.
type Named = (&'static str, Attribute<'static>);

/// The attributes of a window on these axes. Padding lists the starts of all axes, then the ends.
pub(in crate::layers) fn window_attributes<const N: usize>(axes: [Axis; N]) -> [Named; 4] {
    let pads = axes.iter().map(|axis| axis.before).chain(axes.iter().map(|axis| axis.after));
    [
        ("kernel_shape", Attribute::sizes(axes.map(|axis| axis.kernel))),
        ("strides", Attribute::sizes(axes.map(|axis| axis.stride))),
        ("dilations", Attribute::sizes(axes.map(|axis| axis.dilation))),
        ("pads", Attribute::sizes(pads)),
    ]
}

/// The number of groups of a convolution, as an attribute.
pub(in crate::layers) fn group_attribute(groups: usize) -> Named {
    ("group", Int(groups as i64))
}

/// Adds a convolution with this weight, and the layer's bias if any.
pub(in crate::layers) fn convolve<const N: usize>(
    operators: &mut Operators,
    op: &str,
    weight: &str,
    attributes: [Named; N],
) -> Result<()> {
    let bias = if operators.has("bias") { Some(operators.parameter_constant("bias", None)?) } else { None };
    let inputs: Vec<&str> = std::iter::once(weight).chain(bias.as_deref()).collect();
    operators.then(op, &inputs, attributes);
    Ok(())
}

/// Adds max pooling.
pub(in crate::layers) fn max_pool(operators: &mut Operators, axes: [Axis; 2], ceil: bool) {
    pool(operators, "MaxPool", pool_attributes(axes, ceil));
}

/// Adds average pooling.
pub(in crate::layers) fn avg_pool(operators: &mut Operators, axes: [Axis; 2], ceil: bool, counts_padding: bool) {
    let [kernel, strides, dilations, pads, ceil] = pool_attributes(axes, ceil);
    let counts = ("count_include_pad", Int(counts_padding.into()));
    pool(operators, "AveragePool", [kernel, strides, dilations, pads, ceil, counts]);
}

fn pool_attributes(axes: [Axis; 2], ceil: bool) -> [Named; 5] {
    let [kernel, strides, dilations, pads] = window_attributes(axes);
    [kernel, strides, dilations, pads, ("ceil_mode", Int(ceil.into()))]
}

/// Adds a pooling operator. A sequence is reshaped to an image of one channel, with the steps as rows, and back.
fn pool<const N: usize>(operators: &mut Operators, op: &str, attributes: [Named; N]) {
    let Shape::Sequence { features, .. } = operators.input() else {
        return operators.then(op, &[], attributes);
    };
    let sizes = operators.integers(&[0, 1, -1, features as i64]);
    operators.then("Reshape", &[&sizes], []);
    operators.then(op, &[], attributes);
    let sizes = operators.integers(&[0, -1, features as i64]);
    operators.then("Reshape", &[&sizes], []);
}
