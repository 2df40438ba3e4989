//! Every number that the five notebooks print, assert or state: `fixtures/notebooks/reference.json` has them all, and
//! `computed.json` those of the cells that were saved without output (computed by `compute.py` with the notebooks' own
//! code). Each test counts what it compared.
//!
//! Where a print has all digits of an `f64`, the tolerance is 1e-12 relative; numpy's prints of 8 digits are compared
//! as text.

use crate::common;

#[path = "notebooks/notebook_000.rs"]
mod notebook_000;
#[path = "notebooks/notebook_001.rs"]
mod notebook_001;
#[path = "notebooks/notebook_002.rs"]
mod notebook_002;
#[path = "notebooks/notebook_003.rs"]
mod notebook_003;
#[path = "notebooks/notebook_004.rs"]
mod notebook_004;

use common::{Tolerance, fixture, numbers};
use neuropil::ndarray::Array2;
use serde_json::Value;

/// 1e-12 relative; the absolute part is for numbers near 0 that are differences of larger ones.
const EXACT: Tolerance = Tolerance { absolute: 1e-15, relative: 1e-12 };

/// What the notebook says, `reference("003")["neuron_3"]` for instance.
fn reference(notebook: &str) -> Value {
    fixture("notebooks/reference.json")[notebook].take()
}

/// What the notebook would have said.
fn computed(notebook: &str) -> Value {
    fixture("notebooks/computed.json")[notebook].take()
}

/// A list of lists as a matrix; a plain list as one row.
fn matrix(value: &Value) -> Array2<f64> {
    let rows = if value[0].is_array() { value.as_array().unwrap().len() } else { 1 };
    let data = numbers(value);
    Array2::from_shape_vec((rows, data.len() / rows), data).unwrap()
}

/// Asserts that each number, rounded to the given decimals, is the one that was printed; returns their count.
fn assert_printed<'a>(what: &str, got: impl IntoIterator<Item = &'a f64>, printed: &Value, decimals: usize) -> usize {
    let got: Vec<f64> = got.into_iter().map(|x| format!("{x:.decimals$}").parse().unwrap()).collect();
    assert_eq!(got, numbers(printed), "{what}");
    got.len()
}
