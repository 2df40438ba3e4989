//! Trailing all-zero steps, the padding of `masked` layers, in ONNX operators.

use crate::spec::onnx::{Attribute, Operators, Tensor};

/// The number of steps before the padding of each sample of `x`, (batch, steps, features): (batch), as `f32`.
pub(in crate::layers) fn lengths(operators: &mut Operators, x: &str, steps: usize) -> String {
    let (last, zero) = (operators.integers(&[-1]), operators.number(0.0));
    let counts = operators.unnamed(Tensor::floats(&[steps], (1..=steps).map(|t| t as f32)));
    let size = operators.node("Abs", &[x], []);
    let largest = operators.node("ReduceMax", &[&size, &last], [("keepdims", Attribute::Int(0))]);
    let something = operators.node("Greater", &[&largest, &zero], []);
    let counted = operators.node("Where", &[&something, &counts, &zero], []);
    operators.node("ReduceMax", &[&counted, &last], [("keepdims", Attribute::Int(0))])
}

/// Whether each step of `x` precedes the padding; `sizes` are the dimensions after the batch: one is the steps, the
/// others 1.
pub(in crate::layers) fn seen(operators: &mut Operators, x: &str, steps: usize, sizes: &[usize]) -> String {
    let lengths = lengths(operators, x, steps);
    let alone: Vec<i64> = std::iter::once(0).chain(sizes.iter().map(|_| 1)).collect();
    let alone = operators.integers(&alone);
    let lengths = operators.node("Reshape", &[&lengths, &alone], []);
    let positions = operators.unnamed(Tensor::floats(sizes, (0..steps).map(|t| t as f32)));
    operators.node("Less", &[&positions, &lengths], [])
}

/// Keeps the current value where the condition holds, and takes `other` elsewhere.
pub(in crate::layers) fn only(operators: &mut Operators, condition: &str, other: &str) {
    let value = operators.node("Where", &[condition, &operators.value(), other], []);
    operators.set_value(value);
}
