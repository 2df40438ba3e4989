//! What several test files need: the reference values in `fixtures`, and how close is close enough.

#![allow(dead_code, unreachable_pub)] // Each test file uses its own part.

use std::path::Path;

use neuropil::Scalar;
use neuropil::layer::Layer;
use neuropil::ndarray::{Array2, ArrayD, IxDyn};
use serde_json::Value;

/// A file below `tests/fixtures`, read as JSON.
pub fn fixture(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// One case of a family of reference values computed by PyTorch in `f64`.
#[derive(Debug, Clone)]
pub struct Case {
    pub name: String,
    pub value: Value,
}

/// The cases of `fixtures/goldens/<family>.json`.
pub fn cases(family: &str) -> Vec<Case> {
    let file = fixture(&format!("goldens/{family}.json"));
    let cases = file["cases"].as_array().expect("a list of cases");
    cases.iter().map(|case| Case { name: case["name"].as_str().unwrap().to_owned(), value: case.clone() }).collect()
}

impl Case {
    /// A setting by PyTorch's name.
    pub fn config(&self, name: &str) -> &Value {
        &self.value["config"][name]
    }

    /// The operation that this case is of.
    pub fn op(&self) -> &str {
        self.config("op").as_str().unwrap()
    }

    /// A number among the settings.
    pub fn number(&self, name: &str) -> f64 {
        self.config(name).as_f64().unwrap_or_else(|| panic!("{}: no number {name}", self.name))
    }

    /// An array, such as `array("inputs", "input")` or `array("gradients", "weight")`; `None` if the case has none.
    pub fn array(&self, group: &str, name: &str) -> Option<ArrayD<f64>> {
        let array = self.value[group].get(name)?;
        let shape: Vec<usize> = array["shape"].as_array()?.iter().map(|n| n.as_u64().unwrap() as usize).collect();
        let data = array["data"].as_array()?.iter().map(number).collect();
        Some(ArrayD::from_shape_vec(IxDyn(&shape), data).unwrap())
    }

    /// Gives `layer` all parameters of this case, each as `parameter_of` reads it from the group `parameters`.
    pub fn set_parameters<A: Scalar>(
        &self,
        layer: &mut dyn Layer<A>,
        parameter_of: impl Fn(&Self, &str, &str) -> Array2<f64>,
    ) {
        let mut set = 0;
        layer.visit_mut(&mut |info, parameter| {
            let values = parameter_of(self, "parameters", &info.name.to_string());
            assert_eq!(values.dim(), parameter.dim());
            parameter.assign(&values.mapv(A::of));
            set += 1;
        });
        assert_eq!(set, self.value["parameters"].as_object().unwrap().len(), "{}", self.name);
    }

    /// The same as a matrix of `columns` columns, in row-major order.
    pub fn matrix(&self, group: &str, name: &str, columns: usize) -> Option<Array2<f64>> {
        let array = self.array(group, name)?;
        let rows = array.len() / columns;
        Some(Array2::from_shape_vec((rows, columns), array.into_iter().collect()).unwrap())
    }
}

/// A number of the files, where `"nan"`, `"inf"` and `"-inf"` are text.
pub fn number(value: &Value) -> f64 {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_else(|| panic!("{value} is no number"))
}

/// All numbers of a (nested) list.
pub fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(list) => list.iter().flat_map(numbers).collect(),
        single => vec![number(single)],
    }
}

/// How far a result may be from its reference: `absolute + relative·|reference|`.
#[derive(Debug, Clone, Copy)]
pub struct Tolerance {
    pub absolute: f64,
    pub relative: f64,
}

/// For results in `f64` and in `f32`, as the reference values' description has them.
pub const F64: Tolerance = Tolerance { absolute: 1e-12, relative: 1e-9 };
pub const F32: Tolerance = Tolerance { absolute: 2e-5, relative: 2e-4 };

/// Asserts that `got` agrees with `want` number by number, and returns how many were compared.
pub fn assert_close<G: Into<f64>, W: Into<f64>>(
    what: &str,
    got: impl IntoIterator<Item = G>,
    want: impl IntoIterator<Item = W>,
    tolerance: Tolerance,
) -> usize {
    let (mut got, mut want) = (got.into_iter(), want.into_iter());
    for i in 0.. {
        let (got, want) = match (got.next(), want.next()) {
            (None, None) => return i,
            (got, want) => {
                let got = got.unwrap_or_else(|| panic!("{what}: only {i} numbers"));
                (got.into(), want.unwrap_or_else(|| panic!("{what}: more than {i} numbers")).into())
            }
        };
        let close = (got - want).abs() <= tolerance.absolute + tolerance.relative * want.abs();
        assert!(close || got == want || (got.is_nan() && want.is_nan()), "{what}[{i}]: got {got:e}, want {want:e}");
    }
    unreachable!()
}

/// Checks that a call was refused with these words.
#[track_caller]
pub fn refused<T: std::fmt::Debug>(result: neuropil::Result<T>, words: &str) {
    let error = result.expect_err(words).to_string();
    assert!(error.contains(words), "{error}");
}
