//! Notebook 002: the lecture, from linear classifiers to MNIST.

use neuropil::activations::{Sign, Step};
use neuropil::ndarray::{Array1, Array2, Axis, array, concatenate, s};
use neuropil::prelude::*;
use serde_json::Value;

use super::{EXACT, computed, matrix, reference};
use crate::common::{Tolerance, assert_close, number, numbers};
use crate::numpy_random::NumpyRandom;

/// y = x·W.
fn product<A: Scalar>(weight: &Array2<A>) -> Dense<A> {
    Dense::from_parameters(weight.clone(), Array1::from_elem(weight.ncols(), A::ZERO)).unwrap().without_bias()
}

fn network(layers: &[&Array2<f64>]) -> Sequential<f64> {
    let mut network = Sequential::new(layers[0].nrows());
    for weight in layers {
        network.push(product(weight)).unwrap();
    }
    network
}

/// A list as one column, one sample a row.
fn column(value: &Value) -> Array2<f64> {
    let data = numbers(value);
    Array2::from_shape_vec((data.len(), 1), data).unwrap()
}

#[test]
fn linear_classifiers() {
    let reference = reference("002");
    let pixels = Shape::from([3, 600, 800]).len();
    assert_eq!(pixels as u64, reference["prose_numbers"]["numbers_in_an_800x600_rgb_image"].as_u64().unwrap());
    // A template is a picture: 3073 weights a class without the bias.
    assert_eq!(Shape::from([3, 32, 32]).len(), 3073 - 1);

    // Two linear classifiers in a row are one, with W = W1·W2; a rectifier between them changes that.
    let mut random = NumpyRandom::new(2);
    let x = random.uniforms(1, 3072);
    let (w1, w2) = (random.normals(3072, 100) * 1e-4, random.normals(100, 10) * 1e-4);
    let one = network(&[&w1.dot(&w2)]).predict(&x).unwrap();
    let tolerance = Tolerance { absolute: 1e-12 * one.iter().fold(0.0, |max: f64, y| max.max(y.abs())), relative: 0.0 };
    let two = network(&[&w1, &w2]).predict(&x).unwrap();
    assert_eq!(assert_close("x W1 W2 = x (W1 W2)", two, one.clone(), tolerance), 10);
    let bent = Sequential::new(3072).with(product(&w1)).unwrap().with(Relu).unwrap().with(product(&w2)).unwrap();
    let scores = network(&[&w1]).predict(&x).unwrap();
    let by_hand = scores.mapv(|score| score.max(0.0)).dot(&w2);
    let bent = bent.predict(&x).unwrap();
    assert_eq!(assert_close("max(0, x W1) W2", bent.clone(), by_hand, tolerance), 10);
    assert!(bent.iter().zip(&one).all(|(bent, one)| (bent - one).abs() > 1e-3 * one.abs()));

    // The bias trick: a 1 after the features, and the biases as the last row of the weights.
    let (weight, bias) = (random.normals(5, 3), random.normals(1, 3));
    let x = random.normals(4, 5);
    let dense = Dense::from_parameters(weight.clone(), bias.row(0).to_owned()).unwrap();
    let plain = Sequential::new(5).with(dense).unwrap().predict(&x).unwrap();
    let trick = network(&[&concatenate![Axis(0), weight, bias]]);
    let trick = trick.predict(&concatenate![Axis(1), x, Array2::ones((4, 1))]).unwrap();
    assert_eq!(assert_close("bias trick", trick, plain, EXACT), 12);
}

#[test]
fn mse_and_mae() {
    let (reference, computed) = (reference("002"), computed("002"));
    let mse = &reference["mse_example"];
    let loss = Mse.evaluate(&matrix(&mse["input"]), &matrix(&mse["target"])).unwrap();
    assert_eq!([loss, number(&computed["mse"])], [0.25; 2]);
    let mae = &reference["mae_example"];
    let loss = Mae.evaluate(&matrix(&mae["input"]), &matrix(&mae["target"])).unwrap();
    assert_eq!([loss, number(&computed["mae"])], [0.5; 2]);
}

