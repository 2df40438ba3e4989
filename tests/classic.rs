//! Rosenblatt's perceptron and the linear classifier.

use neuropil::classic::{LinearClassifier, Outcome, Perceptron, Response};
use neuropil::ndarray::{Array2, Axis, array, s};
use neuropil::prelude::*;
use neuropil::{data, metrics};

/// The target of a function of two bits, for the rows of XOR's inputs.
fn target(response: Response, f: fn(bool, bool) -> bool) -> Array2<f64> {
    let low = if response == Response::Step { 0.0 } else { -1.0 };
    let x = data::xor::<f64>().x;
    let answers = x.rows().into_iter().map(|x| if f(x[0] == 1.0, x[1] == 1.0) { 1.0 } else { low });
    Array2::from_shape_vec((4, 1), answers.collect()).unwrap()
}

#[test]
fn perceptrons_learn_every_separable_function_of_two_bits_and_no_other() {
    let x = data::xor::<f64>().x;
    let mut learned = 0;
    for response in [Response::Step, Response::Sign] {
        let low = if response == Response::Step { 0.0 } else { -1.0 };
        for code in 0..16 {
            let target = Array2::from_shape_fn((4, 1), |(i, _)| if code >> i & 1 == 1 { 1.0 } else { low });
            let mut neuron = Perceptron::new(2, response);
            let fit = neuron.fit(&x, &target, 100).unwrap();
            // All but XOR and its opposite.
            if code == 0b0110 || code == 0b1001 {
                assert_eq!(fit.outcome, Outcome::NotSeparable, "{response:?} {code:04b}");
                assert_eq!(fit.mistakes.len(), 100);
                assert!(fit.mistakes.iter().all(|mistakes| *mistakes > 0));
                assert_ne!(neuron.predict(&x).unwrap(), target);
            } else {
                assert_eq!(fit.outcome, Outcome::Separated, "{response:?} {code:04b}");
                assert_eq!(neuron.predict(&x).unwrap(), target, "{response:?} {code:04b}");
                assert_eq!(fit.mistakes.last(), Some(&0));
                learned += 1;
            }
        }
    }
    assert_eq!(learned, 2 * 14);
}

/// AND by hand: the weights after every correction.
#[test]
fn a_wrong_answer_changes_the_weights_by_one_unit_against_the_error() {
    let x = data::xor::<f64>().x;
    let and = target(Response::Step, |a, b| a && b);
    let mut neuron = Perceptron::new(2, Response::Step);
    // 00, 01 and 10 are right with all weights 0; 11 gives 0 instead of 1.
    assert_eq!(neuron.fit(&x, &and, 1).unwrap().mistakes, [1]);
    assert_eq!((neuron.weight(), neuron.bias()), (&array![1.0, 1.0], 1.0));
    // 00 gives 1: b = 0. 01 gives 1: w = (1, 0), b = -1. 10 gives 0. 11 gives 0 instead of 1: w = (2, 1), b = 0.
    assert_eq!(neuron.fit(&x, &and, 1).unwrap().mistakes, [3]);
    assert_eq!((neuron.weight(), neuron.bias()), (&array![2.0, 1.0], 0.0));

    // With signs, an answer of 0 is wrong as well: 00 is corrected at once, towards -1.
    let and = target(Response::Sign, |a, b| a && b);
    let mut neuron = Perceptron::new(2, Response::Sign);
    neuron.fit(&x.slice(s![..1, ..]), &and.slice(s![..1, ..]), 1).unwrap();
    assert_eq!((neuron.weight(), neuron.bias()), (&array![0.0, 0.0], -1.0));
}

#[test]
fn the_perceptron_tells_how_it_went() {
    let xor = data::xor::<f32>();
    let fit = Perceptron::new(2, Response::Step).fit(&xor.x, &xor.target, 50).unwrap();
    let text = fit.to_string();
    assert!(text.starts_with("stopped after 50 epochs: the classes are not linearly separable ("), "{text}");

    let or = target(Response::Sign, |a, b| a || b);
    let text = Perceptron::new(2, Response::Sign).fit(&data::xor().x, &or, 50).unwrap().to_string();
    assert!(text.starts_with("separated the classes after "), "{text}");

    // One epoch is too few for AND, and nothing is proven by it.
    let and = target(Response::Step, |a, b| a && b);
    let fit = Perceptron::new(2, Response::Step).fit(&data::xor().x, &and, 1).unwrap();
    assert_eq!(fit.outcome, Outcome::NotSeparated);
    assert!(fit.to_string().contains("are not linearly separable, or it takes more epochs"), "{fit}");

    // Tenths are no exact binary numbers: no proof, though the classes are not separable.
    let fit = Perceptron::new(2, Response::Step).fit(&(xor.x * 0.1), &xor.target, 200).unwrap();
    assert_eq!(fit.outcome, Outcome::NotSeparated);
}

/// Two points of a line, 2 apart near 2²⁴: separable, but `f32` rounds the corrections away. A circle of
/// rounded weights proves nothing.
#[test]
fn rounded_weights_prove_nothing() {
    let x = array![[16_777_214.0_f32], [16_777_216.0]];
    let target = array![[0.0_f32], [1.0]];
    let fit = Perceptron::new(1, Response::Step).fit(&x, &target, 1000).unwrap();
    assert_eq!(fit.outcome, Outcome::NotSeparated);
}

#[test]
fn blobs_apart_are_separated() {
    let centers = array![[3.0, 3.0], [-3.0, -3.0]];
    for seed in 0..10 {
        let blobs = data::blobs(200, &centers, 0.5, &mut rng(seed));
        let mut neuron = Perceptron::<f64>::new(2, Response::Step);
        let fit = neuron.fit(&blobs.x, &blobs.target, 100).unwrap();
        assert_eq!(fit.outcome, Outcome::Separated, "{fit}");
        assert_eq!(neuron.predict(&blobs.x).unwrap(), blobs.target);
    }
}

