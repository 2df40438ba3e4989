//! Which operators are which layer of sequences: the way back from `Layer::onnx`.

use super::products::matmul;
use super::shapes::fill;
use super::{Read, first};
use crate::Shape;
use crate::io::onnx::import::{Found, Walk};
use crate::layers::{Cell, GruCell, LstmCell, RnnCell};
use crate::spec::Spec;
use crate::spec::onnx::Node;

/// Recurrent operators on one another, between transposes to (steps, batch, features) and back.
/// They may be given how many steps of each sample are no padding.
pub(super) fn recurrent<'g>(walk: &Walk<'g>, mut x: &'g str, lengths: Option<&str>) -> Read<Option<Found<'g>>> {
    let (mut layers, mut whole, mut parameters) = (0_usize, None::<Spec>, Vec::new());
    loop {
        let [node] = *walk.users(x) else { return Ok(None) };
        let Some(spec) = one_layer(walk, node, layers, &mut parameters)? else { return Ok(None) };
        let given = node.inputs.get(4).map(String::as_str).filter(|name| !name.is_empty());
        node.expect("sequence_lens", given == lengths)?;
        // All but the first take what the one below gives; the rest they share.
        let shared = |spec: &Spec| spec.settings()[1..].to_vec();
        let whole = whole.get_or_insert_with(|| spec.clone());
        node.expect("hidden_size", whole.kind() == spec.kind() && shared(whole) == shared(&spec))?;
        layers += 1;
        if layers > walk.operators().len() {
            return Err("its recurrent operators go round in a circle".into());
        }
        let through = |value, ops: &[&str]| ops.iter().try_fold(value, |value, op| walk.only(value, op).map(first));
        // Either the states of all steps go on, or the last one.
        let last = node.outputs.get(1).and_then(|last| through(last, &["Transpose", "Reshape"]));
        let (end, last_state) = match (through(first(node), &["Transpose", "Reshape"]), last) {
            (None, Some(end)) => (end, true),
            (Some(states), None) => {
                let Some(end) = walk.only(states, "Transpose") else {
                    x = states;
                    continue;
                };
                (first(end), false)
            }
            _ => return Ok(None),
        };
        let spec = whole.clone().set("layers", layers).set("last_state", last_state).set("masked", lengths.is_some());
        let found = Found::layer(spec, end);
        return Ok(Some(parameters.into_iter().fold(found, |found, (name, numbers)| found.with(name, numbers))));
    }
}

