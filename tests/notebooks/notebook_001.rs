//! Notebook 001: layers with asserts.

use neuropil::ndarray::{Array1, Array2, s};
use neuropil::prelude::*;
use serde_json::json;

use super::{EXACT, assert_printed, matrix, reference};
use crate::common::assert_close;
use crate::numpy_random::NumpyRandom;

/// The notebook's `LinearLayer(5, 3)`: weights from the standard normal distribution, biases 0.
fn linear(weight: &Array2<f64>) -> Dense<f64> {
    Dense::from_parameters(weight.clone(), Array1::zeros(weight.ncols())).unwrap()
}

fn dense_then_relu(weight: &Array2<f64>) -> Sequential<f64> {
    Sequential::new(5).with(linear(weight)).unwrap().with(Relu).unwrap()
}

#[test]
fn tasks_1_and_2_linear_layer_and_relu_forward() {
    let reference = reference("001");
    let mut random = NumpyRandom::new(17);
    let x = random.uniforms(10_000, 5);
    let weight = random.normals(5, 3);
    let forward = &reference["linear_forward"];
    let mut count = assert_close("X", x.slice(s![..3, ..]).to_owned(), matrix(&forward["X_first_3_rows"]), EXACT);
    count += assert_close("W", weight.iter().copied(), matrix(&forward["W"]), EXACT);

    let before = x.clone();
    let network = Sequential::new(5).with(linear(&weight)).unwrap();
    let output = network.predict(&x).unwrap();
    assert_eq!(output.dim(), (10_000, 3));
    let first = output.slice(s![..3, ..]);
    count += assert_printed("linear", first, &forward["correct_answer_first_3_rows"], 8);

    let output = dense_then_relu(&weight).predict(&x).unwrap();
    let first = output.slice(s![..3, ..]);
    count += assert_printed("relu", first, &reference["relu_forward"]["correct_answer_first_3_rows"], 8);
    assert_eq!(x, before, "the data must not be changed");
    assert_eq!(count, 15 + 15 + 9 + 9);
}

#[test]
fn task_3_binary_cross_entropy() {
    let reference = reference("001");
    let cases = reference["bce_forward"]["cases"].as_array().unwrap();
    let mut count = 0;
    for case in cases {
        let (y, p) = (matrix(&case["y"]), matrix(&case["p"]));
        let loss = Bce::clipped(1e-15).evaluate(&p, &y).unwrap();
        count += assert_printed("binary cross-entropy", [&loss], &case["rounded"], 3);
        let plain = Bce::new().evaluate(&p, &y).unwrap();
        count += assert_close("its other form", [plain], [loss], EXACT);
    }
    assert_eq!(count, 4);

    // The second case is drawn.
    let mut random = NumpyRandom::new(17);
    let y: Vec<f64> = (0..100).map(|_| random.coin()).collect();
    let p: Vec<f64> = (0..100).map(|_| random.random()).collect();
    assert_eq!(y, matrix(&cases[1]["y"]).into_raw_vec_and_offset().0);
    assert_eq!(p, matrix(&cases[1]["p"]).into_raw_vec_and_offset().0);

    // H = -1/N Σⱼ Σᵢ yᵢ ln pᵢ, over two classes, is the same number.
    let p = matrix(&cases[1]["p"]);
    let logits =
        Array2::from_shape_fn((100, 2), |(row, class)| if class == 0 { 1.0 - p[[0, row]] } else { p[[0, row]] }.ln());
    let labels = matrix(&cases[1]["y"]).into_shape_with_order((100, 1)).unwrap();
    let loss = CrossEntropy::new().evaluate(&logits, &labels).unwrap();
    assert_printed("cross-entropy over two classes", [&loss], &json!(0.997), 3);
}

#[test]
fn task_4_linear_layer_backward() {
    let reference = reference("001");
    let backward = &reference["linear_backward"];
    let mut random = NumpyRandom::new(17);
    let weight = random.normals(5, 3);
    let x = random.normals(10_000, 5);
    let dout = random.normals(10_000, 3);
    let mut count = assert_close("W", weight.iter().copied(), matrix(&backward["W"]), EXACT);
    count += assert_close("X", x.slice(s![..3, ..]).to_owned(), matrix(&backward["X_first_3_rows"]), EXACT);
    count += assert_close("dout", dout.slice(s![..3, ..]).to_owned(), matrix(&backward["dout_first_3_rows"]), EXACT);

    let layer = linear(&weight);
    let (before, mut tape) = (x.clone(), Tape::for_layer(&layer, 5, 0));
    tape.forward(&layer, &x).unwrap();
    let gradients = tape.backward_from(&layer, &dout).unwrap();
    assert_eq!(gradients.input.dim(), x.dim());
    assert_eq!(gradients.weights[0].dim(), weight.dim());
    count += assert_printed("sum of dX", [&gradients.input.sum()], &backward["dX_sum"], 3);
    count += assert_printed("sum of dW", [&gradients.weights[0].sum()], &backward["dW_sum"], 3);
    assert_eq!(x, before, "the data must not be changed");
    assert_eq!(count, 15 + 15 + 9 + 2);
}

#[test]
fn task_5_relu_backward() {
    let reference = reference("001");
    let mut random = NumpyRandom::new(17);
    let (x, dout) = (random.normals(10_000, 5), random.normals(10_000, 5));
    let mut tape = Tape::for_layer(&Relu, 5, 0);
    tape.forward(&Relu, &x).unwrap();
    let gradients = tape.backward_from(&Relu, &dout).unwrap();
    assert_eq!(gradients.input.dim(), x.dim());
    assert!(gradients.weights.is_empty());
    let count = assert_printed("sum of dX", [&gradients.input.sum()], &reference["relu_backward"]["dX_sum"], 3);
    assert_eq!(count, 1);
}

#[test]
fn task_6_binary_cross_entropy_backward() {
    let reference = reference("001");
    let case = &reference["bce_backward"];
    let (y, p) = (matrix(&case["y"]), matrix(&case["p"]));
    for loss in [Bce::new(), Bce::clipped(1e-15)] {
        let gradient = loss.gradient(&p, &y).unwrap();
        assert_eq!(assert_printed("gradient", &gradient, &case["right_answer"], 8), 5);
    }
}

#[test]
fn task_3_5_the_first_graph() {
    // f = (x + y)·z with two layers: x + y is a dense layer with weights 1, and z the weight of another. At (-2, 5, -4):
    // f = -12, df/d(x, y) = z = -4, df/dz = x + y = 3.
    let dense = |weight: Array2<f64>| Dense::from_parameters(weight, Array1::zeros(1)).unwrap().without_bias();
    let sum = dense(Array2::ones((2, 1)));
    let product = dense(Array2::from_elem((1, 1), -4.0));
    let network = Sequential::new(2).with(sum).unwrap().with(product).unwrap();
    let mut tape = Tape::new(&network, 0);
    let f = tape.forward(&network, &matrix(&json!([-2.0, 5.0]))).unwrap();
    assert_eq!(f[[0, 0]], -12.0);
    let gradients = tape.backward_from(&network, &Array2::ones((1, 1))).unwrap();
    assert_eq!(gradients.input, matrix(&json!([-4.0, -4.0])));
    assert_eq!(gradients.weights[1][[0, 0]], 3.0);
}
