//! Notebook 003: from lists to numpy, one neuron and a network of plain products.

use neuropil::activations::Sign;
use neuropil::ndarray::{Array, Array1, Array2, Array3, Axis, array, s};
use neuropil::prelude::*;
use serde_json::{Value, json};

use super::{assert_printed, computed, matrix, reference};
use crate::common::{Tolerance, assert_close, number, numbers};

/// The weighted sum of a neuron without bias.
fn neuron(weights: &[f64]) -> Sequential<f64> {
    let weight = Array2::from_shape_vec((weights.len(), 1), weights.to_vec()).unwrap();
    let layer = Dense::from_parameters(weight, Array1::zeros(1)).unwrap().without_bias();
    Sequential::new(weights.len()).with(layer).unwrap()
}

/// 1 if s > 0, else 0: at 0 itself the notebook's neuron does not fire, so it is no [`Step`], which does.
fn activation(sum: f64) -> u8 {
    u8::from(Sign.apply(sum) > 0.0)
}

#[test]
fn one_neuron() {
    let reference = reference("003");
    let mut count = 0;
    for name in ["neuron_3", "neuron_5"] {
        let case = &reference[name];
        let sum = neuron(&numbers(&case["w"])).predict_one(&numbers(&case["x"])).unwrap()[0];
        assert_eq!(sum, number(&case["printed_sum"]), "{name}, to the last bit");
        assert_eq!(json!(activation(sum)), case["printed_output"], "{name}");
        count += 2;
    }
    // Drawn without a seed: all that can be told is whether the neuron fires.
    let unseeded = &reference["unseeded_numbers"];
    assert_eq!(json!(activation(number(&unseeded["sum_of_10000_products"]))), unseeded["activation"]);
    assert!((0.0..1.0).contains(&number(&unseeded["random_random"])));
    assert_eq!(count + 2, 6);
}

#[test]
fn four_observations() {
    let reference = reference("003");
    let case = &reference["four_observations"];
    let weights = numbers(&case["weights_recovered"]);
    let mut count = assert_printed("weights", &weights, &case["printed_weights"], 8);
    let sums = neuron(&weights).predict(&matrix(&case["x"])).unwrap();
    // The weights were solved from the sums, which they reproduce to 3e-15.
    let tolerance = Tolerance { absolute: 4e-15, relative: 0.0 };
    count += assert_close("sums", sums.iter().copied(), numbers(&case["printed_sums"]), tolerance);
    let outputs: Vec<u8> = sums.iter().map(|&sum| activation(sum)).collect();
    assert_eq!(json!(outputs), case["printed_activations"]);
    // Row by row it is the same number.
    for (x, sum) in matrix(&case["x"]).rows().into_iter().zip(&sums) {
        assert_eq!(neuron(&weights).predict_one(&x.to_vec()).unwrap()[0], *sum);
    }
    assert_eq!(count + outputs.len(), 3 + 4 + 4);
}

#[test]
fn five_million_rows() {
    let reference = reference("003");
    let case = &reference["five_million"];
    let weights = numbers(&reference["four_observations"]["weights_recovered"]);
    let outputs = neuron(&weights).predict(&matrix(&case["rows"])).unwrap();
    // The rows are known to 8 digits, and the weights add up to 1.29.
    let tolerance = Tolerance { absolute: 0.5e-8 * 1.29 + 0.5e-8, relative: 0.0 };
    let mut count = assert_close("outputs", outputs.iter().copied(), numbers(&case["printed_outputs"]), tolerance);
    let sums = numbers(&case["first_five_sums"]);
    count += assert_close("sums", outputs.iter().take(3).copied(), sums[..3].iter().copied(), tolerance);
    assert_eq!(sums.iter().map(|&sum| activation(sum)).collect::<Vec<_>>(), [1; 5]);
    assert_eq!(outputs.iter().map(|&sum| activation(sum)).collect::<Vec<_>>(), [1; 6]);
    assert_eq!(numbers(&case["first_ten_activations"]), [1.0; 10]);
    assert_eq!(count + 11, 6 + 3 + 11);

    // As many rows as in the notebook, in f32 to be quick: every output is that of its row alone.
    let x = Array2::from_shape_fn((5_000_000, 3), |(row, column)| ((row * 3 + column) % 1009) as f32 / 1009.0);
    let weight = Array2::from_shape_fn((3, 1), |(i, _)| weights[i] as f32);
    let layer = Dense::from_parameters(weight, Array1::zeros(1)).unwrap().without_bias();
    let network = Sequential::new(3).with(layer).unwrap();
    let output = network.predict(&x).unwrap();
    assert_eq!(json!([output.nrows()]), case["shapes"]["output"]);
    for row in (0..5_000_000).step_by(99_991) {
        let alone = network.predict_one(&x.row(row).to_vec()).unwrap()[0];
        assert!((output[[row, 0]] - alone).abs() <= 1e-6 * alone.abs(), "row {row}");
    }
}

