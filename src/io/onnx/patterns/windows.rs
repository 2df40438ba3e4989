//! Operators that go over an image: convolutions, pools, other sizes.

use super::{Read, first};
use crate::io::onnx::import::{Found, Walk};
use crate::spec::Spec;
use crate::spec::onnx::Node;

/// The settings of a window of this size that moves over an image.
fn window(node: &Node<'_>, spec: Spec, kernel: [usize; 2]) -> Read<Spec> {
    node.expect("auto_pad", node.text("auto_pad", "NOTSET")? == "NOTSET")?;
    let [above, left, below, right] = node.sizes("pads", 0)?;
    let spec = spec.set("kernel", kernel).set("stride", node.sizes::<2>("strides", 1)?);
    Ok(spec.set("dilation", node.sizes::<2>("dilations", 1)?).set("padding", [above, below, left, right]))
}

/// The error if the attribute that says the window's size again differs from the weight's sizes.
fn expect_kernel<const N: usize>(node: &Node<'_>, kernel: [usize; N]) -> Read<()> {
    let given: [usize; N] = node.sizes("kernel_shape", 0)?;
    let said = !node.ints("kernel_shape")?.is_empty();
    if said && given != kernel {
        return Err(format!("its operator {} has the kernel_shape {given:?} and weights of {kernel:?}", node.op));
    }
    Ok(())
}

/// A convolution, or a transposed one, of images.
pub(super) fn conv2d<'g>(walk: &Walk<'g>, node: &'g Node<'g>) -> Read<Found<'g>> {
    let dims = &walk.constant(node, 1)?.dims;
    let &[before, after, height, width] = &**dims else {
        return Err(format!("its operator {} has a weight of the sizes {dims:?}, not that of an image", node.op));
    };
    expect_kernel(node, [height, width])?;
    let groups = node.count("group", 1)?;
    let spec = if node.op == "Conv" {
        Spec::new("conv2d").set("inputs", after.saturating_mul(groups)).set("outputs", before)
    } else {
        node.expect("output_shape", node.ints("output_shape")?.is_empty())?;
        let spec = Spec::new("conv_transpose2d").set("inputs", before).set("outputs", after.saturating_mul(groups));
        spec.set("output_padding", node.sizes::<2>("output_padding", 0)?)
    };
    let spec = window(node, spec.set("groups", groups), [height, width])?;
    with_parameters(walk, node, spec, first(node), walk.numbers(node, 1)?)
}

fn with_parameters<'g>(
    walk: &Walk<'g>,
    node: &Node<'_>,
    spec: Spec,
    output: &'g str,
    weight: Vec<f64>,
) -> Read<Found<'g>> {
    let found = Found::layer(spec.set("bias", node.has(2)), output).with("weight", weight);
    Ok(if node.has(2) { found.with("bias", walk.numbers(node, 2)?) } else { found })
}

/// A convolution of sequences, between the transposes that put the features before the steps and back.
pub(super) fn conv1d<'g>(walk: &Walk<'g>, node: &'g Node<'g>) -> Read<Option<Found<'g>>> {
    let Some(back) = walk.only(first(node), "Transpose") else { return Ok(None) };
    let &[outputs, inputs, kernel] = &*walk.constant(node, 1)?.dims else { return Ok(None) };
    if back.ints("perm")? != [0, 2, 1] {
        return Ok(None);
    }
    node.expect("auto_pad", node.text("auto_pad", "NOTSET")? == "NOTSET")?;
    expect_kernel(node, [kernel])?;
    let weight = walk.numbers(node, 1)?;
    let groups = node.count("group", 1)?;
    let ([stride], [dilation]) = (node.sizes("strides", 1)?, node.sizes("dilations", 1)?);
    let [before, after] = node.sizes("pads", 0)?;
    let spec = Spec::new("conv1d").set("inputs", inputs.saturating_mul(groups)).set("outputs", outputs);
    let spec = spec.set("groups", groups).set("kernel", [kernel, 1]).set("stride", [stride, 1]);
    let spec = spec.set("dilation", [dilation, 1]).set("padding", [before, after, 0, 0]);
    let weight = reversed(&weight, [outputs, inputs, kernel]);
    with_parameters(walk, node, spec, first(back), weight).map(Some)
}

/// Cells around an image.
pub(super) fn pad(walk: &Walk<'_>, node: &Node<'_>) -> Read<Spec> {
    let mode = match &*node.text("mode", "constant")? {
        "constant" => "zero",
        "edge" => "replicate",
        "reflect" => "reflect",
        _ => return node.expect("mode", false).map(|()| Spec::new("")),
    };
    node.expect("constant_value or axes", !node.has(3) && (!node.has(2) || walk.number(node, 2)? == 0.0))?;
    let cells = walk.integers(node, 1)?;
    let count = |n: i64| usize::try_from(n).ok();
    match *cells {
        [0, 0, above, left, 0, 0, below, right] => {
            let cells: Option<Vec<usize>> = [above, below, left, right].into_iter().map(count).collect();
            let cells = cells.ok_or_else(|| "its operator Pad cuts off, which no layer here does".to_owned())?;
            Ok(Spec::new("pad2d").set("mode", mode).set("cells", cells))
        }
        _ => Err(format!("its operator Pad has the cells {cells:?}, not those around an image")),
    }
}

pub(super) fn pool<'g>(node: &'g Node<'g>) -> Read<Found<'g>> {
    let kind = if node.op == "MaxPool" { "max_pool2d" } else { "avg_pool2d" };
    let spec =
        window(node, Spec::new(kind), node.sizes("kernel_shape", 0)?)?.set("ceil", node.int("ceil_mode", 0)? == 1);
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

/// An array of three axes with the axes in reverse.
pub(super) fn reversed<T: Copy>(numbers: &[T], [a, b, c]: [usize; 3]) -> Vec<T> {
    let places = (0..c).flat_map(|k| (0..b).flat_map(move |j| (0..a).map(move |i| (i * b + j) * c + k)));
    places.map(|place| numbers[place]).collect()
}
