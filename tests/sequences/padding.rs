//! More padding changes no bit; lengths that would be lost are refused.

use ndarray::{Array2, array, s};
use neuropil::layers::{Embedding, GlobalAvgPool, LastStep, Reshape};
use neuropil::metrics::{Accuracy, Metric};
use neuropil::ndarray;
use neuropil::prelude::*;
use neuropil::train::Trainer;

use super::{layers, series, words};

/// Rows of indices with `steps` steps; the last are padding, index 0.
fn rows(steps: usize) -> Array2<f64> {
    let words: [&[f64]; 4] = [&[3.0, 7.0, 0.0, 2.0, 5.0], &[9.0, 1.0], &[4.0, 4.0, 11.0, 6.0], &[8.0]];
    let mut x = Array2::zeros((words.len(), steps));
    for (row, words) in words.into_iter().enumerate() {
        words.iter().take(steps).enumerate().for_each(|(t, &word)| x[[row, t]] = word);
    }
    x
}

/// The output without padding beyond five steps, and all gradients, of a training step on `x`.
fn step(network: &Network<f64>, x: &Array2<f64>) -> Vec<u64> {
    let mut tape = Tape::new(network, 3);
    let y = tape.forward(network, x).unwrap().clone();
    let per_step = if let Shape::Sequence { features, .. } = network.prediction_shape() { features } else { 0 };
    let mut dy = Array2::from_elem(y.dim(), 0.7); // In padding, too.
    dy.indexed_iter_mut().for_each(|((row, column), dy)| *dy += (row * 5 + column % 3) as f64);
    let kept = if per_step > 0 { 5 * per_step } else { y.ncols() };
    assert!(y.slice(s![.., kept..]).iter().all(|&y| y == 0.0));
    // The same gradient for the same step, whatever the width.
    let fixed = Array2::from_shape_fn((y.nrows(), kept), |(row, column)| 0.1 + (row * 7 + column) as f64 * 0.05);
    dy.slice_mut(s![.., ..kept]).assign(&fixed);
    let gradients = tape.backward_from(network, &dy).unwrap();
    let bits = y.slice(s![.., ..kept]).iter().map(|y| y.to_bits()).collect::<Vec<_>>();
    bits.into_iter().chain(gradients.weights.iter().flatten().map(|dw| dw.to_bits())).collect()
}

#[test]
fn more_padding_changes_no_bit() {
    let mut compared = 0;
    for (_, layer) in layers(&mut rng(5)) {
        let text = format!("{layer:?}");
        let network = words(layer, &mut rng(6)).unwrap();
        let (want, predicted) = (step(&network, &rows(5)), network.predict(&rows(5)).unwrap());
        for more in [1, 2, 7, 40] {
            let x = rows(5 + more);
            assert!(step(&network, &x) == want, "{text}: {more} steps more");
            let y = network.predict(&x).unwrap();
            assert!(y.slice(s![.., ..predicted.ncols()]) == predicted, "{text}: predicted with {more} steps more");
            assert!(y.slice(s![.., predicted.ncols()..]).iter().all(|&y| y == 0.0), "{text}");
            compared += want.len() + y.len();
        }
    }
    assert_eq!(compared, 51_604);
}

/// A row alone, without padding, gives what it gives beside longer ones; an index 0 between others is no padding.
#[test]
fn a_row_alone_is_as_beside_longer_ones() {
    let mut compared = 0;
    for (_, layer) in layers(&mut rng(5)) {
        let text = format!("{layer:?}");
        let network = words(layer, &mut rng(6)).unwrap();
        let together = network.predict(&rows(6)).unwrap();
        for (row, length) in [5, 2, 4, 1].into_iter().enumerate() {
            let alone = network.predict(&rows(length).slice(s![row..=row, ..])).unwrap();
            for (y, want) in together.row(row).iter().zip(alone.row(0)) {
                assert!((y - want).abs() < 1e-12, "{text}: {y} for {want}");
                compared += 1;
            }
        }
    }
    assert!(compared > 600, "{compared}");
}

/// Every layer checks its backward pass with lengths against differences.
#[test]
fn gradients_with_lengths_are_those_of_differences() {
    let mut compared = 0;
    for (_, layer) in layers(&mut rng(8)) {
        let text = format!("{layer:?}");
        if text.contains("Dropout") || text.contains("dropout") {
            continue; // They draw anew.
        }
        let network = words(layer, &mut rng(9)).unwrap();
        // The row of the padding index is not trained, wherever it stands.
        let mut x = rows(6);
        x[[0, 2]] = 10.0;
        let report = neuropil::gradcheck::parameters(&*network, 6, &x, 2).unwrap();
        assert!(report.passes(1e-6), "{text}: {report}");
        compared += 1;
    }
    assert_eq!(compared, 27);
}

#[test]
fn a_step_that_loses_lengths_is_refused() {
    let embedding = || Embedding::<f64>::new(5, 4, &mut rng(1)).padding(0).unwrap();
    let error = Sequential::new(6).with(embedding()).unwrap().with(Reshape::new(24)).unwrap_err();
    let want = "layer 1, Reshape(24): the lengths of its sequences are lost: it combines their steps without knowing \
                which are padding; read the sequence before it, with a layer such as a recurrent one or a global pool";
    assert_eq!(error.to_string(), want);
    let chain = Sequential::<f64>::new([6, 4]).with(Flatten).unwrap();
    let error = series(Box::new(chain)).unwrap_err();
    assert!(error.to_string().contains("lengths of its sequences are lost"), "{error}");

    // Inside a block of unknown shapes, it is found in the pass.
    let network = Sequential::new(6).with(embedding()).unwrap().with(Residual::new(GlobalAvgPool));
    assert!(network.is_err());
}

