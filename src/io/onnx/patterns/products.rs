//! Products with a matrix, and sums and products with one number for each feature.

use super::{Read, first};
use crate::Shape;
use crate::io::onnx::import::{Found, Walk};
use crate::layers::AdaptiveAvgPool2d;
use crate::spec::Spec;
use crate::spec::onnx::Node;

pub(super) fn dense(inputs: usize, outputs: usize, bias: bool) -> Spec {
    Spec::new("dense").set("inputs", inputs).set("outputs", outputs).set("bias", bias)
}

pub(super) fn matrix(walk: &Walk<'_>, node: &Node<'_>) -> Read<[usize; 2]> {
    let dims = &walk.constant(node, 1)?.dims;
    dims.as_slice().try_into().map_err(|_| format!("the weight of its operator {} has the sizes {dims:?}", node.op))
}

pub(super) fn gemm<'g>(walk: &Walk<'g>, node: &'g Node<'g>) -> Read<Found<'g>> {
    node.expect("alpha", node.float("alpha", 1.0)? == 1.0)?;
    node.expect("beta", node.float("beta", 1.0)? == 1.0)?;
    node.expect("transA", node.int("transA", 0)? == 0)?;
    let ([rows, columns], mut weight) = (matrix(walk, node)?, walk.numbers(node, 1)?);
    let turned = node.int("transB", 0)? == 1;
    let (inputs, outputs) = if turned { (columns, rows) } else { (rows, columns) };
    if turned {
        weight = (0..inputs).flat_map(|i| weight.iter().skip(i).step_by(inputs).copied()).collect();
    }
    let found = Found::layer(dense(inputs, outputs, node.has(2)), first(node)).with("weight", weight);
    Ok(if node.has(2) { found.with("bias", walk.per_channel(node, 2)?) } else { found })
}

/// A product of an image's lines, and one of its columns: the means of regions.
pub(super) fn regions<'g>(walk: &Walk<'g>, across: &'g Node<'g>) -> Read<Option<Found<'g>>> {
    let Shape::Image { height, width, .. } = walk.shape else { return Ok(None) };
    let Some(down) = walk.only(first(across), "MatMul") else { return Ok(None) };
    let ([_, columns], Ok(&[lines, _])) = (matrix(walk, across)?, walk.constant(down, 0).map(|down| &*down.dims))
    else {
        return Ok(None);
    };
    let numbers = [walk.numbers(across, 1)?, walk.numbers(down, 0)?];
    // Sizes that are there, before they are multiplied.
    if [width.checked_mul(columns), lines.checked_mul(height)] != [numbers[0].len(), numbers[1].len()].map(Some) {
        return Ok(None);
    }
    let [wide, high] = AdaptiveAvgPool2d::new([lines, columns]).region_weights([height, width]);
    let same = |got: &[f64], want: &[f32]| got.iter().zip(want).all(|(&got, &want)| got == f64::from(want));
    across.expect("B", same(&numbers[0], &wide) && same(&numbers[1], &high))?;
    let spec = Spec::new("adaptive_avg_pool2d").set("output", [lines, columns]);
    Ok(Some(Found::layer(spec, first(down))))
}

pub(super) fn matmul<'g>(walk: &Walk<'g>, node: &'g Node<'g>) -> Read<Found<'g>> {
    let ([inputs, outputs], weight) = (matrix(walk, node)?, walk.numbers(node, 1)?);
    // A bias may be on either side of the sum.
    let sum = walk.only(first(node), "Add");
    let bias = sum.and_then(|sum| {
        let side = usize::from(sum.inputs.first().map(String::as_str) == Some(first(node)));
        let bias = walk.per_channel(sum, side).ok().filter(|bias| bias.len() == outputs)?;
        Some((first(sum), bias))
    });
    let found = |bias, output| Found::layer(dense(inputs, outputs, bias), output).with("weight", weight);
    Ok(match bias {
        Some((output, bias)) => found(true, output).with("bias", bias),
        None => found(false, first(node)),
    })
}

/// (x - shift)·scale.
pub(super) fn rescaled<'g>(walk: &Walk<'g>, node: &'g Node<'g>) -> Read<Option<Found<'g>>> {
    let Some(end) = walk.only(first(node), "Mul") else { return Ok(None) };
    let (shift, scale) = (walk.per_channel(node, 1)?, walk.per_channel(end, 1)?);
    let spec = Spec::new("rescale").set("features", shift.len());
    Ok((shift.len() == scale.len()).then(|| Found::layer(spec, first(end)).with("shift", shift).with("scale", scale)))
}

/// A sum with a constant for each step.
pub(super) fn positions<'g>(walk: &Walk<'g>, node: &'g Node<'g>, masked: bool) -> Read<Option<Found<'g>>> {
    let Ok(&[steps, features]) = walk.constant(node, 1).map(|codes| &*codes.dims) else { return Ok(None) };
    let spec = Spec::new("learned_positions").set("steps", steps).set("features", features).set("masked", masked);
    Ok(Some(Found::layer(spec, first(node)).with("weight", walk.numbers(node, 1)?)))
}
