//! How each kind of layer is written with ONNX's operators: one arm a kind.

use super::export::{At, Export, channel_axis, dims, ints};
use super::graph::Attribute::{Float, Int, Ints, Text};
use super::windows::pool;
use super::{recurrent, sequences, windows};
use crate::spec::Spec;
use crate::spec::onnx::{INT64, Tensor};
use crate::{Result, Shape};

/// Writes a layer; `false` if there is no way to.
pub(super) fn write(e: &mut Export, at: &At) -> Result<bool> {
    if activation(e, &at.spec)? {
        return Ok(true);
    }
    match at.spec.kind() {
        "dense" => dense(e, at)?,
        "embedding" => embedding(e, at)?,
        "flatten" => e.then("Flatten", &[], [("axis", Int(1))]),
        "p_relu" => {
            let dims = at.per_channel(at.parameter("weight")?.1.len());
            let slopes = at.constant(e, "weight", &dims)?;
            e.then("PRelu", &[&slopes], []);
        }
        "softmax" => e.then("Softmax", &[], [("axis", Int(channel_axis(at.input)))]),
        "log_softmax" => e.then("LogSoftmax", &[], [("axis", Int(channel_axis(at.input)))]),
        "conv1d" => windows::conv1d(e, at)?,
        "conv2d" => windows::conv2d(e, at)?,
        "conv_transpose2d" => windows::conv_transpose2d(e, at)?,
        "pad2d" => windows::pad2d(e, at)?,
        "max_pool1d" | "avg_pool1d" => {
            // The steps are lines of an image, whose columns the window leaves apart.
            let Shape::Sequence { steps, features } = at.input else { return Ok(false) };
            e.reshape(at.input, [1, steps, features].into());
            pool(e, at)?;
            let sizes = e.integers(&[0, -1, features as i64]);
            e.then("Reshape", &[&sizes], []);
        }
        "max_pool2d" | "avg_pool2d" => pool(e, at)?,
        "adaptive_avg_pool2d" => windows::adaptive_pool(e, at)?,
        "global_avg_pool" => global_pool(e, at, "ReduceMean"),
        "global_max_pool" => global_pool(e, at, "ReduceMax"),
        "last_step" => {
            let Shape::Sequence { steps, .. } = at.input else { return Ok(false) };
            let last = e.unnamed(Tensor::ints(&[], &[steps as i64 - 1]));
            e.then("Gather", &[&last], [("axis", Int(1))]);
        }
        "permute" => {
            let axes =
                at.spec.counts::<2>("axes").map(Vec::from).or_else(|_| at.spec.counts::<3>("axes").map(Vec::from));
            e.then(
                "Transpose",
                &[],
                [("perm", ints(std::iter::once(0).chain(axes?.into_iter().map(|axis| axis + 1))))],
            );
        }
        "pixel_shuffle" => {
            let factor = ("blocksize", Int(at.spec.count("factor")? as i64));
            e.then("DepthToSpace", &[], [factor, ("mode", Text("CRD".into()))]);
        }
        "reshape" => e.reshape(at.input, at.spec.shape("shape")?),
        "rescale" => {
            let features = [at.spec.count("features")?];
            let (shift, scale) = (at.constant(e, "shift", &features)?, at.constant(e, "scale", &features)?);
            e.then("Sub", &[&shift], []);
            e.then("Mul", &[&scale], []);
        }
        "upsample" => windows::upsample(e, at)?,
        "rnn" | "lstm" | "gru" => recurrent::write(e, at)?,
        "sinusoidal_positions" | "learned_positions" => sequences::positions(e, at)?,
        "multi_head_attention" => sequences::attention(e, at)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// Functions of each number alone.
fn activation(e: &mut Export, spec: &Spec) -> Result<bool> {
    let number = |name| spec.number(name);
    let float = |name| spec.number(name).map(|x| Float(x as f32));
    let x = e.x.clone();
    match spec.kind() {
        "celu" => e.then("Celu", &[], [("alpha", float("alpha")?)]),
        "elu" => e.then("Elu", &[], [("alpha", float("alpha")?)]),
        "gelu" => e.then("Gelu", &[], []),
        "gelu_tanh" => e.then("Gelu", &[], [("approximate", Text("tanh".into()))]),
        "hard_shrink" => e.then("Shrink", &[], [("lambd", float("lambda")?)]),
        "hard_sigmoid" => e.then("HardSigmoid", &[], [("alpha", Float(1.0 / 6.0)), ("beta", Float(0.5))]),
        "hard_swish" => e.then("HardSwish", &[], []),
        "hard_tanh" => clip(e, number("min")?, number("max")?),
        // What only training changes.
        "identity" | "dropout" | "spatial_dropout" | "gaussian_noise" | "gaussian_dropout" => {}
        "leaky_relu" => e.then("LeakyRelu", &[], [("alpha", float("slope")?)]),
        "log_sigmoid" => ["Neg", "Softplus", "Neg"].into_iter().for_each(|op| e.then(op, &[], [])),
        "mish" => e.then("Mish", &[], []),
        "r_relu" => {
            let slope = f64::midpoint(number("lower")?, number("upper")?);
            e.then("LeakyRelu", &[], [("alpha", Float(slope as f32))]);
        }
        "relu" => e.then("Relu", &[], []),
        "relu6" => clip(e, 0.0, 6.0),
        "selu" => e.then("Selu", &[], []),
        "sigmoid" => e.then("Sigmoid", &[], []),
        "sign" => e.then("Sign", &[], []),
        "silu" => {
            let gate = e.node("Sigmoid", &[&x], []);
            e.then("Mul", &[&gate], []);
        }
        "soft_shrink" => {
            let lambda = number("lambda")? as f32;
            e.then("Shrink", &[], [("lambd", Float(lambda)), ("bias", Float(lambda))]);
        }
        "softplus" => softplus(e, number("beta")?, number("threshold")?),
        "softsign" => e.then("Softsign", &[], []),
        "step" => {
            let threshold = e.number(number("threshold")?);
            e.then("GreaterOrEqual", &[&threshold], []);
            e.then("Cast", &[], [("to", Int(1))]);
        }
        "tanh" => e.then("Tanh", &[], []),
        "tanh_shrink" => {
            let tanh = e.node("Tanh", &[&x], []);
            e.then("Sub", &[&tanh], []);
        }
        "threshold" => {
            let (threshold, value) = (e.number(number("threshold")?), e.number(number("value")?));
            let above = e.node("Greater", &[&x, &threshold], []);
            e.x = e.node("Where", &[&above, &x, &value], []);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn clip(e: &mut Export, low: f64, high: f64) {
    let (low, high) = (e.number(low), e.number(high));
    e.then("Clip", &[&low, &high], []);
}

/// ln(1 + e^βx)/β, and x where βx is beyond the threshold.
fn softplus(e: &mut Export, beta: f64, threshold: f64) {
    let x = e.x.clone();
    let beta = (beta != 1.0).then(|| e.number(beta));
    if let Some(beta) = &beta {
        e.then("Mul", &[beta], []);
    }
    let scaled = e.x.clone();
    e.then("Softplus", &[], []);
    if let Some(beta) = &beta {
        e.then("Div", &[beta], []);
    }
    // Beyond 18, both are the same f32.
    if threshold < 18.0 {
        let threshold = e.number(threshold);
        let beyond = e.node("Greater", &[&scaled, &threshold], []);
        e.x = e.node("Where", &[&beyond, &x, &e.x.clone()], []);
    }
}

fn dense(e: &mut Export, at: &At) -> Result<()> {
    let (sizes, _) = at.parameter("weight")?;
    let weight = at.constant(e, "weight", sizes)?;
    let bias = if at.has("bias") { Some(at.constant(e, "bias", &[sizes[1]])?) } else { None };
    match (at.input, &bias) {
        (Shape::Flat(_), Some(bias)) => e.then("Gemm", &[&weight, bias], []),
        (Shape::Flat(_), None) => e.then("Gemm", &[&weight], []),
        (_, bias) => {
            e.then("MatMul", &[&weight], []);
            if let Some(bias) = bias {
                e.then("Add", &[bias], []);
            }
        }
    }
    Ok(())
}

/// A row of the weights for each index, which layers here are given as a float.
fn embedding(e: &mut Export, at: &At) -> Result<()> {
    e.reshape(at.input, at.input.len().into());
    let weight = at.constant(e, "weight", at.parameter("weight")?.0)?;
    e.then("Cast", &[], [("to", Int(INT64))]);
    e.x = e.node("Gather", &[&weight, &e.x.clone()], [("axis", Int(0))]);
    Ok(())
}

/// Over all pixels of a channel, or all steps.
fn global_pool(e: &mut Export, at: &At, op: &str) {
    let axes: &[i64] = if matches!(at.input, Shape::Image { .. }) { &[2, 3] } else { &[1] };
    let axes = e.integers(axes);
    e.then(op, &[&axes], [("keepdims", Int(0))]);
}
