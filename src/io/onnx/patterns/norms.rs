//! Operators that bring numbers to mean 0 and variance 1.

use super::shapes::shape_of;
use super::{Read, first};
use crate::Shape;
use crate::io::onnx::import::{Found, Walk};
use crate::spec::Spec;
use crate::spec::onnx::Node;
use crate::spec::onnx::dims;

pub(super) fn batch_norm(channels: usize, eps: f64) -> Spec {
    Spec::new("batch_norm").set("channels", channels).set("eps", eps).set("momentum", 0.1).set("affine", true)
}

/// A product with constants: the beginning of a softplus, or of a batch norm over the steps of a sequence.
pub(super) fn scaled<'g>(walk: &Walk<'g>, node: &'g Node<'g>) -> Read<Option<Found<'g>>> {
    let scale = walk.per_channel(node, 1)?;
    if let ([beta], Some(bend)) = (&*scale, walk.only(first(node), "Softplus")) {
        let spec = Spec::new("softplus").set("beta", *beta).set("threshold", 20.0);
        let end = walk.only(first(bend), "Div").filter(|end| walk.number(end, 1).is_ok_and(|x| x == *beta));
        return Ok(end.map(|end| Found::layer(spec, first(end))));
    }
    let (Some(sum), Shape::Sequence { features, .. }) = (walk.only(first(node), "Add"), walk.shape) else {
        return Ok(None);
    };
    if scale.len() != features {
        return Ok(None);
    }
    // Mean and variance are in the factors already.
    let found = Found::layer(batch_norm(features, 1e-30), first(sum));
    let found = found.with("weight", scale).with("bias", walk.per_channel(sum, 1)?);
    Ok(Some(found.with("running_mean", vec![0.0; features]).with("running_var", vec![1.0; features])))
}

pub(super) fn layer_norm<'g>(walk: &Walk<'g>, node: &'g Node<'g>) -> Read<Found<'g>> {
    let sizes = &walk.constant(node, 1)?.dims;
    let (axis, rank) = (node.int("axis", -1)?, 1 + dims(walk.shape).len() as i64);
    node.expect("axis", axis.rem_euclid(rank) == rank - sizes.len() as i64)?;
    let spec = Spec::new("layer_norm").set("shape", shape_of(sizes)?).set("eps", node.float("epsilon", 1e-5)?);
    let spec = spec.set("affine", true).set("bias", node.has(2));
    let found = Found::layer(spec, first(node)).with("weight", walk.numbers(node, 1)?);
    Ok(if node.has(2) { found.with("bias", walk.numbers(node, 2)?) } else { found })
}

/// x/√(mean(x²) + ε), and times a weight.
pub(super) fn rms_norm<'g>(walk: &Walk<'g>, square: &'g Node<'g>, end: &'g Node<'g>) -> Read<Option<Found<'g>>> {
    let mean = walk.only(first(square), "ReduceMean");
    let sum = mean.and_then(|mean| walk.only(first(mean), "Add"));
    let root = sum.and_then(|sum| walk.only(first(sum), "Sqrt"));
    let (Some(mean), Some(sum), Some(root)) = (mean, sum, root) else { return Ok(None) };
    if square.inputs != [walk.at, walk.at] || end.inputs != [walk.at, first(root)] {
        return Ok(None);
    }
    let (axes, sizes) = (walk.integers(mean, 1)?, dims(walk.shape));
    let rank = 1 + sizes.len() as i64;
    let mut places: Vec<i64> = axes.iter().map(|axis| axis.rem_euclid(rank)).collect();
    places.sort_unstable();
    // The last axes, in any order, and never the batch.
    let last = axes.len() <= sizes.len() && places.iter().copied().eq(rank - axes.len() as i64..rank);
    mean.expect("axes or keepdims", last && mean.int("keepdims", 1)? == 1)?;
    let sizes = &sizes[sizes.len() - axes.len()..];
    let shape = shape_of(sizes)?;
    let spec = Spec::new("rms_norm").set("shape", shape).set("eps", decimal(walk.number(sum, 1)?));
    let weighted = walk.only(first(end), "Mul");
    let weighted = weighted.filter(|node| walk.constant(node, 1).is_ok_and(|weight| weight.dims == sizes));
    let weight = weighted.and_then(|node| Some((first(node), walk.numbers(node, 1).ok()?)));
    Ok(Some(match weight {
        Some((output, weight)) => Found::layer(spec.set("affine", true), output).with("weight", weight),
        None => Found::layer(spec.set("affine", false), first(end)),
    }))
}

/// The shortest decimal of an `f32`: what was meant before it was rounded.
pub(super) fn decimal(x: f64) -> f64 {
    (x as f32).to_string().parse().unwrap_or(x)
}

pub(super) fn channels(shape: Shape) -> usize {
    match shape {
        Shape::Flat(features) | Shape::Sequence { features, .. } => features,
        Shape::Image { channels, .. } => channels,
    }
}

/// Reshape to groups, instance norm, reshape back; then a factor and a summand for each channel.
pub(super) fn group_norm<'g>(walk: &Walk<'g>, start: &'g Node<'g>) -> Read<Option<Found<'g>>> {
    let norm = walk.only(first(start), "InstanceNormalization");
    let back = norm.and_then(|norm| walk.only(first(norm), "Reshape"));
    let (Some(norm), Some(back)) = (norm, back) else { return Ok(None) };
    let (groups, channels) = (walk.numbers(norm, 1)?.len(), channels(walk.shape));
    let plain = walk.numbers(norm, 1)?.iter().all(|&w| w == 1.0) && walk.numbers(norm, 2)?.iter().all(|&b| b == 0.0);
    norm.expect("scale", plain)?;
    let spec = Spec::new("group_norm").set("groups", groups).set("channels", channels);
    let spec = spec.set("eps", norm.float("epsilon", 1e-5)?);
    let end = match walk.shape {
        Shape::Sequence { .. } => walk.only(first(back), "Transpose").map(first),
        _ => Some(first(back)),
    };
    let Some(end) = end else { return Ok(None) };
    let affine = walk.only(end, "Mul").and_then(|scale| {
        let sum = walk.only(first(scale), "Add")?;
        Some((walk.per_channel(scale, 1).ok()?, walk.per_channel(sum, 1).ok()?, first(sum)))
    });
    Ok(Some(match affine {
        Some((weight, bias, end)) => {
            Found::layer(spec.set("affine", true), end).with("weight", weight).with("bias", bias)
        }
        None => Found::layer(spec.set("affine", false), end),
    }))
}
