//! Trailing all-zero steps, the padding of `masked` layers, in ONNX operators.

use crate::spec::onnx::{Attribute, Operators};

/// The number of steps before the padding of each sample of `x`, (batch, steps, features): (batch), as `f32`.
/// If they are not known, trailing all-zero steps are padding.
pub(in crate::layers) fn lengths(operators: &mut Operators, x: &str) -> String {
    if let Some(known) = operators.lengths_of(x) {
        return known;
    }
    let (last, zero) = (operators.integers(&[-1]), operators.number(0.0));
    let size = operators.node("Abs", &[x], []);
    let largest = operators.node("ReduceMax", &[&size, &last], [("keepdims", Attribute::Int(0))]);
    let something = operators.node("Greater", &[&largest, &zero], []);
    last_of(operators, &something)
}

/// The number of steps up to the last for which `condition`, (batch, steps), holds: (batch), as `f32`.
pub(in crate::layers) fn last_of(operators: &mut Operators, condition: &str) -> String {
    let (last, zero, counts) = (operators.integers(&[-1]), operators.number(0.0), counts(operators, condition));
    let counted = operators.node("Where", &[condition, &counts, &zero], []);
    operators.node("ReduceMax", &[&counted, &last], [("keepdims", Attribute::Int(0))])
}

/// The number of each step of `x`, (batch, steps, …), from 1: (steps), as `f32`.
pub(in crate::layers) fn counts(operators: &mut Operators, x: &str) -> String {
    let (positions, one) = (operators.positions(x), operators.number(1.0));
    operators.node("Add", &[&positions, &one], [])
}

/// Whether each step of `x` precedes the padding: (batch, steps, 1), or (batch, 1, 1, steps) for keys.
pub(in crate::layers) fn seen(operators: &mut Operators, x: &str, keys: bool) -> String {
    let lengths = lengths(operators, x);
    operators.before_padding(&lengths, x, keys)
}

/// Keeps the current value where the condition holds, and takes `other` elsewhere.
pub(in crate::layers) fn only(operators: &mut Operators, condition: &str, other: &str) {
    let value = operators.node("Where", &[condition, &operators.value(), other], []);
    operators.set_value(value);
}