#[test]
fn cross_entropy_is_entropy_and_divergence() {
    // H(p, q) = H(p) + KL(p||q), in a case where nothing is 0.
    let p = array![[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]];
    let q = array![[0.2, 0.5, 0.3], [0.25, 0.25, 0.5_f64]];
    let logits = q.mapv(f64::ln);
    let cross: f64 = CrossEntropy::new().per_sample(&logits, &p).unwrap().sum();
    let entropy: f64 = -p.mapv(|p: f64| p * p.ln()).sum();
    let divergence: f64 = (&p * &(p.mapv(f64::ln) - &logits)).sum();
    assert_eq!(assert_close("H(p, q)", [cross], [entropy + divergence], EXACT), 1);
    assert_eq!(assert_close("-Σ p ln q", [cross], [-(&p * &logits).sum()], EXACT), 1);
}

#[test]
fn activations() {
    let mut random = NumpyRandom::new(3);
    let close = |what: &str, got: f64, want: f64| assert_close(what, [got], [want], EXACT);
    let mut count = 0;
    for _ in 0..200 {
        let x = 5.0 * random.normal();
        let sigmoid = Sigmoid.apply(x);
        count += close("1/(1 + e^-x)", sigmoid, 1.0 / (1.0 + (-x).exp()));
        count += close("e^x/(e^x + 1)", sigmoid, x.exp() / (x.exp() + 1.0));
        let half = Tolerance { absolute: 1e-15, relative: 1e-15 };
        count += assert_close("1/2 + 1/2 tanh(x/2)", [sigmoid], [0.5 + 0.5 * (x / 2.0).tanh()], half);
        let slope = Sigmoid.slope(x, sigmoid);
        count += assert_close("f(x)(1 - f(x))", [slope], [sigmoid * (1.0 - sigmoid)], half);
        count += close("f(x) f(-x)", slope, sigmoid * Sigmoid.apply(-x));
        count += assert_close("2/(1 + e^-2x) - 1", [Tanh.apply(x)], [2.0 / (1.0 + (-2.0 * x).exp()) - 1.0], half);
        count += close("max(0, x)", Relu.apply(x), x.max(0.0));
        count += close("relu'", Relu.slope(x, Relu.apply(x)), if x < 0.0 { 0.0 } else { 1.0 });
        let leaky = LeakyRelu::new(0.01);
        count += close("max(0.01 x, x)", leaky.apply(x), x.max(0.01 * x));
        count += close("leaky relu'", leaky.slope(x, leaky.apply(x)), if x < 0.0 { 0.01 } else { 1.0 });
        let elu = Elu::new(0.2);
        count += close("elu", elu.apply(x), if x > 0.0 { x } else { 0.2 * x.exp_m1() });
        let phi = |x: f64| 0.5 * (1.0 + Scalar::erf(x / 2.0_f64.sqrt()));
        count += assert_close("gelu", [Gelu.apply(x)], [x * phi(x)], half);
        count += close("x Φ(x) + x Φ(-x) = x", Gelu.apply(x) - Gelu.apply(-x), x);
    }
    assert_eq!(count, 200 * 13);

    // At 0 itself the notebook has 1 for the slope of the rectifier; here, as in PyTorch, it is 0.
    assert_eq!(Relu.slope(0.0, 0.0), 0.0);
    // PReLU learns the slope of its negative side; RReLU draws it when training and predicts with the mean.
    let x = array![[-2.0, 3.0]];
    let prelu = Sequential::new(2).with(PRelu::from_parameters(array![0.1])).unwrap();
    assert_eq!(prelu.predict(&x).unwrap(), array![[-0.2, 3.0]]);
    let mut tape = Tape::new(&prelu, 0);
    tape.forward(&prelu, &x).unwrap();
    assert_eq!(tape.backward_from(&prelu, &array![[1.0, 1.0]]).unwrap().weights[0], array![[-2.0]]);
    let rrelu = Sequential::new(2).with(RRelu::new(0.1, 0.3)).unwrap();
    assert_eq!(rrelu.predict(&x).unwrap(), array![[-0.4, 3.0]]);
    let drawn = Tape::new(&rrelu, 0).forward(&rrelu, &x).unwrap().clone();
    assert!((-0.6..-0.2).contains(&drawn[[0, 0]]) && drawn[[0, 0]] != -0.4 && drawn[[0, 1]] == 3.0, "{drawn}");
}

