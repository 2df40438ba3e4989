//! The doctor finds planted problems, and none in healthy networks.

use neuropil::data::{self, Samples};
use neuropil::doctor::{self, Disease};
use neuropil::ndarray::{Array1, Array2, Axis, array};
use neuropil::prelude::*;
use neuropil::rand::RngExt;
use neuropil::rand::seq::SliceRandom;

fn moons() -> Samples<f64> {
    data::moons(200, 0.1, &mut rng(1))
}

fn digits() -> Samples<f64> {
    let mut digits = data::digits();
    digits.x /= 16.0;
    digits.batches(300, &mut rng(2)).next().unwrap()
}

/// A layer with weights of this deviation.
fn dense(inputs: usize, outputs: usize, std: f64, seed: u64) -> Dense<f64> {
    Dense::with_init(inputs, outputs, Init::Normal { mean: 0.0, std }, &mut rng(seed))
}

fn examine(
    network: &Sequential<f64>,
    samples: &Samples<f64>,
    loss: &dyn Loss<f64>,
    optimizer: &mut dyn Optimizer<f64>,
) -> doctor::Diagnosis {
    doctor::examine(network, &samples.x, &samples.target, loss, optimizer).unwrap()
}

fn classify(network: &Sequential<f64>, samples: &Samples<f64>) -> doctor::Diagnosis {
    examine(network, samples, &CrossEntropy::new(), &mut Sgd::new(0.05))
}

#[test]
fn the_healthy_are_left_alone() {
    let mut healthy = 0;
    let mut silent = |name: &str, diagnosis: doctor::Diagnosis| {
        assert!(diagnosis.is_healthy(), "{name}\n{diagnosis}");
        assert_eq!(diagnosis.to_string(), "healthy: no findings\n");
        healthy += 1;
    };
    for seed in 0..5 {
        let r = &mut rng(seed);
        silent("moons", classify(&Sequential::mlp(&[2, 16, 16, 2], Tanh, r).unwrap(), &moons()));
        silent("digits", classify(&Sequential::mlp(&[64, 64, 32, 10], Relu, r).unwrap(), &digits()));
        let spirals = data::spirals(300, 3, 0.02, r);
        let network = Sequential::mlp(&[2, 24, 24, 3], Silu, r).unwrap();
        silent("spirals", examine(&network, &spirals, &CrossEntropy::new(), &mut Adam::new(0.003)));
        let network = Sequential::mlp(&[2, 8, 1], Tanh, r).unwrap().with(Sigmoid).unwrap();
        silent("yes or no", examine(&network, &moons(), &Bce::new(), &mut Adam::new(0.001)));
        // A regression: the sine of a sum.
        let x = Init::Uniform { low: -2.0, high: 2.0 }.matrix(200, 2, r);
        let target = x.sum_axis(Axis(1)).mapv(f64::sin).insert_axis(Axis(1));
        let network = Sequential::mlp(&[2, 16, 1], Gelu, r).unwrap();
        silent("sine", examine(&network, &Samples::new(x, target).unwrap(), &Mse, &mut Sgd::new(0.01)));
        // A sequence: which of two levels it is near.
        let target = Array2::from_shape_fn((120, 1), |(i, _)| (i % 2) as f64);
        let x = Array2::from_shape_fn((120, 8), |(i, _)| 2.0 * (i % 2) as f64 - 1.0 + 0.3 * r.random::<f64>());
        let lstm = Sequential::new([8, 1]).with(Lstm::new(1, 8, r).last_state()).unwrap();
        let network = lstm.with(Dense::new(8, 2, r)).unwrap();
        silent("levels", classify(&network, &Samples::new(x, target).unwrap()));
    }
    // Also when they have learned.
    let mut network = Sequential::mlp(&[2, 16, 2], Tanh, &mut rng(3)).unwrap();
    let (mut tape, mut adam, moons) = (Tape::new(&network, 0), Adam::new(0.02), moons());
    for _ in 0..300 {
        tape.train(&mut network, &moons.x, &moons.target, &CrossEntropy::new(), &mut adam).unwrap();
    }
    silent("trained", classify(&network, &moons));
    assert_eq!(healthy, 5 * 6 + 1);
}

