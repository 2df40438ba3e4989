//! Attention in ONNX operators.

use ndarray::{Array2, s};

use super::MultiHeadAttention;
use super::rotary::codes;
use crate::layers::shared::masked;
use crate::spec::onnx::{Attribute, Operators, Tensor};
use crate::{Error, Result, Scalar, Shape};

impl<A: Scalar> MultiHeadAttention<A> {
    /// Softmax(Q·Kᵀ/√d)·V for each head, between the projections. `inputs` are those of Q, K and V.
    pub(super) fn write(&self, operators: &mut Operators, inputs: [(&str, Shape); 3]) -> Result<()> {
        let [(query, Shape::Sequence { steps: queries, .. }), (key, Shape::Sequence { steps: keys, .. }), _] = inputs
        else {
            let wants = format!("sequences [steps, {}]", self.features());
            return Err(Error::Input { layer: format!("{self:?}"), wants, got: inputs[0].1 });
        };
        let (features, width) = (self.features(), self.width());
        let known = operators.lengths_of(key).is_some();
        let seen = (self.masked || known).then(|| {
            let seen_keys = masked::seen(operators, key, true);
            (seen_keys, masked::seen(operators, query, false))
        });
        let heads = operators.integers(&[0, 0, self.heads as i64, width as i64]);
        let mut part = |i: usize, name, axes: [usize; 4]| {
            operators.set_value(inputs[i].0);
            self.write_projection(operators, i, name);
            operators.then("Reshape", &[&heads], []);
            if let Some(base) = self.rotary.filter(|_| i < 2) {
                write_rotation(operators, base, if i == 0 { queries } else { keys }, width);
            }
            operators.then("Transpose", &[], [("perm", Attribute::sizes(axes))]);
            operators.value()
        };
        // Q and V are (batch, heads, steps, width), K is (batch, heads, width, steps).
        let (q, k, v) = (part(0, "query", [0, 2, 1, 3]), part(1, "key", [0, 2, 3, 1]), part(2, "value", [0, 2, 1, 3]));
        operators.set_value(q);
        operators.then("MatMul", &[&k], []);
        let scale = operators.number(1.0 / (width as f64).sqrt());
        operators.then("Mul", &[&scale], []);
        let mask = self.allowed.as_ref().map(|allowed| {
            let sees = |(i, j): (usize, usize)| allowed[[i, j]] && (!self.causal || j <= i);
            Array2::from_shape_fn((queries, keys), sees)
        });
        // Where a query attends to nothing, softmax would give NaN: it attends to all, and its weights become 0.
        let sees_something = |query: usize| mask.as_ref().is_some_and(|mask| mask.row(query).iter().any(|&key| key));
        if let Some(mask) = &mask {
            let hidden = mask.indexed_iter().map(|((query, _), &key)| key || !sees_something(query));
            let numbers = hidden.map(|key| if key { 0.0 } else { f32::NEG_INFINITY });
            let mask = Tensor::floats(&[queries, keys], numbers);
            let mask = operators.constant("mask", mask);
            operators.then("Add", &[&mask], []);
        } else if self.causal {
            let (queries, keys, second) =
                (operators.positions(query), operators.positions(key), operators.integers(&[1]));
            let queries = operators.node("Unsqueeze", &[&queries, &second], []);
            let later = operators.node("Less", &[&queries, &keys], []);
            let (nothing, zero) = (operators.number(f64::NEG_INFINITY), operators.number(0.0));
            let hidden = operators.node("Where", &[&later, &nothing, &zero], []);
            operators.then("Add", &[&hidden], []);
        }
        if let Some((keys, _)) = &seen {
            let nothing = operators.number(f64::NEG_INFINITY);
            masked::only(operators, keys, &nothing);
        }
        let scores = operators.value();
        operators.then("Softmax", &[], [("axis", Attribute::Int(-1))]);
        if mask.is_some() && !(0..queries).all(sees_something) {
            let sees = (0..queries).map(|query| f32::from(u8::from(sees_something(query))));
            let sees = operators.constant("sees", Tensor::floats(&[queries, 1], sees));
            operators.then("Mul", &[&sees], []);
        }
        if mask.is_some() && seen.is_some() {
            // All keys of the mask may be padding.
            let (last, nothing, zero) =
                (operators.integers(&[-1]), operators.number(f64::NEG_INFINITY), operators.number(0.0));
            let best = operators.node("ReduceMax", &[&scores, &last], [("keepdims", Attribute::Int(1))]);
            let blind = operators.node("Equal", &[&best, &nothing], []);
            let weights = operators.node("Where", &[&blind, &zero, &operators.value()], []);
            operators.set_value(weights);
        }
        if let Some((keys, _)) = seen.as_ref().filter(|_| query != key) {
            // Where all keys are masked, softmax gives NaN. In self-attention such samples have no queries either.
            let zero = operators.number(0.0);
            masked::only(operators, keys, &zero);
        }
        operators.then("MatMul", &[&v], []);
        operators.then("Transpose", &[], [("perm", Attribute::sizes([0, 2, 1, 3]))]);
        let sizes = operators.integers(&[0, 0, features as i64]);
        operators.then("Reshape", &[&sizes], []);
        let weight = operators.parameter_constant("out_proj.weight", None)?;
        operators.then("MatMul", &[&weight], []);
        if self.out_bias.is_some() {
            let bias = operators.parameter_constant("out_proj.bias", None)?;
            operators.then("Add", &[&bias], []);
        }
        if let Some((_, queries)) = seen {
            let zero = operators.number(0.0);
            masked::only(operators, &queries, &zero);
        }
        Ok(())
    }

    /// Projection `i` (Q, K or V) of the current value: a product with its columns of the weights.
    fn write_projection(&self, operators: &mut Operators, i: usize, name: &str) {
        let features = self.features();
        let columns = s![.., i * features..(i + 1) * features];
        let numbers = self.in_weight.slice(columns);
        let weight = Tensor::floats(&[features, features], numbers.iter().map(|x| x.to_f64() as f32));
        let weight = operators.constant(&format!("{name}_weight"), weight);
        operators.then("MatMul", &[&weight], []);
        if let Some(bias) = &self.in_bias {
            let bias = Tensor::floats(&[features], bias.slice(columns).iter().map(|x| x.to_f64() as f32));
            let bias = operators.constant(&format!("{name}_bias"), bias);
            operators.then("Add", &[&bias], []);
        }
    }
}

/// Rotates each head of the current value, (batch, steps, heads, d): x·cos θ + x̃·sin θ, where x̃ is x with its halves
/// swapped and the first then negated.
fn write_rotation(operators: &mut Operators, base: f64, steps: usize, width: usize) {
    let codes = codes(base, steps, width);
    let [cos, sin] = [0, width / 2].map(|from| {
        let of = |(t, i): (usize, usize)| codes[[t, from + i % (width / 2)]] as f32;
        let numbers = (0..steps * width).map(|at| of((at / width, at % width)));
        operators.unnamed(Tensor::floats(&[steps, 1, width], numbers))
    });
    let x = operators.value();
    let [zero, half, end, last] = [0, width / 2, width, 3].map(|n| operators.integers(&[n as i64]));
    let first = operators.node("Slice", &[&x, &zero, &half, &last], []);
    let second = operators.node("Slice", &[&x, &half, &end, &last], []);
    let negated = operators.node("Neg", &[&second], []);
    let exchanged = operators.node("Concat", &[&negated, &first], [("axis", Attribute::Int(3))]);
    let turned = operators.node("Mul", &[&exchanged, &sin], []);
    operators.then("Mul", &[&cos], []);
    operators.then("Add", &[&turned], []);
}
