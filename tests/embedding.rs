//! The embedding: against reference values and finite differences; its padding, and invalid indices.

use crate::common;

use common::{Case, F32, F64, Tolerance, assert_close, cases};
use ndarray::{Array2, array};
use neuropil::prelude::*;
use neuropil::rand::RngExt;
use neuropil::{gradcheck, ndarray};

/// Runs a case and returns how many numbers agreed.
fn run<A: Scalar>(case: &Case, tolerance: Tolerance) -> usize {
    let features = case.number("embedding_dim") as usize;
    let weight = case.matrix("parameters", "weight", features).unwrap().mapv(A::of);
    assert_eq!(weight.nrows(), case.number("num_embeddings") as usize);
    let layer = Embedding::from_parameters(weight);
    let layer = match case.config("padding_idx").as_u64() {
        Some(index) => layer.padding_kept(index as usize).unwrap(),
        None => layer,
    };
    // One axis is a single sample.
    let x = case.array("inputs", "input").unwrap();
    let steps = *x.shape().last().unwrap();
    let x: Array2<A> = case.matrix("inputs", "input", steps).unwrap().mapv(A::of);
    let dy = case.matrix("upstream", "output", steps * features).unwrap().mapv(A::of);
    let network = Sequential::new(steps).with(layer).unwrap();
    let mut tape = Tape::new(&network, 0);
    let mut compared = 0;
    let mut close = |part: &str, got: &Array2<A>| {
        let (group, name) = part.split_once(' ').unwrap();
        let want = case.array(group, name).unwrap();
        let what = format!("{} {part}, {}", case.name, A::NAME);
        compared += assert_close(&what, got.iter().map(|x| x.to_f64()), want, tolerance);
    };
    close("outputs output", tape.forward(&network, &x).unwrap());
    assert_eq!(network.predict(&x).unwrap(), tape.output());
    let gradients = tape.backward_from(&network, &dy).unwrap();
    close("gradients weight", &gradients.weights[0]);
    assert!(gradients.input.iter().all(|&dx| dx == A::ZERO));
    compared
}

#[test]
fn agrees_with_reference_values() {
    let cases = cases("embedding");
    assert_eq!(cases.len(), 6);
    let compared = |tolerance, run: fn(&Case, Tolerance) -> usize| -> usize {
        cases.iter().map(|case| run(case, tolerance)).sum()
    };
    assert_eq!(compared(F64, run::<f64>), 256);
    assert_eq!(compared(F32, run::<f32>), 256);
}

#[test]
fn derivatives_agree_with_finite_differences() {
    let mut random = rng(1);
    let mut compared = 0;
    for seed in 0..30 {
        let (count, features) = (random.random_range(1..8), random.random_range(1..6));
        let (rows, steps) = (random.random_range(1..6), random.random_range(1..7));
        let padding = random.random_range(0..count);
        let layer = Embedding::new(count, features, &mut random);
        let x = Array2::from_shape_simple_fn((rows, steps), || random.random_range(0..count) as f64);
        let report = gradcheck::parameters(&layer, steps, &x, seed).unwrap();
        assert!(report.passes(1e-7), "{layer:?}: {report}");
        assert_eq!(report.compared, count * features);
        compared += report.nonzero;

        // The padding's row gets no gradient, the others the same as before.
        let gradient = |layer: &Embedding<f64>| {
            let mut tape = Tape::for_layer(layer, steps, 0);
            tape.forward(layer, &x).unwrap();
            let dy = Array2::from_shape_fn((rows, steps * features), |(i, j)| (i * 7 + j) as f64);
            tape.backward_from(layer, &dy).unwrap().weights[0].clone()
        };
        let mut without = gradient(&layer);
        without.row_mut(padding).fill(0.0);
        assert_eq!(gradient(&layer.padding(padding).unwrap()), without);
    }
    assert!(compared > 200, "{compared}");
}

/// A word that is seen a million times: its sum keeps its digits.
#[test]
fn sums_over_many_places_are_exact() {
    let layer = Embedding::<f32>::from_parameters(array![[0.0], [1.0]]);
    let mut tape = Tape::for_layer(&layer, 1000, 0);
    tape.forward(&layer, &Array2::ones((1000, 1000))).unwrap();
    let gradients = tape.backward_from(&layer, &Array2::from_elem((1000, 1000), 0.1)).unwrap();
    assert_eq!(gradients.weights[0], array![[0.0], [0.1_f32 * 1e6]]);
}

