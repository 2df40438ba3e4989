//! Recurrent layers as ONNX's RNN, LSTM and GRU.

use super::export::{At, Export};
use super::graph::Attribute::{Int, Ints, Text, Texts};
use super::sequences;
use crate::spec::onnx::Tensor;
use crate::{Result, Shape};

/// Where ONNX has this layer's gates: its LSTM goes i o f g where ours goes i f g o, its GRU z r n where ours goes r z n.
pub(super) fn gate_order(kind: &str) -> &'static [usize] {
    match kind {
        "lstm" => &[0, 3, 1, 2],
        "gru" => &[1, 0, 2],
        _ => &[0],
    }
}

/// One operator for each layer on another, between two transposes: ONNX wants (steps, batch, features).
pub(super) fn write(e: &mut Export, at: &At) -> Result<()> {
    let spec = &at.spec;
    let (units, layers) = (spec.count("units")?, spec.count("layers")?);
    let directions: &[&str] = if spec.flag("bidirectional")? { &["", "_reverse"] } else { &[""] };
    let order = gate_order(spec.kind());
    // How many steps of a sample are no padding; without a name, all of them.
    let lengths = match at.input {
        Shape::Sequence { steps, .. } if spec.flag("masked")? => {
            let lengths = sequences::lengths(e, steps);
            e.node("Cast", &[&lengths], [("to", Int(6))])
        }
        _ => String::new(),
    };
    e.then("Transpose", &[], [("perm", Ints(vec![1, 0, 2]))]);
    for layer in 0..layers {
        let (mut w, mut r, mut b) = (Vec::new(), Vec::new(), Vec::new());
        let mut inputs = 0;
        for direction in directions {
            let name = |what: &str| format!("{what}_l{layer}{direction}");
            let (dims, ih) = at.parameter(&name("weight_ih"))?;
            inputs = dims[0];
            w.extend(turned(ih, units, order));
            r.extend(turned(at.parameter(&name("weight_hh"))?.1, units, order));
            for bias in ["bias_ih", "bias_hh"] {
                if at.has(&name(bias)) {
                    b.extend(turned(at.parameter(&name(bias))?.1, units, order));
                } else {
                    b.extend(vec![0.0; order.len() * units]);
                }
            }
        }
        let (count, width) = (directions.len(), order.len() * units);
        let mut constant = |name: &str, dims: &[usize], numbers: Vec<f32>| {
            e.constant(at.name(&format!("{name}_l{layer}")), Tensor::floats(dims, numbers))
        };
        let w = constant("w", &[count, width, inputs], w);
        let r = constant("r", &[count, width, units], r);
        let b = constant("b", &[count, 2 * width], b);
        let hidden = ("hidden_size", Int(units as i64));
        let direction = ("direction", Text(if count == 2 { "bidirectional" } else { "forward" }.into()));
        match spec.kind() {
            "gru" => e.then("GRU", &[&w, &r, &b, &lengths], [hidden, direction, ("linear_before_reset", Int(1))]),
            "lstm" => e.then("LSTM", &[&w, &r, &b, &lengths], [hidden, direction]),
            _ => {
                let name = if spec.text("nonlinearity")? == "relu" { "Relu" } else { "Tanh" };
                let functions = Texts(vec![name.to_owned(); count]);
                e.then("RNN", &[&w, &r, &b, &lengths], [hidden, direction, ("activations", functions)]);
            }
        }
        if layer + 1 == layers && spec.flag("last_state")? {
            // Its second output is the last state, (directions, batch, units).
            e.x = e.second_output();
            e.then("Transpose", &[], [("perm", Ints(vec![1, 0, 2]))]);
            let sizes = e.integers(&[0, (count * units) as i64]);
            e.then("Reshape", &[&sizes], []);
            return Ok(());
        }
        // From (steps, directions, batch, units) to (steps, batch, features).
        e.then("Transpose", &[], [("perm", Ints(vec![0, 2, 1, 3]))]);
        let sizes = e.integers(&[0, 0, (count * units) as i64]);
        e.then("Reshape", &[&sizes], []);
    }
    e.then("Transpose", &[], [("perm", Ints(vec![1, 0, 2]))]);
    Ok(())
}

/// From (rows, gates·units) to (gates·units, rows), with the gates in another order.
fn turned(numbers: &[f32], units: usize, order: &[usize]) -> Vec<f32> {
    let width = order.len() * units;
    let columns = order.iter().flat_map(|gate| gate * units..(gate + 1) * units);
    columns.flat_map(|column| numbers.iter().skip(column).step_by(width).copied()).collect()
}
