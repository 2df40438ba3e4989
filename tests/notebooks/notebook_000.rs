//! Notebook 000: one neuron, from a weighted sum to backpropagation.

use neuropil::losses::Sum;
use neuropil::ndarray::{Array1, Array2, s};
use neuropil::prelude::*;
use serde_json::Value;

use super::{EXACT, assert_printed, computed, matrix, reference};
use crate::common::{Tolerance, assert_close, number, numbers};

/// The notebook's `Sigmoid`: its derivative is σ(1 - σ). The crate's [`Sigmoid`] has σ(x)·σ(-x), which is more exact
/// where σ is near 1, see [`the_crates_own_sigmoid`].
#[derive(Debug, Clone)]
struct NotebookSigmoid;

impl Activation for NotebookSigmoid {
    fn apply<A: Scalar>(&self, x: A) -> A {
        Sigmoid.apply(x)
    }
    fn slope<A: Scalar>(&self, _: A, y: A) -> A {
        y * (A::ONE - y)
    }
}

/// The notebook's `Layer` of one neuron; its first weight is that of the constant input 1, the bias.
fn neuron(weights: &[f64], activation: impl Activation) -> Sequential<f64> {
    let inputs = weights.len() - 1;
    let weight = Array2::from_shape_vec((inputs, 1), weights[1..].to_vec()).unwrap();
    let layer = Dense::from_parameters(weight, Array1::from_elem(1, weights[0])).unwrap();
    Sequential::new(inputs).with(layer).unwrap().with(activation).unwrap()
}

/// The weights as the notebook has them, the bias first.
fn weights(neuron: &Sequential<f64>) -> Vec<f64> {
    let mut weights = Vec::new();
    neuron.visit(&mut |_, matrix| weights.insert(0, matrix.iter().copied().collect::<Vec<_>>()));
    weights.concat()
}

/// Its `CrossEntropy`: the sum, of probabilities clipped to [1e-15, 1 - 1e-15].
fn cross_entropy() -> Sum<Bce> {
    Sum(Bce::clipped(1e-15))
}

/// Trains a neuron as in cells 16 to 19; returns it and its losses.
fn train(run: &Value, activation: impl Activation) -> (Sequential<f64>, Vec<f64>) {
    let mut neuron = neuron(&numbers(&run["initial_weights"]), activation);
    let (x, y) = (matrix(&run["X"]), matrix(&run["y"]));
    let (mut tape, mut sgd) = (Tape::new(&neuron, 0), Sgd::new(number(&run["learning_rate"])));
    let epochs = 0..run["epochs"].as_u64().unwrap();
    let losses = epochs.map(|_| tape.train(&mut neuron, &x, &y, &cross_entropy(), &mut sgd).unwrap()).collect();
    (neuron, losses)
}

#[test]
fn tasks_1_to_3() {
    let (reference, computed) = (reference("000"), computed("000"));
    let mut count = assert_close(
        "sigmoid",
        [Sigmoid.apply(number(&reference["sigmoid"]["input"]))],
        [number(&computed["sigmoid"])],
        EXACT,
    );
    // The notebook's weights are not known; these are its later ones for as many inputs.
    let draws = numbers(&reference["rng_42"]["draws"]);
    let inputs = numbers(&reference["layer_forward_first_version"]["inputs"]);
    let output = neuron(&draws[..6], Sigmoid).predict_one(&inputs).unwrap();
    count += assert_close("forward", output, [number(&computed["layer_forward_with_draws_0_to_5"])], EXACT);
    assert_eq!(
        reference["layer_forward_first_version"]["inputs_with_bias"].as_array().unwrap().len(),
        1 + inputs.len()
    );

    let cases = reference["cross_entropy_inputs"]["cases"].as_array().unwrap();
    for (case, want) in cases.iter().zip(computed["cross_entropy"].as_array().unwrap()) {
        let loss = cross_entropy().evaluate(&matrix(&case["p"]), &matrix(&case["y"])).unwrap();
        count += assert_close("cross-entropy", [loss], [number(want)], EXACT);
    }
    assert_eq!(count, 4);
}

#[test]
fn task_4_fifty_epochs() {
    let (reference, computed) = (reference("000"), computed("000"));
    let run = &reference["run8"];
    let initial = numbers(&run["initial_weights"]);
    let mut count = assert_printed("initial weights", &initial, &run["printed_initial_weights"], 8);
    assert_eq!(initial, numbers(&reference["rng_42"]["draws"])[15..]);

    let (neuron, losses) = train(run, NotebookSigmoid);
    count += assert_close("losses", losses[..47].to_vec(), numbers(&run["printed_losses"]), EXACT);
    count += assert_close("all losses", losses.clone(), numbers(&computed["run8"]["losses"]), EXACT);
    count += assert_close("weights", weights(&neuron), numbers(&computed["run8"]["weights"]), EXACT);
    assert_eq!(count, 9 + 47 + 50 + 9);

    // The ill-conditioned first loss has every printed digit; the others are within the 1e-14 by which numpy itself
    // differs from machine to machine.
    let texts = run["printed_losses_text"].as_array().unwrap();
    assert_eq!(losses[0].to_string(), texts[0].as_str().unwrap());
    let printed = texts.iter().map(|text| text.as_str().unwrap().parse::<f64>().unwrap());
    let tolerance = Tolerance { absolute: 0.0, relative: 1e-14 };
    assert_eq!(assert_close("printed losses", losses[..47].to_vec(), printed, tolerance), 47);
}

