//! Which operators are which layer: the way back from `table.rs`.

use super::graph::Node;
use super::import::{Found, Walk};
use super::sequence_patterns::{attention, recurrent};
use crate::Shape;
use crate::spec::Spec;

type Read<T> = Result<T, String>;

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

/// The layer that begins at the walk's value.
pub(super) fn next<'g>(walk: &Walk<'g>) -> Read<Found<'g>> {
    let users = walk.users(walk.at);
    let found = match *users {
        [node] => one(walk, node)?,
        _ => several(walk, users)?,
    };
    found.ok_or_else(|| {
        let ops: Vec<&str> = users.iter().map(|node| &*node.op).collect();
        format!(
            "what takes its value `{}`, {}, is no layer of this crate",
            walk.at,
            if ops.is_empty() { "nothing".into() } else { ops.join(" and ") }
        )
    })
}

pub(super) fn first<'g>(node: &'g Node<'g>) -> &'g str {
    node.outputs.first().map(String::as_str).unwrap_or_default()
}

#[allow(clippy::too_many_lines)] // A table: one arm an operator.
/// What begins with an operator that alone takes the value.
fn one<'g>(walk: &Walk<'g>, node: &'g Node<'g>) -> Read<Option<Found<'g>>> {
    let out = first(node);
    if node.inputs.first().map(String::as_str) != Some(walk.at) {
        return Ok(None);
    }
    if let Some((_, kind)) = PLAIN.iter().find(|(op, _)| *op == node.op) {
        return Ok(Some(if kind.is_empty() { Found::nothing(out) } else { Found::layer(Spec::new(*kind), out) }));
    }
    let found = |spec| Some(Found::layer(spec, out));
    Ok(match &*node.op {
        "Dropout" => Some(Found::nothing(out)),
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
            let slopes = walk.numbers(node, 1)?;
            let spec = Spec::new("p_relu").set("slopes", slopes.len());
            Some(Found::layer(spec, out).with("weight", slopes))
        }
        "Softmax" | "LogSoftmax" => {
            let (axis, rank) = (node.int("axis", -1)?, 1 + super::export::dims(walk.shape).len() as i64);
            let features = if matches!(walk.shape, Shape::Image { .. }) { 1 } else { rank - 1 };
            node.expect("axis", axis.rem_euclid(rank) == features)?;
            found(Spec::new(if node.op == "Softmax" { "softmax" } else { "log_softmax" }))
        }
        "Flatten" => {
            node.expect("axis", node.int("axis", 1)? == 1)?;
            found(Spec::new("flatten"))
        }
        "Reshape" => reshape(walk, node)?,
        "Gemm" => Some(gemm(walk, node)?),
        "MatMul" => Some(matmul(walk, node)?),
        "Mul" => scaled(walk, node)?,
        "Add" => positions(walk, node)?,
        "Conv" => Some(convolution(walk, node)?),
        "MaxPool" | "AveragePool" => Some(pool(node)?),
        "BatchNormalization" => {
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
        "DepthToSpace" => {
            node.expect("mode", node.text("mode", "DCR")? == "CRD")?;
            found(Spec::new("pixel_shuffle").set("factor", node.int("blocksize", 0)?.unsigned_abs() as usize))
        }
        "Resize" => found(upsample(walk, node)?),
        _ => None,
    })
}

/// What begins with several operators that take the value.
fn several<'g>(walk: &Walk<'g>, users: &[&'g Node<'g>]) -> Read<Option<Found<'g>>> {
    let x = walk.at;
    let find = |op: &str| users.iter().copied().find(|node| node.op == op);
    let takes = |node: &Node<'_>, inputs: [&str; 2]| node.inputs.iter().map(String::as_str).eq(inputs);
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
        return attention(walk, users);
    }
    // A softplus with a threshold: x is also what it becomes beyond.
    let Some(end) = find("Where") else { return Ok(None) };
    let (beta, scaled) = match find("Mul") {
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

/// A reshape that flattens or does nothing, or begins a group norm.
fn reshape<'g>(walk: &Walk<'g>, node: &'g Node<'g>) -> Read<Option<Found<'g>>> {
    if walk.only(first(node), "InstanceNormalization").is_some() {
        return group_norm(walk, node);
    }
    let (sizes, dims) = (walk.integers(node, 1)?, super::export::dims(walk.shape));
    // The first size is the batch, whatever it says.
    let shape = sizes.get(1..).and_then(|sizes| fill(sizes, &dims)).and_then(|sizes| shape_of(&sizes).ok());
    let problem = || format!("its operator Reshape makes {sizes:?} of (batch, {dims:?}), which no layer here does");
    let shape = shape.ok_or_else(problem)?;
    Ok(Some(match shape {
        _ if shape == walk.shape => Found::nothing(first(node)),
        Shape::Flat(_) => Found::layer(Spec::new("flatten"), first(node)),
        _ => Found::layer(Spec::new("reshape").set("shape", shape), first(node)),
    }))
}