#[test]
fn wrong_calls_leave_the_perceptron_as_it_was() {
    let data::Samples { x, target } = data::xor::<f64>();
    let mut neuron = Perceptron::new(2, Response::Step);
    neuron.fit(&x, &target, 3).unwrap();
    let before = neuron.clone();
    let mut with_nan = x.clone();
    with_nan[[2, 1]] = f64::NAN;
    let errors = [
        neuron.predict(&array![[1.0]]).unwrap_err(),
        neuron.fit(&array![[1.0, 2.0, 3.0]], &array![[1.0]], 10).unwrap_err(),
        neuron.fit(&x, &target.slice(s![..3, ..]), 10).unwrap_err(),
        neuron.fit(&x, &(&target * 2.0 - 1.0), 10).unwrap_err(),
        neuron.fit(&with_nan, &target, 10).unwrap_err(),
        neuron.fit(&x, &target, 0).unwrap_err(),
        Perceptron::new(2, Response::Sign).fit(&x, &target, 10).unwrap_err(),
    ];
    let want = [
        "Perceptron(2 -> 1) takes 2 features per sample, got 1",
        "Perceptron(2 -> 1) takes 2 features per sample, got 3",
        "Perceptron takes a target of one answer a row, 4 x 1, got 3 x 1",
        "Perceptron takes targets 0 and 1, got -1",
        "the input of sample 2, column 1, is NaN; no parameter was changed; remove or impute such values in the data",
        "the largest number of epochs must be at least 1, got 0",
        "Perceptron takes targets -1 and 1, got 0",
    ];
    assert_eq!(errors.map(|error| error.to_string()), want);
    assert_eq!(neuron, before);
    assert!(neuron.predict(&with_nan).unwrap()[[2, 0]].is_nan());
    let nothing = Array2::<f64>::zeros((0, 2));
    assert_eq!(neuron.predict(&nothing).unwrap().dim(), (0, 1));
}

/// Trains on four fifths of the digits; the accuracy on the rest.
fn digits_accuracy(loss: &dyn Loss<f32>, rate: f64) -> f64 {
    let mut rng = rng(5);
    let mut digits = data::digits::<f32>();
    digits.x /= 16.0;
    let (train, test) = digits.split(0.2, &mut rng).unwrap();
    let mut model = LinearClassifier::new(64, 10, &mut rng).unwrap();
    let mut sgd = Sgd::new(rate);
    let (mut first, mut last) = (None, f32::NAN);
    for _ in 0..30 {
        last = model.fit_epoch(&train, 32, loss, &mut sgd, &mut rng).unwrap();
        first.get_or_insert(last);
    }
    assert!(last < 0.5 * first.unwrap(), "{first:?}, {last}");
    let predicted = model.predict(&test.x).unwrap();
    let right = predicted.iter().zip(&test.target).filter(|(p, t)| **p as f32 == **t).count();
    let accuracy = metrics::accuracy(&model.scores(&test.x).unwrap(), &test.target).unwrap();
    assert_eq!(accuracy, right as f64 / test.len() as f64);
    accuracy
}

#[test]
fn the_linear_classifier_reads_digits_with_softmax_and_with_svm_loss() {
    let softmax = digits_accuracy(&CrossEntropy::new(), 0.2);
    assert!(softmax > 0.93, "{softmax}");
    let svm = digits_accuracy(&MultiClassHinge::new(), 0.2);
    assert!(svm > 0.93, "{svm}");
}

#[test]
fn templates_are_the_weights_as_brightness() {
    let mut rng = rng(4);
    let model = LinearClassifier::<f64>::new(6, 3, &mut rng).unwrap();
    let (weight, templates) = (model.weight(), model.templates());
    assert_eq!((weight.dim(), templates.dim()), ((7, 3), (6, 3)));
    assert_eq!(weight.row(6), Array2::<f64>::zeros((1, 3)).row(0));
    let weight = weight.slice(s![..6, ..]);
    let (low, high) = weight.iter().fold((f64::MAX, f64::MIN), |(low, high), w| (low.min(*w), high.max(*w)));
    let want = weight.mapv(|w| 255.0 * (w - low) / (high - low));
    assert_eq!(templates, want);
    assert!(templates.iter().any(|t| *t == 0.0) && templates.iter().any(|t| *t == 255.0));
    // Bias trick: a constant feature 1 in front of the last row gives the same scores.
    let x = Init::STANDARD_NORMAL.matrix::<f64>(5, 6, &mut rng);
    let ones = Array2::ones((5, 1));
    let with_one = neuropil::ndarray::concatenate(Axis(1), &[x.view(), ones.view()]).unwrap();
    let gap = (with_one.dot(&model.weight()) - model.scores(&x).unwrap()).mapv(f64::abs);
    assert!(gap.iter().all(|gap| *gap < 1e-15), "{gap}");
}

#[test]
fn wrong_calls_of_the_linear_classifier_are_errors() {
    let model = LinearClassifier::<f32>::new(4, 3, &mut rng(0)).unwrap();
    let error = model.predict(&array![[1.0, 2.0]]).unwrap_err();
    assert_eq!(error.to_string(), "the network takes rows of 4 features, got 2; one row is one sample");
    assert!(LinearClassifier::<f32>::new(0, 3, &mut rng(0)).is_err());
    assert!(LinearClassifier::<f32>::new(4, 0, &mut rng(0)).is_err());
}