/// One recurrent operator: its settings, but for those of all on one another, and its parameters.
fn one_layer(
    walk: &Walk<'_>,
    node: &Node<'_>,
    layer: usize,
    parameters: &mut Vec<(String, Vec<f64>)>,
) -> Read<Option<Spec>> {
    let (kind, order) = match &*node.op {
        "RNN" => (RnnCell::KIND, RnnCell::ONNX_GATES),
        "LSTM" => (LstmCell::KIND, LstmCell::ONNX_GATES),
        "GRU" => (GruCell::KIND, GruCell::ONNX_GATES),
        _ => return Ok(None),
    };
    let units = node.count("hidden_size", 0)?;
    let directions: &[&str] = match &*node.text("direction", "forward")? {
        "forward" => &[""],
        "bidirectional" => &["", "_reverse"],
        _ => return node.expect("direction", false).map(|()| None),
    };
    let dims = &walk.constant(node, 1)?.dims;
    let &[_, _, inputs] = &**dims else { return Err(format!("its {} has a weight of the sizes {dims:?}", node.op)) };
    let (count, width) = (directions.len(), order.len().saturating_mul(units));
    let (ih, hh) = (walk.numbers(node, 1)?, walk.numbers(node, 2)?);
    let numbers = |rows: usize| width.checked_mul(count).and_then(|n| n.checked_mul(rows));
    let bias = if node.has(3) {
        walk.numbers(node, 3)?
    } else {
        // No more of them than of weights, which are there.
        vec![0.0; if numbers(units) == Some(hh.len()) { 2 * count * width } else { 0 }]
    };
    if units == 0 || [numbers(inputs), numbers(units), numbers(2)] != [ih.len(), hh.len(), bias.len()].map(Some) {
        return Err(format!("its {} has weights whose sizes do not fit its hidden_size {units}", node.op));
    }
    node.lacks("clip")?;
    node.expect("input_forget", node.int("input_forget", 0)? == 0)?;
    node.expect("layout", node.int("layout", 0)? == 0)?;
    node.expect("initial_h", !(5..=7).any(|input| node.has(input)))?;
    let mut spec = Spec::new(kind).set("inputs", inputs).set("units", units);
    spec = spec.set("bidirectional", count == 2).set("bias", true);
    let functions = node.texts("activations")?;
    match kind {
        "gru" => node.expect("linear_before_reset", node.int("linear_before_reset", 0)? == 1)?,
        "rnn" => {
            let name = functions.first().map_or("Tanh", String::as_str);
            node.expect("activations", matches!(name, "Tanh" | "Relu") && functions.iter().all(|f| f == name))?;
            spec = spec.set("nonlinearity", if name == "Relu" { "relu" } else { "tanh" });
        }
        _ => {}
    }
    node.expect("activations", kind == "rnn" || functions.is_empty())?;
    for (i, direction) in directions.iter().enumerate() {
        let mut part = |name, numbers: &[f64], rows: usize, at: usize| {
            let turned = turned(&numbers[at..][..width * rows], rows, units, order);
            parameters.push((format!("{name}_l{layer}{direction}"), turned));
        };
        part("weight_ih", &ih, inputs, i * width * inputs);
        part("weight_hh", &hh, units, i * width * units);
        part("bias_ih", &bias, 1, 2 * i * width);
        part("bias_hh", &bias, 1, (2 * i + 1) * width);
    }
    Ok(Some(spec))
}

/// From (gates·units, rows) to (rows, gates·units), with the gates in this crate's order.
fn turned(numbers: &[f64], rows: usize, units: usize, order: &[usize]) -> Vec<f64> {
    let mut turned = vec![0.0; numbers.len()];
    let width = order.len() * units;
    for (place, gate) in order.iter().enumerate() {
        for unit in 0..units {
            for row in 0..rows {
                turned[row * width + gate * units + unit] = numbers[(place * units + unit) * rows + row];
            }
        }
    }
    turned
}

