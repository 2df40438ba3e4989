//! Which operators are which layer: the way back from `table.rs`.

use super::import::{Found, Walk, expect_channels};
use crate::Shape;
use crate::spec::Spec;
use crate::spec::onnx::{INT64, Node};

mod norms;
mod padding;
mod products;
mod sequences;
mod shapes;
mod windows;

use norms::{batch_norm, layer_norm, rms_norm, scaled};
use padding::masked;
use products::{gemm, matmul, positions, regions, rescaled};
use sequences::attention;
use shapes::{reshape, transpose};
use windows::{conv2d, pad, pool, upsample};

pub(super) type Read<T> = Result<T, String>;

/// Activations that are one operator without settings.
const PLAIN: [(&str, &str); 9] = [
    ("Relu", "relu"),
    ("Sigmoid", "sigmoid"),
    ("Tanh", "tanh"),
    ("Softsign", "softsign"),
    ("HardSwish", "hard_swish"),
    ("Mish", "mish"),
    ("Sign", "sign"),
    ("Selu", "selu"),
    ("Identity", ""),
];

/// The layer that begins at the walk's value, if it is no fork.
pub(super) fn next<'g>(walk: &Walk<'g>) -> Read<Option<Found<'g>>> {
    match *walk.users(walk.at) {
        [node] => one(walk, node),
        ref users => several(walk, users),
    }
}

pub(super) fn first<'g>(node: &'g Node<'g>) -> &'g str {
    node.outputs.first().map(String::as_str).unwrap_or_default()
}