/// Asserts that a disease was found, in this place, and that a finding has all its parts.
fn assert_found(diagnosis: &doctor::Diagnosis, disease: Disease, place: &str) {
    let finding = diagnosis.findings.iter().find(|finding| finding.disease == disease);
    let finding = finding.unwrap_or_else(|| panic!("no {disease:?} in\n{diagnosis}"));
    assert!(finding.place.contains(place), "{finding}");
    assert!(!finding.rule.is_empty() && !finding.advice.is_empty() && !finding.source.is_empty());
    assert!(diagnosis.to_string().contains(&format!("{disease:?} in ")) && diagnosis.has(disease));
    assert!(!diagnosis.is_healthy());
}

#[test]
fn planted_diseases_of_networks_are_found() {
    let r = &mut rng(1);
    // Biases far below zero.
    let mut network = Sequential::mlp(&[2, 16, 2], Relu, r).unwrap();
    network.visit_mut(&mut |info, w| {
        if info.name.to_string() == "0.bias" {
            w.fill(-100.0);
        }
    });
    assert_found(&classify(&network, &moons()), Disease::DeadUnits, "layer 1 Relu");
    // Weights far too large before a sigmoid.
    let saturated = Sequential::new(2).with(dense(2, 16, 100.0, 1)).unwrap().with(Sigmoid).unwrap();
    let saturated = saturated.with(dense(16, 2, 0.1, 2)).unwrap();
    assert_found(&classify(&saturated, &moons()), Disease::SaturatedUnits, "layer 1 Sigmoid");
    // Ten layers of sigmoids.
    let sizes: Vec<usize> = [vec![2], vec![10; 10], vec![2]].concat();
    let deep = Sequential::mlp(&sizes, Sigmoid, r).unwrap();
    assert_found(&classify(&deep, &moons()), Disease::VanishingGradients, "layer 0 Dense(2 -> 10)");
    // The same without a nonlinearity, and weights that are too large or too small.
    for (std, disease) in [(3.0, Disease::ExplodingOutputs), (0.01, Disease::VanishingOutputs)] {
        let mut chain = Sequential::new(2).with(dense(2, 20, std, 1)).unwrap();
        for seed in 2..7 {
            chain.push(Identity).unwrap();
            chain.push(dense(20, 20, std, seed)).unwrap();
        }
        chain.push(dense(20, 2, std, 9)).unwrap();
        let diagnosis = classify(&chain, &moons());
        assert_found(&diagnosis, disease, "Dense(20 -> 2)");
        if std > 1.0 {
            assert_found(&diagnosis, Disease::ExplodingGradients, "layer 0");
        }
    }
    // An output layer that is sure of everything.
    let sure = Sequential::new(2).with(dense(2, 16, 0.5, 1)).unwrap().with(Tanh).unwrap();
    let sure = sure.with(dense(16, 2, 20.0, 2)).unwrap();
    assert_found(&classify(&sure, &moons()), Disease::WrongInitialLoss, "the loss");
    // Every weight zero; every weight the same.
    for value in [0.0, 0.1] {
        let mut network = Sequential::mlp(&[2, 16, 2], Tanh, r).unwrap();
        network.visit_mut(&mut |_, w| w.fill(value));
        assert_found(&classify(&network, &moons()), Disease::Symmetry, "0.weight");
    }
    // Probabilities of probabilities.
    let network = Sequential::mlp(&[2, 16, 2], Tanh, r).unwrap().with(Softmax).unwrap();
    assert_found(&classify(&network, &moons()), Disease::RedundantActivation, "layer 3 Softmax");
    let network = Sequential::mlp(&[2, 16, 1], Tanh, r).unwrap().with(Sigmoid).unwrap();
    let diagnosis = examine(&network, &moons(), &BceWithLogits::new(), &mut Sgd::new(0.05));
    assert_found(&diagnosis, Disease::RedundantActivation, "layer 3 Sigmoid, before BceWithLogits");
    // A NaN weight.
    let mut network = Sequential::mlp(&[2, 16, 2], Tanh, r).unwrap();
    network.visit_mut(&mut |info, w| {
        if info.name.to_string() == "2.weight" {
            w[[3, 1]] = f64::NAN;
        }
    });
    assert_found(&classify(&network, &moons()), Disease::NonFinite, "2.weight");
}

