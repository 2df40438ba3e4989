//! Convolution and pooling layers as calls to Rust functions.

use crate::kernels::window::Axis;
use crate::spec::rust::{Code, functions};

/// An axis as a Rust expression.
pub(in crate::layers) fn axis_text(axis: Axis) -> String {
    format!("kernels::{axis:?}")
}

/// Rows and columns as a Rust expression.
pub(in crate::layers) fn axes_text(axes: [Axis; 2]) -> String {
    format!("[{}]", axes.map(axis_text).join(", "))
}

/// Adds max pooling.
pub(in crate::layers) fn max_pool_rust(code: &mut Code, axes: [Axis; 2]) {
    code.then(&functions::MAX_POOL, outputs(code, axes), &[&axes_text(axes)]);
}

/// Adds average pooling.
pub(in crate::layers) fn avg_pool_rust(code: &mut Code, axes: [Axis; 2], counts_padding: bool) {
    code.then(&functions::AVG_POOL, outputs(code, axes), &[&axes_text(axes), &counts_padding]);
}

/// The number of output elements of a pooling layer.
fn outputs(code: &Code, [rows, columns]: [Axis; 2]) -> usize {
    code.current().len() / (rows.input * columns.input) * (rows.output * columns.output)
}