#[test]
fn orphan_weights() {
    let (reference, computed) = (reference("000"), computed("000"));
    let run = &reference["orphan_weights"];
    let (neuron, _) = train(run, NotebookSigmoid);
    let mut count = assert_printed("weights", &weights(&neuron), &run["printed_final_weights"], 8);
    count += assert_close("weights", weights(&neuron), numbers(&computed["orphan_weights"]), EXACT);
    // To the printed digits also with the crate's own sigmoid.
    let (neuron, _) = train(run, Sigmoid);
    count += assert_printed("weights", &weights(&neuron), &run["printed_final_weights"], 8);
    assert_eq!(count, 18);
}

#[test]
fn step_by_step() {
    let (reference, computed) = (reference("000"), computed("000"));
    let run = &reference["run8"];
    let (mut neuron, _) = train(run, NotebookSigmoid);
    let (x, y) = (matrix(&run["X"]), matrix(&run["y"]));
    let (mut tape, mut sgd) = (Tape::new(&neuron, 0), Sgd::new(number(&run["learning_rate"])));
    let mut count = 0;
    let mut check = |what: &str, got: &[f64], want: &Value| {
        count += assert_close(what, got.iter().copied(), numbers(want), EXACT);
    };
    for step in computed["steps"].as_array().unwrap() {
        let output = tape.forward(&neuron, &x).unwrap().clone();
        check("output", &[output[[0, 0]]], &step["output"]);
        check("loss", &[tape.loss(&cross_entropy(), &y).unwrap()], &step["loss"]);
        let loss_gradient = cross_entropy().gradient(&output, &y).unwrap();
        check("loss gradient", &[loss_gradient[[0, 0]]], &step["loss_gradient"]);
        // The notebook's `backward` returns dL/dz: the gradient of the bias, for one sample.
        let gradients = tape.backward(&neuron).unwrap();
        check("backward", &[gradients.weights[1][[0, 0]]], &step["back"]);
        tape.step(&mut neuron, &mut sgd).unwrap();
        check("weights", &weights(&neuron), &step["weights"]);
    }
    assert_eq!(count, 2 * (4 + 9));
}

#[test]
fn the_crates_own_sigmoid() {
    let reference = reference("000");
    let run = &reference["run8"];
    let (_, losses) = train(run, Sigmoid);
    let printed = numbers(&run["printed_losses"]);
    // The first loss is ln(1 - p) of p = 1 - 4.7e-7. Its gradient 1/(1 - p) has p's rounding error, 2e-10 of 1 - p;
    // the notebook's σ'(z) = p(1 - p) has the same one, so they cancel, and the crate's more exact σ'(z) lets it stay:
    // the second loss differs in the ninth digit, and the rest converges to the same.
    assert_eq!(assert_close("first loss", [losses[0]], [printed[0]], EXACT), 1);
    let tolerance = Tolerance { absolute: 0.0, relative: 4e-9 };
    assert_eq!(assert_close("losses", losses[..47].to_vec(), printed.clone(), tolerance), 47);

    // From the logit, without the detour by p, the first loss is more exact: it differs in the 11th digit.
    let neuron = neuron(&numbers(&run["initial_weights"]), Identity);
    let logits = neuron.predict(&matrix(&run["X"])).unwrap();
    let loss = Sum(BceWithLogits::new()).evaluate(&logits, &matrix(&run["y"])).unwrap();
    let off = (loss / printed[0] - 1.0).abs();
    assert!(off > 1e-12 && off < 2e-11, "{off:e}");
}

#[test]
fn a_batch_is_the_mean_of_its_samples() {
    // The notebook's `dot(gradient, inputs_) / n` is only right for n = 1; meant is the mean over the samples.
    let neuron = neuron(&[0.1, 0.2, -0.3], Sigmoid);
    let x = matrix(&serde_json::json!([[1.0, 2.0], [0.5, -1.0], [-2.0, 0.25]]));
    let y = matrix(&serde_json::json!([[1.0], [0.0], [1.0]]));
    let gradient = |x: &Array2<f64>, y: &Array2<f64>| {
        let mut tape = Tape::new(&neuron, 0);
        tape.forward(&neuron, x).unwrap();
        tape.loss(&cross_entropy(), y).unwrap();
        tape.backward(&neuron).unwrap().weights[0].clone() / x.nrows() as f64
    };
    let mut mean = Array2::zeros((2, 1));
    for i in 0..3 {
        mean += &(gradient(&x.slice(s![i..=i, ..]).to_owned(), &y.slice(s![i..=i, ..]).to_owned()) / 3.0);
    }
    assert_eq!(assert_close("dW", gradient(&x, &y), mean, EXACT), 2);
}