#[test]
fn planted_diseases_of_data_and_optimizers_are_found() {
    let r = &mut rng(4);
    let network = Sequential::mlp(&[64, 32, 10], Relu, r).unwrap();
    // Pixels as they come, from 0 to 255, and far too dark.
    for factor in [255.0, 1e-4] {
        let mut pixels = digits();
        pixels.x *= factor;
        assert_found(&classify(&network, &pixels), Disease::UnscaledInputs, "the inputs");
    }
    // Labels in another order than the inputs; targets of a regression, too.
    for seed in 0..5 {
        let mut shuffled = digits();
        let mut labels: Vec<f64> = shuffled.target.iter().copied().collect();
        labels.shuffle(&mut rng(seed));
        shuffled.target = Array1::from(labels).insert_axis(Axis(1));
        assert_found(&classify(&network, &shuffled), Disease::ShuffledLabels, "the targets");
    }
    let x: Array2<f64> = Init::Uniform { low: -2.0, high: 2.0 }.matrix(200, 1, r);
    let mut target = x.clone();
    let line = Sequential::mlp(&[1, 8, 1], Tanh, r).unwrap();
    let samples = Samples::new(x.clone(), target.clone()).unwrap();
    let diagnosis = examine(&line, &samples, &Mse, &mut Sgd::new(0.01));
    assert!(diagnosis.is_healthy(), "{diagnosis}");
    target.as_slice_mut().unwrap().shuffle(r);
    let samples = Samples::new(x.clone(), target).unwrap();
    assert_found(&examine(&line, &samples, &Mse, &mut Sgd::new(0.01)), Disease::ShuffledLabels, "the targets");
    // Prices in cents.
    let samples = Samples::new(x.clone(), x.mapv(|x| 50_000.0 * (x + 3.0))).unwrap();
    assert_found(&examine(&line, &samples, &Mse, &mut Sgd::new(0.01)), Disease::UnscaledTargets, "the targets");
    // Every sample twice, once with another label.
    let mut twins = digits();
    let other = twins.target.mapv(|label| (label + 1.0) % 10.0);
    twins.x = neuropil::ndarray::concatenate![
        Axis(0),
        twins.x.slice(neuropil::ndarray::s![..100, ..]),
        twins.x.slice(neuropil::ndarray::s![..100, ..])
    ];
    twins.target = neuropil::ndarray::concatenate![
        Axis(0),
        twins.target.slice(neuropil::ndarray::s![..100, ..]),
        other.slice(neuropil::ndarray::s![..100, ..])
    ];
    assert_found(&classify(&network, &twins), Disease::Contradictions, "the targets");
    // A missing value.
    let mut holes = digits();
    holes.x[[3, 5]] = f64::NAN;
    let diagnosis = classify(&network, &holes);
    assert_found(&diagnosis, Disease::NonFinite, "the inputs");
    assert_eq!(diagnosis.findings.len(), 1);
    // Learning rates.
    let large = examine(&network, &digits(), &CrossEntropy::new(), &mut Adam::new(0.5));
    assert_found(&large, Disease::LargeUpdates, "0.weight");
    let small = examine(&network, &digits(), &CrossEntropy::new(), &mut Sgd::new(1e-6));
    assert_found(&small, Disease::SmallUpdates, "0.weight");
}

#[test]
fn nothing_is_changed_and_misuse_is_an_error() {
    let network = Sequential::mlp(&[2, 8, 2], Tanh, &mut rng(1)).unwrap();
    let before = network.parameter("0.weight");
    let moons = moons();
    let mut adam = Adam::new(0.01);
    let first = examine(&network, &moons, &CrossEntropy::new(), &mut adam);
    assert_eq!(first, examine(&network, &moons, &CrossEntropy::new(), &mut adam));
    assert_eq!(network.parameter("0.weight"), before);
    let narrow = doctor::examine(&network, &array![[1.0]], &array![[0.0]], &CrossEntropy::new(), &mut adam);
    assert!(matches!(narrow, Err(Error::Width { .. })));
    let labels = Array2::from_elem((200, 1), 7.0);
    assert!(matches!(
        doctor::examine(&network, &moons.x, &labels, &CrossEntropy::new(), &mut adam),
        Err(Error::Target { .. })
    ));
}
