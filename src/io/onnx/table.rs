//! How each kind of layer is written with ONNX's operators: one arm a kind.

use super::export::{At, Export, channel_axis, dims, ints};
use super::graph::Attribute::{Float, Int, Ints, Text};
use super::{recurrent, sequences};
use crate::spec::Spec;
use crate::spec::onnx::{INT64, Tensor};
use crate::{Result, Shape};

/// Writes a layer; `false` if there is no way to.
pub(super) fn write(e: &mut Export, at: &At) -> Result<bool> {
    match at.spec.kind() {
        "batch_norm" => batch_norm(e, at)?,
        "layer_norm" => layer_norm(e, at)?,
        "rms_norm" => rms_norm(e, at)?,
        "group_norm" => group_norm(e, at, at.spec.count("groups")?)?,
        "instance_norm" => group_norm(e, at, at.spec.count("channels")?)?,
        "rnn" | "lstm" | "gru" => recurrent::write(e, at)?,
        "sinusoidal_positions" | "learned_positions" => sequences::positions(e, at)?,
        "multi_head_attention" => sequences::attention(e, at)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// w·(x - mean)/√(var + ε) + b, one of each a channel.
fn batch_norm(e: &mut Export, at: &At) -> Result<()> {
    let eps = at.spec.number("eps")?;
    let (mean, variance) = (at.parameter("running_mean")?.1, at.parameter("running_var")?.1);
    let channels = mean.len();
    let (ones, zeros) = (vec![1.0; channels], vec![0.0; channels]);
    let (weight, bias) =
        if at.has("weight") { (at.parameter("weight")?.1, at.parameter("bias")?.1) } else { (&*ones, &*zeros) };
    if matches!(at.input, Shape::Sequence { .. }) {
        // The operator wants channels second; here they are last.
        let scale = |i: usize| f64::from(weight[i]) / (f64::from(variance[i]) + eps).sqrt();
        let shift = |i: usize| f64::from(bias[i]) - f64::from(mean[i]) * scale(i);
        let mut constant = |name: &str, f: &dyn Fn(usize) -> f64| {
            e.constant(at.name(name), Tensor::floats(&[channels], (0..channels).map(|i| f(i) as f32)))
        };
        let (scale, shift) = (constant("scale", &scale), constant("shift", &shift));
        e.then("Mul", &[&scale], []);
        e.then("Add", &[&shift], []);
        return Ok(());
    }
    let mut constant =
        |name: &str, numbers: &[f32]| e.constant(at.name(name), Tensor::floats(&[channels], numbers.iter().copied()));
    let weight = constant("weight", weight);
    let bias = constant("bias", bias);
    let mean = constant("running_mean", mean);
    let variance = constant("running_var", variance);
    e.then("BatchNormalization", &[&weight, &bias, &mean, &variance], [("epsilon", Float(eps as f32))]);
    Ok(())
}

/// Over the last axes of a sample: those of the layer's own shape.
fn layer_norm(e: &mut Export, at: &At) -> Result<()> {
    let dims = dims(at.spec.shape("shape")?);
    let weight = if at.has("weight") {
        at.constant(e, "weight", &dims)?
    } else {
        let ones = Tensor::floats(&dims, vec![1.0; dims.iter().product()]);
        e.constant(at.name("weight"), ones)
    };
    let axis = ("axis", Int(-(dims.len() as i64)));
    let epsilon = ("epsilon", Float(at.spec.number("eps")? as f32));
    if at.has("bias") {
        let bias = at.constant(e, "bias", &dims)?;
        e.then("LayerNormalization", &[&weight, &bias], [axis, epsilon]);
    } else {
        e.then("LayerNormalization", &[&weight], [axis, epsilon]);
    }
    Ok(())
}

/// x/√(mean(x²) + ε)·w over the last axes.
fn rms_norm(e: &mut Export, at: &At) -> Result<()> {
    let dims = dims(at.spec.shape("shape")?);
    let x = e.x.clone();
    let axes: Vec<i64> = (1..=dims.len() as i64).map(|i| -i).collect();
    let (axes, eps) = (e.integers(&axes), e.number(at.spec.number("eps")?));
    e.then("Mul", &[&x], []);
    e.then("ReduceMean", &[&axes], []);
    e.then("Add", &[&eps], []);
    e.then("Sqrt", &[], []);
    e.x = e.node("Div", &[&x, &e.x.clone()], []);
    if at.has("weight") {
        let weight = at.constant(e, "weight", &dims)?;
        e.then("Mul", &[&weight], []);
    }
    Ok(())
}

/// Over each group of channels: as an instance norm of (batch, groups, all the rest).
fn group_norm(e: &mut Export, at: &At, groups: usize) -> Result<()> {
    if matches!(at.input, Shape::Sequence { .. }) {
        e.then("Transpose", &[], [("perm", Ints(vec![0, 2, 1]))]);
    }
    let sizes = e.integers(&[0, groups as i64, -1]);
    e.then("Reshape", &[&sizes], []);
    let ones = e.constant(at.name("ones"), Tensor::floats(&[groups], vec![1.0; groups]));
    let zeros = e.constant(at.name("zeros"), Tensor::floats(&[groups], vec![0.0; groups]));
    let epsilon = ("epsilon", Float(at.spec.number("eps")? as f32));
    e.then("InstanceNormalization", &[&ones, &zeros], [epsilon]);
    let mut sizes = vec![0];
    match at.input {
        Shape::Sequence { steps, features } => sizes.extend([features as i64, steps as i64]),
        shape => sizes.extend(dims(shape).iter().map(|&n| n as i64)),
    }
    let sizes = e.integers(&sizes);
    e.then("Reshape", &[&sizes], []);
    if matches!(at.input, Shape::Sequence { .. }) {
        e.then("Transpose", &[], [("perm", Ints(vec![0, 2, 1]))]);
    }
    if at.has("weight") {
        let dims = at.per_channel(at.parameter("weight")?.1.len());
        let (weight, bias) = (at.constant(e, "weight", &dims)?, at.constant(e, "bias", &dims)?);
        e.then("Mul", &[&weight], []);
        e.then("Add", &[&bias], []);
    }
    Ok(())
}