#[test]
fn indices_that_are_none_are_errors() {
    let layer = Embedding::new(5, 2, &mut rng(1)).padding(0).unwrap();
    let mut network = Sequential::new(3).with(layer).unwrap().with(Dense::new(2, 1, &mut rng(2))).unwrap();
    let before = network.clone();
    let mut tape = Tape::new(&network, 0);
    for (wrong, text) in [(5.0, "5"), (-1.0, "-1"), (1.5, "1.5"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
        let x = array![[0.0, 1.0, 2.0], [4.0, wrong, 3.0]];
        let want =
            format!("layer 0, Embedding(5 x 2, padding 0), takes integers from 0 to 4, got {text} at step 1 in row 1");
        assert_eq!(network.predict(&x).unwrap_err().to_string(), want);
        let target = Array2::zeros((2, 3));
        let error = tape.train(&mut network, &x, &target, &Mse, &mut Sgd::new(0.1)).unwrap_err();
        assert_eq!(error.to_string(), want);
    }
    assert_eq!(network.parameter("0.weight"), before.parameter("0.weight"));
    // -0 is 0, and the ends of the range are in it.
    assert!(network.predict(&array![[-0.0, 4.0, 0.0]]).is_ok());
}

#[test]
fn what_does_not_fit_is_an_error() {
    let error = |shape: Shape, layer: &dyn Layer<f32>| layer.output_shape(shape).unwrap_err().to_string();
    let layer = Embedding::<f32>::new(5, 2, &mut rng(1));
    assert_eq!(error([1, 2, 3].into(), &layer), "Embedding(5 x 2) takes one index for each step, got [1, 2, 3] = 6");
    assert_eq!(error([4, 2].into(), &layer), "Embedding(5 x 2) takes one index for each step, got [4, 2] = 8");
    assert_eq!(layer.output_shape([4, 1].into()).unwrap(), [4, 2].into());
    let none = Embedding::<f32>::new(5, 0, &mut rng(1));
    assert_eq!(error(3.into(), &none), "the features of Embedding(5 x 0) must be at least 1, got 0");
    let none = Embedding::<f32>::new(0, 5, &mut rng(1));
    assert!(error(3.into(), &none).starts_with("the rows of Embedding(0 x 5) must be at least 1"));
    // Above 2²⁴, f32 does not have every integer.
    let large = Embedding::<f32>::from_parameters(Array2::zeros(((1 << 24) + 1, 1)));
    assert!(error(3.into(), &large).contains("an exact integer in its type, got 16777217"));
    assert_eq!(
        layer.padding(5).unwrap_err().to_string(),
        "the padding index of Embedding(5 x 2) must be below the number of rows, got 5"
    );

    // Nothing before it could learn.
    let dense = Sequential::<f64>::new(2).with(Dense::new(2, 2, &mut rng(1))).unwrap();
    let network = dense.with(Embedding::new(5, 2, &mut rng(1))).unwrap();
    let error = Tape::new(&network, 0).forward(&network, &Array2::zeros((1, 2))).unwrap_err();
    assert!(matches!(error, Error::Layer { ref name, .. } if name == "1"), "{error}");
}

#[test]
fn a_wrong_index_in_many_samples_is_told_with_its_own_row() {
    let network = Sequential::new(1).with(Embedding::<f64>::new(5, 1, &mut rng(1))).unwrap();
    let (mut x, target) = (Array2::zeros((700, 1)), Array2::zeros((700, 1)));
    x[[555, 0]] = 7.0;
    let want = "layer 0, Embedding(5 x 1), takes integers from 0 to 4, got 7 at step 0 in row 555";
    let mut trainer = Trainer::new(Mse, Sgd::new(0.1));
    assert_eq!(trainer.predict(&network, &x).unwrap_err().to_string(), want);
    assert_eq!(trainer.evaluate(&network, &(&x, &target)).unwrap_err().to_string(), want);
    let error = trainer.fit(&mut network.clone(), &(&x, &target)).unwrap_err().to_string();
    assert!(error.starts_with("epoch 1, step ") && error.ends_with(want), "{error}");
}
