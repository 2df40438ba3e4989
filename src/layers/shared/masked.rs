//! Trailing steps of zeros, which `masked` layers take for padding, in the operators of ONNX.

use crate::spec::onnx::{Attribute, Operators, Tensor};

/// How many steps of each sample of `x`, (batch, steps, features), come before its padding: (batch), as `f32`.
pub(in crate::layers) fn lengths(operators: &mut Operators, x: &str, steps: usize) -> String {
    let (last, zero) = (operators.integers(&[-1]), operators.number(0.0));
    let counts = operators.unnamed(Tensor::floats(&[steps], (1..=steps).map(|t| t as f32)));
    let size = operators.node("Abs", &[x], []);
    let largest = operators.node("ReduceMax", &[&size, &last], [("keepdims", Attribute::Int(0))]);
    let something = operators.node("Greater", &[&largest, &zero], []);
    let counted = operators.node("Where", &[&something, &counts, &zero], []);
    operators.node("ReduceMax", &[&counted, &last], [("keepdims", Attribute::Int(0))])
}

/// Which steps of `x` come before the padding of their sample, of the sizes that follow the batch: one of them is that of
/// the steps, the others are 1.
pub(in crate::layers) fn seen(operators: &mut Operators, x: &str, steps: usize, sizes: &[usize]) -> String {
    let lengths = lengths(operators, x, steps);
    let alone: Vec<i64> = std::iter::once(0).chain(sizes.iter().map(|_| 1)).collect();
    let alone = operators.integers(&alone);
    let lengths = operators.node("Reshape", &[&lengths, &alone], []);
    let positions = operators.unnamed(Tensor::floats(sizes, (0..steps).map(|t| t as f32)));
    operators.node("Less", &[&positions, &lengths], [])
}

/// Keeps the current value where a condition holds, and puts another one elsewhere.
pub(in crate::layers) fn only(operators: &mut Operators, condition: &str, other: &str) {
    let value = operators.node("Where", &[condition, &operators.value(), other], []);
    operators.set_value(value);
}