#[test]
fn steps_cannot_be_learned_through() {
    let step = Step::new(0.5);
    assert_eq!([0.4, 0.5, 0.6].map(|x| step.apply(x)), [0.0, 1.0, 1.0]);
    assert_eq!([0.4, 0.6].map(|x| step.slope(x, step.apply(x))), [0.0; 2]);
    // The R-element: +1, -1, and 0 for a sum of 0.
    assert_eq!([2.5, -0.1, 0.0].map(|x| Sign.apply(x)), [1.0, -1.0, 0.0]);

    let mut rng = rng(1);
    let network = Sequential::<f64>::mlp(&[2, 2, 1], step, &mut rng).unwrap();
    assert!(network.predict(&array![[0.0, 1.0]]).is_ok(), "predicting is no problem");
    let error = Tape::new(&network, 0).forward(&network, &array![[0.0, 1.0]]).unwrap_err();
    let text = "layer 1, Step { threshold: 0.5 }, has a derivative of zero, so the layers before it cannot learn; \
                use a smooth activation such as Sigmoid or Tanh when training";
    assert_eq!(error.to_string(), text);
}

#[test]
fn xor_forward() {
    let (reference, computed) = (reference("002"), computed("002"));
    let case = &reference["xor_forward"];
    let w = |i: usize| number(&case[&format!("w{i}")]);
    let printed = |name: &str| number(&case["printed"][name]);
    let rounded = |x: f64| (100.0 * x).round() / 100.0;
    let hidden = array![[w(1), w(2)], [w(3), w(4)]];
    let output = array![[w(5)], [w(6)]];

    let input = matrix(&case["I"]);
    let h = network(&[&hidden]).predict(&input).unwrap();
    assert_eq!(h, array![[printed("H1"), printed("H2")]]);
    let h = Sequential::new(2).with(product(&hidden)).unwrap().with(Sigmoid).unwrap().predict(&input).unwrap();
    assert_eq!(h.mapv(rounded), array![[printed("H1_out"), printed("H2_out")]]);
    // From here on the text calculates with the rounded numbers, and cuts the last one, 0.338, to 0.33.
    let o = network(&[&output]).predict(&h.mapv(rounded)).unwrap()[[0, 0]];
    assert_eq!(assert_close("O1_in", [o], [printed("O1_in")], EXACT), 1);
    assert_eq!((100.0 * Sigmoid.apply(printed("O1_in"))).floor() / 100.0, printed("O1_out"));

    // All of it without rounding.
    let whole = Sequential::new(2).with(product(&hidden)).unwrap().with(Sigmoid).unwrap();
    let whole = whole.with(product(&output)).unwrap().with(Sigmoid).unwrap();
    let exact = &computed["xor_forward_unrounded"];
    let mut count = assert_close("hidden", h, [number(&exact["H1_out"]), number(&exact["H2_out"])], EXACT);
    count += assert_close("output", whole.predict(&input).unwrap(), [number(&exact["O1_out"])], EXACT);
    assert_eq!(count, 3);
}

#[test]
fn cross_entropy_loss_function() {
    let case = computed("002")["cross_entropy_loss_function"].take();
    let network = network(&[&matrix(&case["W"])]);
    let mut tape = Tape::new(&network, 0);
    tape.forward(&network, &matrix(&case["x"])).unwrap();
    let loss = tape.loss(&CrossEntropy::new(), &column(&case["y"])).unwrap();
    let mut count = assert_close("loss", [loss], [number(&case["loss"])], EXACT);
    let dw = tape.backward_weights(&network).unwrap()[0].clone();
    count += assert_close("dW", dw, numbers(&case["dW"]), EXACT);
    assert_eq!(count, 1 + 12);
}