/// What begins with an operator that alone takes the value.
#[allow(clippy::too_many_lines)] // A table: one arm an operator.
fn one<'g>(walk: &Walk<'g>, node: &'g Node<'g>) -> Read<Option<Found<'g>>> {
    let out = first(node);
    if node.op == "Gather" && node.inputs.get(1).map(String::as_str) == Some(walk.at) {
        return embedding(walk, node);
    }
    if node.inputs.first().map(String::as_str) != Some(walk.at) {
        return Ok(None);
    }
    if node.op == "Selu" {
        let near = |name, usual: f64| Ok::<_, String>((node.float(name, usual)? - usual).abs() < 1e-6);
        node.expect("alpha or gamma", near("alpha", 1.673_263_2)? && near("gamma", 1.050_701)?)?;
    }
    if let Some((_, kind)) = PLAIN.iter().find(|(op, _)| *op == node.op) {
        return Ok(Some(if kind.is_empty() { Found::nothing(out) } else { Found::layer(Spec::new(*kind), out) }));
    }
    let found = |spec| Some(Found::layer(spec, out));
    Ok(match &*node.op {
        "Dropout" => Some(Found::nothing(out)),
        "Sum" | "Concat" if node.inputs.len() == 1 => Some(Found::nothing(out)),
        "Elu" => found(Spec::new("elu").set("alpha", node.float("alpha", 1.0)?)),
        "Celu" => found(Spec::new("celu").set("alpha", node.float("alpha", 1.0)?)),
        "LeakyRelu" => found(Spec::new("leaky_relu").set("slope", node.float("alpha", 0.01)?)),
        "Gelu" => match &*node.text("approximate", "none")? {
            "none" => found(Spec::new("gelu")),
            _ => found(Spec::new("gelu_tanh")),
        },
        "Shrink" => {
            let (lambda, bias) = (node.float("lambd", 0.5)?, node.float("bias", 0.0)?);
            node.expect("bias", bias == 0.0 || bias == lambda)?;
            found(Spec::new(if bias == 0.0 { "hard_shrink" } else { "soft_shrink" }).set("lambda", lambda))
        }
        "HardSigmoid" => {
            let (alpha, beta) = (node.float("alpha", 0.2)?, node.float("beta", 0.5)?);
            node.expect("alpha", (alpha - 1.0 / 6.0).abs() < 1e-6 && beta == 0.5)?;
            found(Spec::new("hard_sigmoid"))
        }
        "Clip" => {
            let limit = |i, none| if node.has(i) { walk.number(node, i) } else { Ok(none) };
            let (min, max) = (limit(1, f64::NEG_INFINITY)?, limit(2, f64::INFINITY)?);
            if (min, max) == (0.0, 6.0) {
                found(Spec::new("relu6"))
            } else {
                found(Spec::new("hard_tanh").set("min", min).set("max", max))
            }
        }
        "Softplus" => found(Spec::new("softplus").set("beta", 1.0).set("threshold", 20.0)),
        "Neg" => {
            let end = walk.only(out, "Softplus").and_then(|node| walk.only(first(node), "Neg"));
            end.map(|end| Found::layer(Spec::new("log_sigmoid"), first(end)))
        }
        "GreaterOrEqual" => {
            let spec = Spec::new("step").set("threshold", walk.number(node, 1)?);
            walk.only(out, "Cast").map(|end| Found::layer(spec, first(end)))
        }
        "PRelu" => {
            let slopes = walk.per_channel(node, 1)?;
            let spec = Spec::new("p_relu").set("slopes", slopes.len());
            Some(Found::layer(spec, out).with("weight", slopes))
        }
        "Softmax" | "LogSoftmax" => {
            expect_channels(node, walk.shape)?;
            found(Spec::new(if node.op == "Softmax" { "softmax" } else { "log_softmax" }))
        }
        "Flatten" => {
            node.expect("axis", node.int("axis", 1)? == 1)?;
            found(Spec::new("flatten"))
        }
        "Reshape" => reshape(walk, node)?,
        "Gemm" => Some(gemm(walk, node)?),
        "MatMul" if matches!(walk.shape, Shape::Image { .. }) => regions(walk, node)?,
        "MatMul" => Some(matmul(walk, node)?),
        "Mul" => scaled(walk, node)?,
        "Sub" => rescaled(walk, node)?,
        "Add" => positions(walk, node, false)?,
        "Conv" | "ConvTranspose" => Some(conv2d(walk, node)?),
        "Pad" => found(pad(walk, node)?),
        "MaxPool" | "AveragePool" => Some(pool(node)?),
        "BatchNormalization" => {
            channels_second(walk, node)?;
            let channels = walk.numbers(node, 1)?.len();
            let spec = batch_norm(channels, node.float("epsilon", 1e-5)?);
            let names = ["weight", "bias", "running_mean", "running_var"];
            let mut found = Found::layer(spec, out);
            for (i, name) in names.into_iter().enumerate() {
                found = found.with(name, walk.numbers(node, i + 1)?);
            }
            Some(found)
        }
        "LayerNormalization" => Some(layer_norm(walk, node)?),
        "Transpose" => transpose(walk, node)?,
        "ReduceMean" | "ReduceMax" => {
            let axes: &[i64] = if matches!(walk.shape, Shape::Image { .. }) { &[2, 3] } else { &[1] };
            let whole = node.int("keepdims", 1)? == 0 && walk.integers(node, 1)? == axes;
            node.expect("axes or keepdims", whole)?;
            found(Spec::new(if node.op == "ReduceMean" { "global_avg_pool" } else { "global_max_pool" }))
        }
        "GlobalAveragePool" | "GlobalMaxPool" => {
            channels_second(walk, node)?;
            let spec = Spec::new(if node.op == "GlobalAveragePool" { "global_avg_pool" } else { "global_max_pool" });
            walk.only(out, "Flatten").map(|end| Found::layer(spec, first(end)))
        }
        "Gather" => {
            let (Shape::Sequence { steps, .. }, &[step]) = (walk.shape, &*walk.integers(node, 1)?) else {
                return Ok(None);
            };
            node.expect("axis", node.int("axis", 0)? == 1 && walk.constant(node, 1)?.dims.is_empty())?;
            node.expect("indices", step == -1 || usize::try_from(step).is_ok_and(|step| step + 1 == steps))?;
            found(Spec::new("last_step"))
        }
        "Cast" if node.int("to", 0)? == INT64 => match walk.only(out, "Gather") {
            Some(end) if end.inputs.get(1) == node.outputs.first() => embedding(walk, end)?,
            _ => None,
        },
        "DepthToSpace" => {
            node.expect("mode", node.text("mode", "DCR")? == "CRD")?;
            found(Spec::new("pixel_shuffle").set("factor", node.count("blocksize", 0)?))
        }
        "Resize" => found(upsample(walk, node)?),
        _ => None,
    })
}

