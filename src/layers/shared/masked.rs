//! Trailing all-zero steps, the padding of `masked` layers, in ONNX operators.

use crate::spec::onnx::{Attribute, Operators, Tensor};

/// The number of steps before the padding of each sample of `x`, (batch, steps, features): (batch), as `f32`.
/// If they are not known, trailing all-zero steps are padding.
pub(in crate::layers) fn lengths(operators: &mut Operators, x: &str, steps: usize) -> String {
    if let Some(known) = operators.lengths_of(x) {
        return known;
    }
    let (last, zero) = (operators.integers(&[-1]), operators.number(0.0));
    let size = operators.node("Abs", &[x], []);
    let largest = operators.node("ReduceMax", &[&size, &last], [("keepdims", Attribute::Int(0))]);
    let something = operators.node("Greater", &[&largest, &zero], []);
    last_of(operators, &something, steps)
}

/// The number of steps up to the last for which `condition`, (batch, steps), holds: (batch), as `f32`.
pub(in crate::layers) fn last_of(operators: &mut Operators, condition: &str, steps: usize) -> String {
    let (last, zero) = (operators.integers(&[-1]), operators.number(0.0));
    let counts = operators.unnamed(Tensor::floats(&[steps], (1..=steps).map(|t| t as f32)));
    let counted = operators.node("Where", &[condition, &counts, &zero], []);
    operators.node("ReduceMax", &[&counted, &last], [("keepdims", Attribute::Int(0))])
}

/// Whether each step of `x` precedes the padding; `sizes` are the dimensions after the batch: one is the steps, the
/// others 1.
pub(in crate::layers) fn seen(operators: &mut Operators, x: &str, steps: usize, sizes: &[usize]) -> String {
    let lengths = lengths(operators, x, steps);
    operators.before_padding(&lengths, steps, sizes)
}

/// Keeps the current value where the condition holds, and takes `other` elsewhere.
pub(in crate::layers) fn only(operators: &mut Operators, condition: &str, other: &str) {
    let value = operators.node("Where", &[condition, &operators.value(), other], []);
    operators.set_value(value);
}