#[test]
fn graph_of_a_sigmoid_neuron() {
    let (reference, computed) = (reference("002"), computed("002"));
    let (case, want) = (&reference["graph_5_3_1"], &computed["graph_5_3_1"]);
    let value = |name: &str| number(&case[name]);
    let layer = Dense::from_parameters(array![[value("w0")], [value("w1")]], array![value("w2")]).unwrap();
    let x = array![[value("x0"), value("x1")]];
    let sum = Sequential::new(2).with(layer).unwrap();
    let z = sum.predict(&x).unwrap()[[0, 0]];
    let v = (-z).exp();
    let nodes = [value("w0") * value("x0"), value("w1") * value("x1"), z, -z, v, 1.0 + v, 1.0 / (1.0 + v)];
    let mut count = assert_close("nodes", nodes, numbers(&want["nodes"]), EXACT);

    let neuron = sum.with(Sigmoid).unwrap();
    let mut tape = Tape::new(&neuron, 0);
    let f = tape.forward(&neuron, &x).unwrap()[[0, 0]];
    count += assert_close("f", [f], [number(&want["nodes"][6])], EXACT);
    let gradients = tape.backward_from(&neuron, &array![[1.0]]).unwrap();
    let gradient = |name: &str| number(&want["gradients"][name]);
    let (dx, dw, db) = (gradients.input, &gradients.weights[0], &gradients.weights[1]);
    count += assert_close("dw", dw.iter().copied(), [gradient("w0"), gradient("w1")], EXACT);
    count += assert_close("db", db.iter().copied(), [gradient("w2")], EXACT);
    count += assert_close("dx", dx.iter().copied(), [gradient("x0"), gradient("x1")], EXACT);
    assert_eq!(count, 7 + 1 + 5);
}

#[test]
fn autograd() {
    let reference = reference("002");
    let case = &reference["autograd"];
    let (x, y) = (column(&case["x"]), column(&case["y"]));
    let model = network(&[&column(&case["w"])]);
    let printed = |name: &str| numbers(&case["printed"][name]);

    let mut tape = Tape::new(&model, 0);
    let error = tape.backward(&model).unwrap_err();
    assert_eq!(error.to_string(), "`backward` needs `forward` and `loss` first");
    let y_hat = tape.forward(&model, &x).unwrap().clone();
    assert_eq!(vec![tape.loss(&Mse, &y).unwrap()], printed("MSE"));
    assert_eq!(Mse.gradient(&y_hat, &y).unwrap().into_flat().to_vec(), printed("dMSE_dE"));
    assert_eq!(tape.backward(&model).unwrap().weights[0].clone().into_flat().to_vec(), printed("dMSE_dw"));
    // dŷ/dw of each sample alone.
    for (x, dw) in x.axis_chunks_iter(Axis(0), 1).zip(printed("dyhat_dw")) {
        let mut tape = Tape::new(&model, 0);
        tape.forward(&model, &x).unwrap();
        assert_eq!(tape.backward_from(&model, &array![[1.0]]).unwrap().weights[0][[0, 0]], dw);
    }

    // Three backward passes: the notebook adds them up, and sets W's sum to zero before the third. A tape does not add:
    // each pass gives the gradient, and who wants sums adds.
    let (mut sum_e, mut sum_w) = (vec![0.0; 4], 0.0);
    for (pass, (want_e, want_w)) in [(1.0, -15.0), (2.0, -30.0), (3.0, -15.0)].into_iter().enumerate() {
        if pass == 2 {
            sum_w = 0.0;
        }
        let gradients = tape.backward(&model).unwrap();
        sum_w += gradients.weights[0][[0, 0]];
        // w is 1, so dMSE/dx = w·dMSE/dE is dMSE/dE.
        sum_e.iter_mut().zip(gradients.input).for_each(|(sum, e)| *sum += e);
        assert_eq!(sum_e, printed("dMSE_dE").iter().map(|e| want_e * e).collect::<Vec<_>>());
        assert_eq!(sum_w, want_w);
    }
    // After the update there is nothing left to go back through.
    let mut model = model;
    tape.step(&mut model, &mut Sgd::new(0.01)).unwrap();
    assert!(matches!(tape.backward(&model), Err(Error::Order { .. })));
}