/// The error for sequences, whose second axis is the steps, not the channels that the operator takes it for.
fn channels_second(walk: &Walk<'_>, node: &Node<'_>) -> Read<()> {
    let problem =
        || format!("its operator {} would take the steps of a sequence for channels, as no layer here does", node.op);
    if matches!(walk.shape, Shape::Sequence { .. }) { Err(problem()) } else { Ok(()) }
}

/// A row of a constant for each index.
fn embedding<'g>(walk: &Walk<'g>, node: &'g Node<'g>) -> Read<Option<Found<'g>>> {
    let (sizes, weight) = (&walk.constant(node, 0)?.dims, walk.numbers(node, 0)?);
    let &[count, features] = &**sizes else { return Ok(None) };
    node.expect("axis", node.int("axis", 0)? == 0)?;
    let spec = Spec::new("embedding").set("count", count).set("features", features);
    Ok(Some(Found::layer(spec, first(node)).with("weight", weight)))
}

/// What begins with several operators that take the value.
fn several<'g>(walk: &Walk<'g>, users: &[&'g Node<'g>]) -> Read<Option<Found<'g>>> {
    let x = walk.at;
    let find = |op: &str| users.iter().copied().find(|node| node.op == op);
    let takes = |node: &Node<'_>, inputs: [&str; 2]| node.inputs.iter().map(String::as_str).eq(inputs);
    if find("Abs").is_some() {
        return masked(walk, users);
    }
    if let [_, _] = users {
        if let (Some(gate), Some(end)) = (find("Sigmoid"), find("Mul")) {
            let whole = takes(end, [x, first(gate)]) || takes(end, [first(gate), x]);
            return Ok(whole.then(|| Found::layer(Spec::new("silu"), first(end))));
        }
        if let (Some(tanh), Some(end)) = (find("Tanh"), find("Sub")) {
            return Ok(takes(end, [x, first(tanh)]).then(|| Found::layer(Spec::new("tanh_shrink"), first(end))));
        }
        if let (Some(square), Some(end)) = (find("Mul"), find("Div")) {
            return rms_norm(walk, square, end);
        }
        if let (Some(above), Some(end)) = (find("Greater"), find("Where")) {
            let spec =
                Spec::new("threshold").set("threshold", walk.number(above, 1)?).set("value", walk.number(end, 2)?);
            let whole = end.inputs[..2] == [first(above), x] && above.inputs[0] == x;
            return Ok(whole.then(|| Found::layer(spec, first(end))));
        }
    }
    if let [_, _, _] = users
        && find("MatMul").is_some()
    {
        return attention(walk, users, None);
    }
    // A softplus with a threshold: x is also what it becomes beyond.
    let Some(end) = find("Where") else { return Ok(None) };
    let scale = find("Mul");
    if users.len() != if scale.is_some() { 2 } else { 3 } {
        return Ok(None);
    }
    let (beta, scaled) = match scale {
        Some(scale) => (walk.number(scale, 1)?, first(scale)),
        None => (1.0, x),
    };
    let after = walk.users(scaled);
    let bend = after.iter().find(|node| node.op == "Softplus");
    let above = after.iter().find(|node| node.op == "Greater");
    let (Some(bend), Some(above)) = (bend, above) else { return Ok(None) };
    let bent = walk.only(first(bend), "Div").map_or(first(bend), first);
    let spec = Spec::new("softplus").set("beta", beta).set("threshold", walk.number(above, 1)?);
    Ok((*end.inputs == [first(above), x, bent]).then(|| Found::layer(spec, first(end))))
}