#[test]
fn shapes_of_products() {
    let product = |rows: usize, inner: usize, height: usize, columns: usize| {
        let layer = Dense::from_parameters(Array2::<f32>::ones((height, columns)), Array1::zeros(columns)).unwrap();
        let network = Sequential::new(height).with(layer.without_bias()).unwrap();
        network.predict(&Array2::ones((rows, inner)))
    };
    assert_eq!(product(5023, 42, 42, 4023).unwrap().dim(), (5023, 4023));
    assert_eq!(product(15, 12, 12, 17).unwrap().dim(), (15, 17));
    let error = product(50, 10, 12, 40).unwrap_err();
    assert_eq!(error, Error::Width { wants: Shape::Flat(12), got: 10 });
    assert_eq!(error.to_string(), "the network takes rows of 12 features, got 10; one row is one sample");
    // A chain that does not fit is refused as it is built.
    let mut rng = rng(0);
    let layers = Sequential::<f32>::new(50).with(Dense::new(50, 10, &mut rng)).unwrap();
    let error = layers.with(Dense::new(12, 40, &mut rng)).unwrap_err();
    assert_eq!(error.to_string(), "layer 1, Dense(12 -> 40), takes 12 features per sample, got 10");

    let by_hand = array![[1, 2, 3], [2, 3, 4]].dot(&array![[2, 3], [4, 5], [6, 7]]);
    assert_eq!(by_hand.dim(), (2, 2));
}

/// A layer of neurons without bias, from weights of (neurons, inputs) as the notebook has them.
fn neurons(weight: &Array2<f64>) -> Dense<f64> {
    Dense::from_parameters(weight.t().to_owned(), Array1::zeros(weight.nrows())).unwrap().without_bias()
}

#[test]
fn network_2_3_2_1() {
    let reference = reference("003");
    let case = &reference["network_2_3_2_1"];
    let solved = computed("003");
    let w1 = matrix(&case["w"]);
    // Never printed: solved from the printed outputs, of which there are more than unknowns.
    let (w2, w3) = (matrix(&solved["w2_transposed"]), matrix(&solved["w3_transposed"]));
    let (w2, w3) = (w2.t().to_owned(), w3.t().to_owned());
    assert_eq!([w1.dim(), w2.dim(), w3.dim()], [(3, 2), (2, 3), (1, 2)]);
    let network =
        Sequential::new(2).with(neurons(&w1)).unwrap().with(neurons(&w2)).unwrap().with(neurons(&w3)).unwrap();

    // All inputs are rounded to 8 digits, so outputs are off by that times the weights' sum, and again at each layer.
    let within = |digits: f64| Tolerance { absolute: digits * 1e-8, relative: 0.0 };
    let x = matrix(&case["x_first_5"]);
    let mut tape = Tape::new(&network, 0);
    let last = tape.forward(&network, &x).unwrap().clone();
    let first = Sequential::new(2).with(neurons(&w1)).unwrap().predict(&x).unwrap();
    let mut count = assert_close("output", first, numbers(&case["output_first_5"]), within(2.5));
    let second = Sequential::new(3).with(neurons(&w2)).unwrap();
    let output_2 = second.predict(&matrix(&case["output_first_5"])).unwrap();
    let printed = numbers(&case["output_2_first_10"]);
    count += assert_close("output_2", output_2, printed[..10].to_vec(), within(1.5));
    let third = Sequential::new(2).with(neurons(&w3)).unwrap();
    let output_3 = third.predict(&matrix(&case["output_2_first_10"])).unwrap();
    let printed = numbers(&case["output_3_first_10"]);
    count += assert_close("output_3", output_3, printed.clone(), within(1.0));
    count += assert_close("all three layers", last, printed[..5].to_vec(), within(4.0));
    assert_eq!(count, 15 + 10 + 10 + 5);

    // 10,000 rows go through in one call.
    let shape = |name: &str| numbers(&case["shapes"][name]).iter().map(|&n| n as usize).collect::<Vec<_>>();
    let x = Array2::from_elem((10_000, 2), 0.5);
    assert_eq!(x.shape(), shape("x"));
    assert_eq!(network.predict(&x).unwrap().shape(), shape("output_3"));
    assert_eq!(Sequential::new(2).with(neurons(&w1)).unwrap().predict(&x).unwrap().shape(), shape("output"));
    assert_eq!([w1.shape(), w2.shape(), w3.shape()], [&*shape("w"), &shape("w2"), &shape("w3")]);
    // 7 neurons with 3 inputs are a 7 x 3 matrix.
    let w = matrix(&reference["other_printed_weights"]["w_7x3"]);
    assert_eq!(Sequential::new(3).with(neurons(&w)).unwrap().output(), Shape::Flat(7));
}