/// Cells 22 and 23: gradient descent on w; the lines that they print, w and loss of each step, and the predictions before
/// and after.
fn regression<A: Scalar>(case: &Value) -> (Vec<String>, Vec<f64>, [Vec<f64>; 2]) {
    let (x, y) = (column(&case["x"]).mapv(A::of), column(&case["y"]).mapv(A::of));
    let mut model = Sequential::new(1).with(product(&column(&case["w"]).mapv(A::of))).unwrap();
    let (mut tape, mut sgd) = (Tape::new(&model, 0), Sgd::new(number(&case["learning_rate"])));
    let predict = |model: &Sequential<A>| model.predict(&x).unwrap().iter().map(|y| y.to_f64()).collect();
    let (before, mut lines, mut steps) = (predict(&model), Vec::new(), Vec::new());
    for epoch in 0..case["n_iters"].as_u64().unwrap() {
        let loss = tape.train(&mut model, &x, &y, &Mse, &mut sgd).unwrap();
        let mut w = A::NAN;
        model.visit(&mut |_, weight| w = weight[[0, 0]]);
        steps.extend([w.to_f64(), loss.to_f64()]);
        if epoch % 10 == 1 {
            lines.push(format!("epoch {epoch}: w = {w:.3}, loss = {loss:.8}"));
        }
    }
    (lines, steps, [before, predict(&model)])
}

#[test]
fn regression_of_y_2x() {
    let (case, computed) = (reference("002")["regression"].take(), computed("002"));
    let (lines, steps, [before, after]) = regression::<f64>(&case);
    let want = &computed["regression_f64"];
    assert_eq!(Value::from(lines), want["lines"]);
    let mut count = assert_close("w and loss", steps.clone(), numbers(&want["steps"]), EXACT);
    assert_eq!(before, numbers(&want["before"]));
    count += assert_close("predictions", after, numbers(&want["after"]), EXACT);
    assert_eq!(count, 2 * 102 + 4);
    // The answer is known: each step brings w closer to 2 by the factor 1 - 15·rate.
    let mut left = 1.0;
    for pair in steps.chunks(2) {
        assert_close("w", [pair[0]], [2.0 - 0.925 * left], EXACT);
        assert_close("loss", [pair[1]], [7.5 * left * left], Tolerance { absolute: 0.0, relative: 1e-10 });
        left *= 0.925;
    }

    // In f32, as in the notebook, w has three equal decimals; the losses, squares of a small difference, have five
    // equal digits (PyTorch's own two cells print different last digits).
    let (lines, steps, [before, after]) = regression::<f32>(&case);
    let want = &computed["regression_f32"];
    let w_of = |line: &str| line.split(',').next().unwrap().to_owned();
    let wanted: Vec<String> =
        want["lines"].as_array().unwrap().iter().map(|line| w_of(line.as_str().unwrap())).collect();
    assert_eq!(lines.iter().map(|line| w_of(line)).collect::<Vec<_>>(), wanted);
    assert_eq!(wanted.len(), 11);
    let tolerance = Tolerance { absolute: 2e-10, relative: 3e-5 };
    let mut count = assert_close("w and loss", steps, numbers(&want["steps"]), tolerance);
    assert_eq!(before, numbers(&want["before"]));
    count += assert_close("predictions", after, numbers(&want["after"]), Tolerance { absolute: 0.0, relative: 3e-7 });
    assert_eq!(count, 2 * 102 + 4);
}

#[test]
fn mnist_shapes() {
    let case = reference("002")["mnist"].take();
    let size = |i: usize| case["layers"][i].as_u64().unwrap() as usize;
    let batch = case["batch"].as_u64().unwrap() as usize;
    let mut rng = rng(6);
    let network = Sequential::<f32>::new([1, 28, 28])
        .with(Flatten)
        .unwrap()
        .with(Dense::new(size(0), size(1), &mut rng))
        .unwrap()
        .with(Relu)
        .unwrap()
        .with(Dense::new(size(1), size(2), &mut rng))
        .unwrap();
    assert_eq!(network.parameter_count(), 784 * 128 + 128 + 128 * 10 + 10);
    let images = Init::Uniform { low: -1.0, high: 1.0 }.matrix(batch, 28 * 28, &mut rng);
    assert_eq!((network.input(), images.nrows()), (Shape::from([1, 28, 28]), 64));
    let outputs = network.predict(&images).unwrap();
    assert_eq!(outputs.dim(), (64, 10));
    let first = outputs.slice(s![..10, ..]);
    assert_eq!(first.dim(), (10, 10));
    // The same network on plain features, without Flatten.
    let flat = Sequential::<f32>::mlp(&[size(0), size(1), size(2)], Relu, &mut neuropil::rng(6)).unwrap();
    assert_eq!(flat.parameter_count(), network.parameter_count());
    assert_eq!(flat.predict(&images).unwrap(), outputs);
}
