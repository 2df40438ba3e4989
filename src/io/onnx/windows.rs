//! Layers with windows that move over images or steps, and others that change an image's sizes.

use super::export::{At, Export, ints};
use super::graph::Attribute::{Int, Ints, Text};
use crate::spec::Setting;
use crate::spec::onnx::Tensor;
use crate::{Result, Shape};

/// The window's padding as ONNX has it: lines above, columns left, lines below, columns right.
fn pads(at: &At) -> Result<[usize; 4]> {
    let spec = &at.spec;
    if spec.get("padding") != Some(&Setting::Text("same".into())) {
        let [above, below, left, right] = spec.counts("padding")?;
        return Ok([above, left, below, right]);
    }
    let (height, width) = match at.input {
        Shape::Image { height, width, .. } => (height, width),
        Shape::Sequence { steps, features } => (steps, features),
        Shape::Flat(features) => (1, features),
    };
    let [kernel, stride, dilation] = [spec.counts::<2>("kernel")?, spec.counts("stride")?, spec.counts("dilation")?];
    let [rows, columns] = [(height, 0), (width, 1)].map(|(input, i): (usize, usize)| {
        let last = (input.div_ceil(stride[i]).max(1) - 1) * stride[i];
        let total = (last + dilation[i] * (kernel[i] - 1) + 1).saturating_sub(input);
        [total / 2, total - total / 2]
    });
    Ok([rows[0], columns[0], rows[1], columns[1]])
}

/// The bias of a convolution as an input; nothing if it has none.
fn bias(e: &mut Export, at: &At) -> Result<Option<String>> {
    if at.has("bias") { at.constant(e, "bias", at.parameter("bias")?.0).map(Some) } else { Ok(None) }
}

pub(super) fn conv2d(e: &mut Export, at: &At) -> Result<()> {
    let (spec, weight) = (&at.spec, at.constant(e, "weight", at.parameter("weight")?.0)?);
    let bias = bias(e, at)?;
    let attributes = [
        ("kernel_shape", ints(spec.counts::<2>("kernel")?)),
        ("strides", ints(spec.counts::<2>("stride")?)),
        ("dilations", ints(spec.counts::<2>("dilation")?)),
        ("pads", ints(pads(at)?)),
        ("group", Int(spec.count("groups")? as i64)),
    ];
    let inputs: Vec<&str> = std::iter::once(&*weight).chain(bias.as_deref()).collect();
    e.then("Conv", &inputs, attributes);
    Ok(())
}

/// ONNX wants the features before the steps, and the weights' three axes in reverse.
pub(super) fn conv1d(e: &mut Export, at: &At) -> Result<()> {
    let (spec, (sizes, numbers)) = (&at.spec, at.parameter("weight")?);
    let &[kernel, inputs, outputs] = sizes else { return Ok(()) };
    let turned = reversed(numbers, [kernel, inputs, outputs]);
    let weight = e.constant(at.name("weight"), Tensor::floats(&[outputs, inputs, kernel], turned));
    let bias = bias(e, at)?;
    let [before, _, after, _] = pads(at)?;
    let attributes = [
        ("kernel_shape", ints([kernel])),
        ("strides", ints([spec.counts::<2>("stride")?[0]])),
        ("dilations", ints([spec.counts::<2>("dilation")?[0]])),
        ("pads", ints([before, after])),
        ("group", Int(spec.count("groups")? as i64)),
    ];
    let inputs: Vec<&str> = std::iter::once(&*weight).chain(bias.as_deref()).collect();
    e.then("Transpose", &[], [("perm", Ints(vec![0, 2, 1]))]);
    e.then("Conv", &inputs, attributes);
    e.then("Transpose", &[], [("perm", Ints(vec![0, 2, 1]))]);
    Ok(())
}

/// An array of three axes with the axes in reverse.
pub(super) fn reversed<T: Copy>(numbers: &[T], [a, b, c]: [usize; 3]) -> Vec<T> {
    let places = (0..c).flat_map(|k| (0..b).flat_map(move |j| (0..a).map(move |i| (i * b + j) * c + k)));
    places.map(|place| numbers[place]).collect()
}

pub(super) fn conv_transpose2d(e: &mut Export, at: &At) -> Result<()> {
    let Shape::Image { height, width, .. } = at.input else { return Ok(()) };
    let (spec, weight) = (&at.spec, at.constant(e, "weight", at.parameter("weight")?.0)?);
    let bias = bias(e, at)?;
    let [kernel, stride, dilation] = [spec.counts::<2>("kernel")?, spec.counts("stride")?, spec.counts("dilation")?];
    let mut more = spec.counts::<2>("output_padding")?;
    let [above, below, left, right] = if spec.get("padding") == Some(&Setting::Text("same".into())) {
        let mut cut = [[0; 2]; 2];
        for (i, n) in [height, width].into_iter().enumerate() {
            // What is cut off of n·stride pixels or more, or added to fewer.
            let all = (n - 1) * stride[i] + dilation[i] * (kernel[i] - 1) + 1 + more[i];
            let total = all.saturating_sub(n * stride[i]);
            cut[i] = [total / 2, total - total / 2];
            more[i] += (n * stride[i]).saturating_sub(all);
        }
        [cut[0][0], cut[0][1], cut[1][0], cut[1][1]]
    } else {
        spec.counts("padding")?
    };
    let attributes = [
        ("kernel_shape", ints(kernel)),
        ("strides", ints(stride)),
        ("dilations", ints(dilation)),
        ("pads", ints([above, left, below, right])),
        ("output_padding", ints(more)),
        ("group", Int(spec.count("groups")? as i64)),
    ];
    let inputs: Vec<&str> = std::iter::once(&*weight).chain(bias.as_deref()).collect();
    e.then("ConvTranspose", &inputs, attributes);
    Ok(())
}

pub(super) fn pool(e: &mut Export, at: &At) -> Result<()> {
    let spec = &at.spec;
    let attributes = [
        ("kernel_shape", ints(spec.counts::<2>("kernel")?)),
        ("strides", ints(spec.counts::<2>("stride")?)),
        ("dilations", ints(spec.counts::<2>("dilation")?)),
        ("pads", ints(pads(at)?)),
        ("ceil_mode", Int(spec.flag("ceil")?.into())),
    ];
    if spec.kind().starts_with("max") {
        e.then("MaxPool", &[], attributes);
    } else {
        let [a, b, c, d, f] = attributes;
        let counts = Int(spec.flag("counts_padding")?.into());
        e.then("AveragePool", &[], [a, b, c, d, f, ("count_include_pad", counts)]);
    }
    Ok(())
}
