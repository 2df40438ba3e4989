//! Layers of sequences beside the recurrent ones: positions and attention; and where padding begins.

use super::export::{At, Export};
use super::graph::Attribute::{Int, Ints};
use crate::spec::onnx::Tensor;
use crate::{Result, Shape};

/// How many steps of each sample come before trailing steps of nothing but zeros, (batch), as `f32`.
pub(super) fn lengths(e: &mut Export, steps: usize) -> String {
    let (x, last, zero) = (e.x.clone(), e.integers(&[-1]), e.number(0.0));
    let counts = Tensor::floats(&[steps], (1..=steps).map(|t| t as f32));
    let counts = e.unnamed(counts);
    let size = e.node("Abs", &[&x], []);
    let largest = e.node("ReduceMax", &[&size, &last], [("keepdims", Int(0))]);
    let something = e.node("Greater", &[&largest, &zero], []);
    let counted = e.node("Where", &[&something, &counts, &zero], []);
    e.node("ReduceMax", &[&counted, &last], [("keepdims", Int(0))])
}

/// Which steps come before a sample's padding, of the sizes that follow `batch`: one of them is the steps, others 1.
fn seen(e: &mut Export, steps: usize, sizes: &[usize]) -> String {
    let lengths = lengths(e, steps);
    let alone: Vec<i64> = std::iter::once(0).chain(sizes.iter().map(|_| 1)).collect();
    let alone = e.integers(&alone);
    let lengths = e.node("Reshape", &[&lengths, &alone], []);
    let positions = e.unnamed(Tensor::floats(sizes, (0..steps).map(|t| t as f32)));
    e.node("Less", &[&positions, &lengths], [])
}

/// The current value where a condition holds, else 0.
fn only(e: &mut Export, condition: &str) {
    let zero = e.number(0.0);
    e.x = e.node("Where", &[condition, &e.x.clone(), &zero], []);
}

/// Adds a code for each step.
pub(super) fn positions(e: &mut Export, at: &At) -> Result<()> {
    let Shape::Sequence { steps, features } = at.input else { return Ok(()) };
    let codes: Vec<f32> = if at.has("weight") {
        at.parameter("weight")?.1[..steps * features].to_vec()
    } else {
        let angle = |t: usize, i: usize| t as f64 * 10_000_f64.powf(-((i / 2 * 2) as f64) / features as f64);
        let code = |t, i: usize| if i.is_multiple_of(2) { angle(t, i).sin() } else { angle(t, i).cos() };
        (0..steps * features).map(|n| code(n / features, n % features) as f32).collect()
    };
    let codes = e.constant(at.name("weight"), Tensor::floats(&[steps, features], codes));
    let seen = if at.spec.flag("masked")? { Some(seen(e, steps, &[steps, 1])) } else { None };
    let x = e.x.clone();
    e.then("Add", &[&codes], []);
    if let Some(seen) = seen {
        e.x = e.node("Where", &[&seen, &e.x.clone(), &x], []);
    }
    Ok(())
}

/// softmax(Q·Kᵀ/√d)·V for each head, between products with the weights.
pub(super) fn attention(e: &mut Export, at: &At) -> Result<()> {
    let Shape::Sequence { steps, features } = at.input else { return Ok(()) };
    let (heads, masked) = (at.spec.count("heads")?, at.spec.flag("masked")?);
    let width = features / heads;
    let x = e.x.clone();
    let rows = if masked { Some((seen(e, steps, &[1, 1, steps]), seen(e, steps, &[steps, 1]))) } else { None };
    let sizes = e.integers(&[0, 0, heads as i64, width as i64]);
    // Q and V are (batch, heads, steps, width), K is (batch, heads, width, steps).
    let mut parts = [("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3])].into_iter().enumerate();
    let mut part = |e: &mut Export| -> Result<String> {
        let Some((i, (name, order))) = parts.next() else { return Ok(String::new()) };
        let columns = |numbers: &[f32]| -> Vec<f32> {
            numbers.chunks_exact(3 * features).flat_map(|row| &row[i * features..(i + 1) * features]).copied().collect()
        };
        let weight = Tensor::floats(&[features, features], columns(at.parameter("in_proj_weight")?.1));
        let weight = e.constant(at.name(&format!("{name}_weight")), weight);
        e.x = e.node("MatMul", &[&x, &weight], []);
        if at.has("in_proj_bias") {
            let bias = Tensor::floats(&[features], columns(at.parameter("in_proj_bias")?.1));
            let bias = e.constant(at.name(&format!("{name}_bias")), bias);
            e.then("Add", &[&bias], []);
        }
        e.then("Reshape", &[&sizes], []);
        e.then("Transpose", &[], [("perm", Ints(order.to_vec()))]);
        Ok(e.x.clone())
    };
    let (query, key, value) = (part(e)?, part(e)?, part(e)?);
    e.x = e.node("MatMul", &[&query, &key], []);
    let scale = e.number(1.0 / (width as f64).sqrt());
    e.then("Mul", &[&scale], []);
    if at.spec.flag("causal")? {
        let hide = |n: usize| if n % steps > n / steps { f32::NEG_INFINITY } else { 0.0 };
        let hidden = e.unnamed(Tensor::floats(&[steps, steps], (0..steps * steps).map(hide)));
        e.then("Add", &[&hidden], []);
    }
    if let Some((keys, _)) = &rows {
        let nothing = e.number(f64::NEG_INFINITY);
        e.x = e.node("Where", &[keys, &e.x.clone(), &nothing], []);
    }
    e.then("Softmax", &[], [("axis", Int(-1))]);
    e.then("MatMul", &[&value], []);
    e.then("Transpose", &[], [("perm", Ints(vec![0, 2, 1, 3]))]);
    let sizes = e.integers(&[0, 0, features as i64]);
    e.then("Reshape", &[&sizes], []);
    let weight = at.constant(e, "out_proj.weight", &[features, features])?;
    e.then("MatMul", &[&weight], []);
    if at.has("out_proj.bias") {
        let bias = at.constant(e, "out_proj.bias", &[features])?;
        e.then("Add", &[&bias], []);
    }
    if let Some((_, queries)) = rows {
        only(e, &queries);
    }
    Ok(())
}