/// The sizes that `Reshape` makes of others: 0 is the one that was there, -1 as many as are left.
fn fill(sizes: &[i64], old: &[usize]) -> Option<Vec<usize>> {
    let mut new = Vec::new();
    for (i, &n) in sizes.iter().enumerate() {
        new.push(match n {
            -1 => None,
            0 => Some(*old.get(i)?),
            n => Some(usize::try_from(n).ok()?),
        });
    }
    let product =
        |mut sizes: std::slice::Iter<'_, usize>| sizes.try_fold(1, |product: usize, &n| product.checked_mul(n));
    let known: Vec<usize> = new.iter().copied().flatten().collect();
    let left = product(old.iter())?.checked_div(product(known.iter())?)?;
    Some(new.into_iter().map(|n| n.unwrap_or(left)).collect())
}

/// A change of axes, or the beginning of a layer that wants its axes in another order.
fn transpose<'g>(walk: &Walk<'g>, node: &'g Node<'g>) -> Read<Option<Found<'g>>> {
    let perm = node.ints("perm")?;
    let norm = if perm == [0, 2, 1] { walk.only(first(node), "Reshape") } else { None };
    if let Some(start) = norm
        && let Some(found) = group_norm(walk, start)?
    {
        return Ok(Some(found));
    }
    let [0, axes @ ..] = &*perm else { return recurrent(walk, first(node)) };
    let axes: Vec<usize> = axes.iter().map(|&axis| (axis - 1).unsigned_abs() as usize).collect();
    Ok(Some(Found::layer(Spec::new("permute").set("axes", axes), first(node))))
}

fn upsample(walk: &Walk<'_>, node: &Node<'_>) -> Read<Spec> {
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

fn dense(inputs: usize, outputs: usize, bias: bool) -> Spec {
    Spec::new("dense").set("inputs", inputs).set("outputs", outputs).set("bias", bias)
}

fn matrix(walk: &Walk<'_>, node: &Node<'_>) -> Read<[usize; 2]> {
    let dims = &walk.constant(node, 1)?.dims;
    dims.as_slice().try_into().map_err(|_| format!("the weight of its operator {} has the sizes {dims:?}", node.op))
}

fn gemm<'g>(walk: &Walk<'g>, node: &'g Node<'g>) -> Read<Found<'g>> {
    node.expect("alpha", node.float("alpha", 1.0)? == 1.0)?;
    node.expect("beta", node.float("beta", 1.0)? == 1.0)?;
    node.expect("transA", node.int("transA", 0)? == 0)?;
    let ([rows, columns], mut weight) = (matrix(walk, node)?, walk.numbers(node, 1)?);
    let turned = node.int("transB", 0)? == 1;
    let (inputs, outputs) = if turned { (columns, rows) } else { (rows, columns) };
    if turned {
        weight = (0..inputs).flat_map(|i| weight.iter().skip(i).step_by(inputs.max(1)).copied()).collect();
    }
    let found = Found::layer(dense(inputs, outputs, node.has(2)), first(node)).with("weight", weight);
    Ok(if node.has(2) { found.with("bias", walk.numbers(node, 2)?) } else { found })
}

pub(super) fn matmul<'g>(walk: &Walk<'g>, node: &'g Node<'g>) -> Read<Found<'g>> {
    let ([inputs, outputs], weight) = (matrix(walk, node)?, walk.numbers(node, 1)?);
    // A bias may be on either side of the sum.
    let sum = walk.only(first(node), "Add");
    let bias = sum.and_then(|sum| {
        let side = usize::from(sum.inputs.first().map(String::as_str) == Some(first(node)));
        let bias = walk.numbers(sum, side).ok().filter(|bias| bias.len() == outputs)?;
        Some((first(sum), bias))
    });
    let found = |bias, output| Found::layer(dense(inputs, outputs, bias), output).with("weight", weight);
    Ok(match bias {
        Some((output, bias)) => found(true, output).with("bias", bias),
        None => found(false, first(node)),
    })
}

fn batch_norm(channels: usize, eps: f64) -> Spec {
    Spec::new("batch_norm").set("channels", channels).set("eps", eps).set("momentum", 0.1).set("affine", true)
}

/// A product with constants: the beginning of a softplus, or of a batch norm over the steps of a sequence.
fn scaled<'g>(walk: &Walk<'g>, node: &'g Node<'g>) -> Read<Option<Found<'g>>> {
    let scale = walk.numbers(node, 1)?;
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
    let found = found.with("weight", scale).with("bias", walk.numbers(sum, 1)?);
    Ok(Some(found.with("running_mean", vec![0.0; features]).with("running_var", vec![1.0; features])))
}

