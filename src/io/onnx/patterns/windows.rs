//! Operators that go over an image: convolutions, pools, other sizes.

use super::{Read, first};
use crate::io::onnx::graph::Node;
use crate::io::onnx::import::{Found, Walk};
use crate::spec::Spec;

/// The settings of a window that moves over an image.
pub(super) fn window(node: &Node<'_>, spec: Spec) -> Read<Spec> {
    node.expect("auto_pad", node.text("auto_pad", "NOTSET")? == "NOTSET")?;
    let [above, left, below, right] = node.sizes("pads", 0)?;
    let spec = spec.set("kernel", node.sizes::<2>("kernel_shape", 0)?).set("stride", node.sizes::<2>("strides", 1)?);
    Ok(spec.set("dilation", node.sizes::<2>("dilations", 1)?).set("padding", [above, below, left, right]))
}

pub(super) fn convolution<'g>(walk: &Walk<'g>, node: &'g Node<'g>) -> Read<Found<'g>> {
    let dims = &walk.constant(node, 1)?.dims;
    let &[outputs, inputs, _, _] = &**dims else {
        return Err(format!("its operator Conv has a weight of the sizes {dims:?}, not that of an image"));
    };
    let groups = node.int("group", 1)?.unsigned_abs() as usize;
    let spec = Spec::new("conv2d").set("inputs", inputs.saturating_mul(groups)).set("outputs", outputs);
    let spec = window(node, spec.set("groups", groups))?.set("bias", node.has(2));
    let found = Found::layer(spec, first(node)).with("weight", walk.numbers(node, 1)?);
    Ok(if node.has(2) { found.with("bias", walk.numbers(node, 2)?) } else { found })
}

pub(super) fn pool<'g>(node: &'g Node<'g>) -> Read<Found<'g>> {
    let kind = if node.op == "MaxPool" { "max_pool2d" } else { "avg_pool2d" };
    let spec = window(node, Spec::new(kind))?.set("ceil", node.int("ceil_mode", 0)? == 1);
    let counts = node.int("count_include_pad", 0)? == 1;
    Ok(Found::layer(if kind == "max_pool2d" { spec } else { spec.set("counts_padding", counts) }, first(node)))
}

pub(super) fn upsample(walk: &Walk<'_>, node: &Node<'_>) -> Read<Spec> {
    let bilinear = match &*node.text("mode", "nearest")? {
        "nearest" => false,
        "linear" => true,
        _ => return node.expect("mode", false).map(|()| Spec::new("")),
    };
    let coordinates = node.text("coordinate_transformation_mode", "half_pixel")?;
    let rounded = node.text("nearest_mode", "round_prefer_floor")?;
    let known =
        if bilinear { coordinates.ends_with("half_pixel") } else { coordinates == "asymmetric" && rounded == "floor" };
    node.expect("coordinate_transformation_mode or nearest_mode", known)?;
    let scales = walk.numbers(node, 2)?;
    let whole = |scale: f64| scale >= 1.0 && scale.fract() == 0.0 && scale < 1e9;
    match *scales {
        [1.0, 1.0, down, across] if whole(down) && whole(across) => {
            Ok(Spec::new("upsample").set("scale", [down as usize, across as usize]).set("bilinear", bilinear))
        }
        _ => Err(format!("its operator Resize has the scales {scales:?}, not whole ones of lines and columns")),
    }
}
