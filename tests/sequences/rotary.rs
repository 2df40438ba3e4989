//! Rotary positions against `PyTorch`.

use ndarray::{Array2, s};
use neuropil::joins::Lengths;
use neuropil::layer::Layer;
use neuropil::layers::MultiHeadAttention;
use neuropil::ndarray;
use neuropil::prelude::*;

use super::packed::{numbers, stored};
use crate::common::{F64, assert_close, fixture, refused};

#[test]
fn rotary_attention_is_that_of_pytorch() {
    let file = fixture("sequences/rotary.json");
    let [steps, features] = ["steps", "features"].map(|name| file[name].as_u64().unwrap() as usize);
    let lengths = numbers(&file["lengths"]);
    let rows = lengths.len();
    let lengths = Array2::from_shape_vec((rows, 1), lengths).unwrap();
    let (mut count, mut compared) = (0, 0);
    for case in file["cases"].as_array().unwrap() {
        let heads = case["heads"].as_u64().unwrap() as usize;
        let layer = MultiHeadAttention::new(features, heads, &mut rng(0)).rotary(case["base"].as_f64().unwrap());
        let mut layer = if case["causal"] == true { layer.causal() } else { layer };
        Layer::visit_mut(&mut layer, &mut |info, w| w.assign(&stored(case, &info.name.to_string(), "values")));
        let mut network = Network::new();
        let inputs = [network.input("x", [steps, features]), network.input("length", 1)];
        let x = network.join(Lengths, inputs).unwrap();
        let y = network.add(x, layer).unwrap();
        network.output("y", y).unwrap();

        let matrix = |name: &str| Array2::from_shape_vec((rows, steps * features), numbers(&case[name])).unwrap();
        let x = network.input_rows(&[("x", &matrix("x")), ("length", &lengths)]).unwrap();
        let mut tape = Tape::new(&network, 0);
        compared += assert_close("y", tape.forward(&network, &x).unwrap().iter().copied(), matrix("y"), F64);
        let gradients = tape.backward_from(&network, &matrix("dy")).unwrap();
        let dx = gradients.input.slice(s![.., ..-1]).to_owned();
        compared += assert_close("dx", dx, matrix("dx"), F64);
        let mut weights = gradients.weights.iter();
        network.visit(&mut |info, _| {
            let own = info.name.to_string();
            let dw = stored(case, own.split_once('.').unwrap().1, "gradient");
            compared += assert_close(&own, weights.next().unwrap().iter().copied(), dw, F64);
        });
        count += 1;
    }
    assert_eq!((count, compared), (3, 3 * (2 * 144 + 4 * (64 + 8))));
}

#[test]
fn rotary_positions_need_pairs_and_a_base() {
    let add = |features: usize, base: f64| {
        let layer = MultiHeadAttention::<f64>::new(features, 2, &mut rng(1)).rotary(base);
        Sequential::new([3, features]).with(layer)
    };
    assert!(add(8, 10_000.0).is_ok());
    let error = "the features of a head of MultiHeadAttention(6, 2 heads, rotary 10000) must be even";
    refused(add(6, 10_000.0), error);
    for base in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        refused(add(8, base), "must be above 0 and finite");
    }
}