/// A sum with a constant for each step.
fn positions<'g>(walk: &Walk<'g>, node: &'g Node<'g>) -> Read<Option<Found<'g>>> {
    let &[steps, features] = &*walk.constant(node, 1)?.dims else { return Ok(None) };
    let spec = Spec::new("learned_positions").set("steps", steps).set("features", features).set("masked", false);
    Ok(Some(Found::layer(spec, first(node)).with("weight", walk.numbers(node, 1)?)))
}

/// The settings of a window that moves over an image.
fn window(node: &Node<'_>, spec: Spec) -> Read<Spec> {
    node.expect("auto_pad", node.text("auto_pad", "NOTSET")? == "NOTSET")?;
    let [above, left, below, right] = node.sizes("pads", 0)?;
    let spec = spec.set("kernel", node.sizes::<2>("kernel_shape", 0)?).set("stride", node.sizes::<2>("strides", 1)?);
    Ok(spec.set("dilation", node.sizes::<2>("dilations", 1)?).set("padding", [above, below, left, right]))
}

fn convolution<'g>(walk: &Walk<'g>, node: &'g Node<'g>) -> Read<Found<'g>> {
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

fn pool<'g>(node: &'g Node<'g>) -> Read<Found<'g>> {
    let kind = if node.op == "MaxPool" { "max_pool2d" } else { "avg_pool2d" };
    let spec = window(node, Spec::new(kind))?.set("ceil", node.int("ceil_mode", 0)? == 1);
    let counts = node.int("count_include_pad", 0)? == 1;
    Ok(Found::layer(if kind == "max_pool2d" { spec } else { spec.set("counts_padding", counts) }, first(node)))
}

/// Sizes as a shape.
fn shape_of(dims: &[usize]) -> Read<Shape> {
    match *dims {
        [n] => Ok(n.into()),
        [steps, features] => Ok([steps, features].into()),
        [channels, height, width] => Ok([channels, height, width].into()),
        _ => Err(format!("the sizes {dims:?} are no shape of a sample")),
    }
}

fn layer_norm<'g>(walk: &Walk<'g>, node: &'g Node<'g>) -> Read<Found<'g>> {
    let dims = &walk.constant(node, 1)?.dims;
    let rank = 1 + super::export::dims(walk.shape).len() as i64;
    node.expect("axis", node.int("axis", -1)?.rem_euclid(rank) == rank - dims.len() as i64)?;
    let spec = Spec::new("layer_norm").set("shape", shape_of(dims)?).set("eps", node.float("epsilon", 1e-5)?);
    let spec = spec.set("affine", true).set("bias", node.has(2));
    let found = Found::layer(spec, first(node)).with("weight", walk.numbers(node, 1)?);
    Ok(if node.has(2) { found.with("bias", walk.numbers(node, 2)?) } else { found })
}

/// x/√(mean(x²) + ε), and times a weight.
fn rms_norm<'g>(walk: &Walk<'g>, square: &'g Node<'g>, end: &'g Node<'g>) -> Read<Option<Found<'g>>> {
    let mean = walk.only(first(square), "ReduceMean");
    let sum = mean.and_then(|mean| walk.only(first(mean), "Add"));
    let root = sum.and_then(|sum| walk.only(first(sum), "Sqrt"));
    let (Some(mean), Some(sum), Some(root)) = (mean, sum, root) else { return Ok(None) };
    if square.inputs != [walk.at, walk.at] || end.inputs != [walk.at, first(root)] {
        return Ok(None);
    }
    let (axes, dims) = (walk.integers(mean, 1)?.len(), super::export::dims(walk.shape));
    let shape = shape_of(dims.get(dims.len().saturating_sub(axes)..).unwrap_or_default())?;
    let spec = Spec::new("rms_norm").set("shape", shape).set("eps", decimal(walk.number(sum, 1)?));
    let weighted = walk.only(first(end), "Mul");
    let weight = weighted.and_then(|node| Some((first(node), walk.numbers(node, 1).ok()?)));
    Ok(Some(match weight {
        Some((output, weight)) => Found::layer(spec.set("affine", true), output).with("weight", weight),
        None => Found::layer(spec.set("affine", false), first(end)),
    }))
}

/// The shortest decimal of an `f32`: what was meant before it was rounded.
fn decimal(x: f64) -> f64 {
    (x as f32).to_string().parse().unwrap_or(x)
}

fn channels(shape: Shape) -> usize {
    match shape {
        Shape::Flat(features) | Shape::Sequence { features, .. } => features,
        Shape::Image { channels, .. } => channels,
    }
}

/// Reshape to groups, instance norm, reshape back; then a factor and a summand for each channel.
fn group_norm<'g>(walk: &Walk<'g>, start: &'g Node<'g>) -> Read<Option<Found<'g>>> {
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
        Some((walk.numbers(scale, 1).ok()?, walk.numbers(sum, 1).ok()?, first(sum)))
    });
    Ok(Some(match affine {
        Some((weight, bias, end)) => {
            Found::layer(spec.set("affine", true), end).with("weight", weight).with("bias", bias)
        }
        None => Found::layer(spec.set("affine", false), end),
    }))
}