/// A matrix as a list of lists.
fn rows<A: Clone + Into<Value>>(matrix: &Matrix<A>) -> Value {
    matrix.rows().into_iter().map(|row| row.to_vec()).collect::<Vec<_>>().into()
}

#[test]
fn numpy_basics() {
    let basics = reference("003")["numpy_basics"].take();
    let printed = |name: &str| basics[name]["printed"].clone();
    let list = |array: &[i64]| json!(array);
    let mut count = 0;
    let mut check = |name: &str, got: Value| {
        assert_eq!(got, printed(name), "{name}");
        count += numbers(&got).len();
    };

    let a = Array::from_iter(0..15_i64);
    check("arange15", list(a.as_slice().unwrap()));
    check("reshape_3_5", rows(&a.into_shape_with_order((3, 5)).unwrap()));
    check("array_234", list(array![2, 3, 4].as_slice().unwrap()));
    let b = array![[1.5, 2.0, 3.0], [4.0, 5.0, 6.0]];
    check("array_2x3", json!([b.row(0).to_vec(), b.row(1).to_vec()]));
    let zeros = Array2::<f64>::zeros((3, 4));
    check("zeros_3_4", rows(&zeros));
    let ones = Array3::<i16>::ones((2, 3, 4));
    let planes: Vec<Value> = ones.axis_iter(Axis(0)).map(|plane| rows(&plane)).collect();
    check("ones_2_3_4_int16", planes.into());
    check("arange_10_30_5", list(&(10..30).step_by(5).collect::<Vec<i64>>()));
    let range = Array::range(0.0, 2.0, 0.3);
    assert_eq!(assert_printed("arange_0_2_0.3", &range, &printed("arange_0_2_0.3"), 8), 7);

    let (a, b) = (array![20_i64, 30, 40, 50], Array::from_iter(0..4_i64));
    check("a_minus_b", list((&a - &b).as_slice().unwrap()));
    check("b_squared", list((&b * &b).as_slice().unwrap()));
    check("b_times_10", list((&b * 10).as_slice().unwrap()));
    let sines = a.mapv(|a| 10.0 * (a as f64).sin());
    assert_eq!(assert_printed("ten_sin_a", &sines, &printed("ten_sin_a"), 8), 4);
    check("a", list(a.as_slice().unwrap()));
    assert_eq!(json!(a.mapv(|a| a < 35).to_vec()), printed("a_less_35"));
    check("a_where_less_35", list(&a.iter().copied().filter(|&a| a < 35).collect::<Vec<_>>()));

    let a = Array::from_iter(0..12_i64).into_shape_with_order((6, 2)).unwrap();
    check("a_6_2", rows(&a));
    check("a_T", rows(&a.t().to_owned()));
    check("a_at_aT", rows(&a.dot(&a.t())));
    check("aT_at_a", rows(&a.t().dot(&a)));
    assert_eq!(count + 7 + 4 + 4, 15 + 15 + 3 + 6 + 12 + 24 + 4 + 7 + 4 * 3 + 4 + 4 + 4 + 2 + 12 + 12 + 36 + 4);

    // The two products again, through the crate's own.
    let a = a.mapv(|a| a as f64);
    let layer = Dense::from_parameters(a.t().to_owned(), Array1::zeros(6)).unwrap().without_bias();
    let square = Sequential::new(2).with(layer).unwrap().predict(&a).unwrap();
    assert_eq!(square.iter().copied().collect::<Vec<_>>(), numbers(&printed("a_at_aT")));
    assert_eq!(square.slice(s![.., 0]).to_vec(), [1.0, 3.0, 5.0, 7.0, 9.0, 11.0]);
}