/// Products with three weights, cut in heads; then softmax(Q·Kᵀ/√d)·V for each head, and one more product.
/// Keys that are padding may be hidden, and what comes of queries that are may be made 0.
pub(super) fn attention<'g>(
    walk: &Walk<'g>,
    users: &[&'g Node<'g>],
    seen: Option<[&str; 2]>,
) -> Read<Option<Found<'g>>> {
    let mut parts = Vec::new();
    for node in users {
        if node.op != "MatMul" {
            return Ok(None);
        }
        let product = matmul(walk, node)?;
        let cut = walk.only(product.output, "Reshape");
        let turn = cut.and_then(|cut| walk.only(first(cut), "Transpose"));
        let (Some(cut), Some(turn)) = (cut, turn) else { return Ok(None) };
        parts.push((product, walk.integers(cut, 1)?, turn));
    }
    let ([query, key, value], Shape::Sequence { steps, .. }) = (&*parts, walk.shape) else { return Ok(None) };
    let &[_, _, heads, width] = &*query.1 else { return Ok(None) };
    if [&key.1, &value.1] != [&query.1; 2] {
        return Ok(None);
    }
    let orders = [query.2.ints("perm")?, key.2.ints("perm")?, value.2.ints("perm")?];
    if orders != [[0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]] || heads < 1 || width < 1 {
        return Ok(None);
    }
    let (heads, width) = (heads.unsigned_abs() as usize, width.unsigned_abs() as usize);
    let scores = walk.only(first(query.2), "MatMul").filter(|node| node.inputs == [first(query.2), first(key.2)]);
    let Some(scaled) = scores.and_then(|scores| walk.only(first(scores), "Mul")) else { return Ok(None) };
    scaled.expect("scale", (walk.number(scaled, 1)? - 1.0 / (width as f64).sqrt()).abs() < 1e-6)?;
    let hidden = walk.only(first(scaled), "Add");
    if let Some(hidden) = hidden {
        let (dims, numbers) = (&walk.constant(hidden, 1)?.dims, walk.numbers(hidden, 1)?);
        let hide = |n: usize| if n % steps > n / steps { f64::NEG_INFINITY } else { 0.0 };
        hidden.expect("mask", *dims == [steps, steps] && numbers.iter().enumerate().all(|(n, &x)| x == hide(n)))?;
    }
    let mut end = first(hidden.unwrap_or(scaled));
    if let Some([keys, _]) = seen {
        let Some(node) = walk.only(end, "Where") else { return Ok(None) };
        if walk.number(node, 2)? != f64::NEG_INFINITY || node.inputs[..2] != [keys, end] {
            return Ok(None);
        }
        end = first(node);
    }
    for op in ["Softmax", "MatMul", "Transpose", "Reshape"] {
        let Some(node) = walk.only(end, op) else { return Ok(None) };
        let ok = match op {
            "Softmax" => matches!(node.int("axis", -1)?, -1 | 3),
            "MatMul" => node.inputs == [end, first(value.2)],
            "Transpose" => node.ints("perm")? == [0, 2, 1, 3],
            _ => {
                let sizes = walk.integers(node, 1)?;
                let merged = sizes.get(1..).and_then(|sizes| fill(sizes, &[steps, heads, width]));
                merged.is_some_and(|merged| merged == [steps, heads.saturating_mul(width)])
            }
        };
        if !ok {
            return Ok(None);
        }
        end = first(node);
    }
    let Some(project) = walk.only(end, "MatMul") else { return Ok(None) };
    let mut out = matmul(walk, project)?;
    if let Some([_, queries]) = seen {
        let Some(node) = walk.only(out.output, "Where") else { return Ok(None) };
        if walk.number(node, 2)? != 0.0 || node.inputs[..2] != [queries, out.output] {
            return Ok(None);
        }
        out.output = first(node);
    }
    let features = heads.saturating_mul(width);
    let all = || parts.iter().map(|(part, ..)| part).chain([&out]);
    let square = |part: &Found<'_>| {
        let size = |name| part.spec.as_ref().and_then(|spec| spec.count(name).ok());
        [size("inputs"), size("outputs")] == [Some(features); 2]
    };
    if !all().all(square) {
        return Err("its attention has weights of other sizes than (features, features)".into());
    }
    let bias = all().any(|part| part.parameters.contains_key("bias"));
    let spec = Spec::new("multi_head_attention").set("features", features).set("heads", heads).set("bias", bias);
    let spec = spec.set("causal", hidden.is_some()).set("masked", seen.is_some());
    let row =
        |i: usize| parts.iter().flat_map(move |(part, ..)| &part.parameters["weight"][i * features..][..features]);
    let mut found = Found::layer(spec, out.output);
    found = found.with("in_proj_weight", (0..features).flat_map(row).copied().collect());
    found = found.with("out_proj.weight", out.parameters["weight"].clone());
    if bias {
        // To have none is to add 0.
        let of = |part: &Found<'_>| part.parameters.get("bias").cloned().unwrap_or_else(|| vec![0.0; features]);
        found = found.with("in_proj_bias", parts.iter().flat_map(|(part, ..)| of(part)).collect());
        found = found.with("out_proj.bias", of(&out));
    }
    Ok(Some(found))
}
