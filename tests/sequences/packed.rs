//! Against `PyTorch`'s packed sequences and padding masks.

use ndarray::{Array2, ArrayView2};
use neuropil::layer::Layer;
use neuropil::layers::{MultiHeadAttention, Rnn};
use neuropil::ndarray;
use neuropil::prelude::*;
use serde_json::Value;

use super::series;
use crate::common::{F64, assert_close, fixture};

pub(super) fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

/// The parameter, or its gradient, as the layers store it: two-dimensional ones transposed.
pub(super) fn stored(case: &Value, name: &str, what: &str) -> Array2<f64> {
    let parameter = &case["parameters"][name];
    let dims = numbers(&parameter["dims"]);
    let rows = if dims.len() == 2 { dims[0] as usize } else { 1 };
    let values = numbers(&parameter[what]);
    let matrix = ArrayView2::from_shape((rows, values.len() / rows), &values).unwrap();
    if dims.len() == 2 { matrix.t().as_standard_layout().into_owned() } else { matrix.to_owned() }
}

fn layer(case: &Value, features: usize) -> Box<dyn Layer<f64>> {
    let (r, two, flag) = (&mut rng(0), case["bidirectional"] == true, case["layers"] == 2);
    macro_rules! recurrent {
        ($layer:expr) => {{
            let mut layer = $layer;
            if flag {
                layer = layer.stacked(2, r);
            }
            if two {
                layer = layer.bidirectional(r);
            }
            Box::new(if case["last"] == true { layer.last_state() } else { layer })
        }};
    }
    match case["name"].as_str().unwrap() {
        "LSTM" => recurrent!(Lstm::new(features, 3, r)),
        "GRU" => recurrent!(Gru::new(features, 3, r)),
        "RNN" => recurrent!(Rnn::new(features, 3, r)),
        _ if two => Box::new(MultiHeadAttention::new(features, 2, r).causal()),
        _ => Box::new(MultiHeadAttention::new(features, 2, r)),
    }
}

#[test]
fn values_and_gradients_are_those_of_packed_sequences() {
    let file = fixture("sequences/packed.json");
    let features = file["features"].as_u64().unwrap() as usize;
    let (mut count, mut compared) = (0, 0);
    for case in file["cases"].as_array().unwrap() {
        let mut layer = layer(case, features);
        layer.visit_mut(&mut |info, w| w.assign(&stored(case, &info.name.to_string(), "values")));
        let network = series(layer).unwrap();
        let lengths = numbers(&case["lengths"]);
        let rows = lengths.len();
        let matrix = |name: &str| {
            let values = numbers(&case[name]);
            Array2::from_shape_vec((rows, values.len() / rows), values).unwrap()
        };
        let lengths = Array2::from_shape_vec((rows, 1), lengths).unwrap();
        let x = network.input_rows(&[("x", &matrix("x")), ("length", &lengths)]).unwrap();
        let mut tape = Tape::new(&network, 0);
        let name = format!("{} {}", case["name"], count);
        compared += assert_close(&name, tape.forward(&network, &x).unwrap().iter().copied(), matrix("y"), F64);
        compared += assert_close(&name, network.predict(&x).unwrap(), matrix("y"), F64);
        let gradients = tape.backward_from(&network, &matrix("dy")).unwrap();
        let dx = gradients.input.slice(ndarray::s![.., ..-1]).to_owned();
        compared += assert_close(&format!("{name} dx"), dx, matrix("dx"), F64);
        let mut weights = gradients.weights.iter();
        network.visit(&mut |info, _| {
            let own = info.name.to_string();
            let dw = stored(case, own.split_once('.').unwrap().1, "gradient");
            compared += assert_close(&format!("{name} {own}"), weights.next().unwrap().iter().copied(), dw, F64);
        });
        count += 1;
    }
    assert_eq!((count, compared), (14, 5752));
}