#[test]
fn lengths_are_checked() {
    let network = series(Box::new(LastStep)).unwrap();
    let x = |length| {
        let mut x = Array2::from_shape_fn((1, 25), |(_, i)| i as f64);
        x[[0, 24]] = length;
        x
    };
    assert_eq!(network.predict(&x(2.0)).unwrap(), array![[4.0, 5.0, 6.0, 7.0]]);
    assert_eq!(network.predict(&x(0.0)).unwrap(), array![[0.0; 4]]);
    for wrong in [-1.0, 6.5, 7.0, f64::NAN, f64::INFINITY] {
        let error = network.predict(&x(wrong)).unwrap_err().to_string();
        assert!(error.contains("lengths that are integers from 0 to 6"), "{error}");
    }
    // What stands in padding does not matter, even NaN.
    let mut padded = x(2.0);
    padded.slice_mut(s![.., 8..24]).fill(f64::NAN);
    for (_, layer) in layers(&mut rng(5)) {
        let text = format!("{layer:?}");
        let network = series(layer).unwrap();
        assert_eq!(network.predict(&padded).unwrap(), network.predict(&x(2.0)).unwrap(), "{text}");
    }
}

/// Where lengths are known, `masked` has no effect: a true step of zeros is no padding.
#[test]
fn known_lengths_come_before_zeros() {
    let pairs = |masked: bool| -> [Box<dyn neuropil::layer::Layer<f64>>; 4] {
        let r = &mut rng(4);
        let (lstm, attention) = (Lstm::new(4, 3, r), neuropil::layers::MultiHeadAttention::new(4, 2, r));
        let (learned, sines) =
            (neuropil::layers::LearnedPositions::new(9, 4, r), neuropil::layers::SinusoidalPositions::new());
        if masked {
            [
                Box::new(lstm.masked()),
                Box::new(attention.masked()),
                Box::new(learned.masked()),
                Box::new(sines.masked()),
            ]
        } else {
            [Box::new(lstm), Box::new(attention), Box::new(learned), Box::new(sines)]
        }
    };
    // Four steps, of which the last two are zeros.
    let x = Array2::from_shape_fn((1, 25), |(_, i)| match i {
        0..8 => 0.5,
        24 => 4.0,
        _ => 0.0,
    });
    let mut compared = 0;
    for (plain, masked) in pairs(false).into_iter().zip(pairs(true)) {
        let text = format!("{masked:?}");
        let [plain, masked] = [plain, masked].map(|layer| series(layer).unwrap());
        let steps = |network: &Network<f64>| {
            let mut tape = Tape::new(network, 0);
            let y = tape.forward(network, &x).unwrap().clone();
            let gradients = tape.backward_from(network, &Array2::ones(y.dim())).unwrap();
            (y, gradients.input.clone(), gradients.weights.to_vec())
        };
        assert_eq!(steps(&plain), steps(&masked), "{text}");
        compared += 1;
    }
    assert_eq!(compared, 4);
}

/// Loss, metrics and training count the steps before padding; targets in padding may be anything.
#[test]
fn losses_and_metrics_count_true_steps() {
    let network = words(Box::new(Dense::new(4, 3, &mut rng(1))), &mut rng(2)).unwrap();
    let x = rows(6);
    let mut target = Array2::from_elem((4, 6), -7.0);
    let mut flat = (Vec::new(), Vec::new());
    let y = network.predict(&x).unwrap();
    for (row, length) in [5, 2, 4, 1].into_iter().enumerate() {
        for t in 0..length {
            target[[row, t]] = ((row + t) % 3) as f64;
            flat.0.extend(y.slice(s![row, 3 * t..3 * t + 3]));
            flat.1.push(target[[row, t]]);
        }
    }
    let flat_y = Array2::from_shape_vec((12, 3), flat.0).unwrap();
    let flat_target = Array2::from_shape_vec((12, 1), flat.1).unwrap();
    let want = CrossEntropy::new().evaluate(&flat_y, &flat_target).unwrap();
    let mut tape = Tape::new(&network, 0);
    tape.forward(&network, &x).unwrap();
    assert!((tape.loss(&CrossEntropy::new(), &target).unwrap() - want).abs() < 1e-14);

    // An error names the sample, not the step.
    let mut wrong = target.clone();
    wrong[[2, 1]] = 3.0;
    let row = |error: Error| if let Error::Target { row, .. } = error { row } else { panic!("{error}") };
    assert_eq!(row(tape.loss(&CrossEntropy::new(), &wrong).unwrap_err()), Some(2));
    let error = Trainer::new(CrossEntropy::new(), Sgd::new(0.1)).evaluate(&network, &(&x, &wrong)).unwrap_err();
    assert_eq!(row(error), Some(2));

    let mut trained: Network<f64> = network.clone().into();
    let mut trainer = Trainer::new(CrossEntropy::new(), Adam::new(0.05)).metric(Accuracy).epochs(150).batch_size(2);
    let data = (&x, &target);
    let before = trainer.evaluate(&trained, &data).unwrap();
    assert!((before.loss - want).abs() < 1e-14);
    assert_eq!(before.get("accuracy"), Some(Accuracy.evaluate(&flat_y, &flat_target).unwrap()));
    trainer.fit(&mut trained, &data).unwrap();
    let after = trainer.evaluate(&trained, &data).unwrap();
    assert!(after.loss < 0.8 * before.loss, "{after}");
}
