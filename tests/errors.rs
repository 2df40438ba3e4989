//! Every wrong use is an error whose text names the layer or loss, what it takes and what it got; nothing panics, and a
//! call that fails changes no parameter.

use std::error::Error as _;
use std::fmt::Debug;
use std::io;

use neuropil::activations::{Sign, Step};
use neuropil::data::Samples;
use neuropil::gradcheck;
use neuropil::layer::{Backward, Pass};
use neuropil::losses::Sum;
use neuropil::metrics::{Accuracy, Metric};
use neuropil::ndarray::{Array2, array};
use neuropil::prelude::*;

/// The wrong uses tried so far.
struct Table(usize);

impl Table {
    /// Asserts that this was refused, in these words.
    fn refuses<T: Debug>(&mut self, result: Result<T>, text: &str) {
        match result {
            Ok(value) => panic!("should have been refused: {text}\n  but gave {value:?}"),
            Err(error) => assert_eq!(error.to_string(), text),
        }
        self.0 += 1;
    }
}

fn dense(inputs: usize, outputs: usize) -> Dense<f64> {
    Dense::new(inputs, outputs, &mut rng(1))
}

/// 2 features, 3 hidden neurons, 1 output.
fn network() -> Sequential<f64> {
    Sequential::mlp(&[2, 3, 1], Tanh, &mut rng(1)).unwrap().with(Sigmoid).unwrap()
}

fn x() -> Array2<f64> {
    array![[0.0, 1.0], [1.0, 0.0], [0.5, 0.5], [2.0, -1.0]]
}

fn target() -> Array2<f64> {
    array![[1.0], [1.0], [0.0], [0.0]]
}

#[test]
fn networks_that_do_not_fit_together() {
    let mut table = Table(0);
    let image = Sequential::<f64>::new([16, 5, 5]);
    table.refuses(
        image.clone().with(Tanh).unwrap().with(Tanh).unwrap().with(dense(128, 10)),
        "layer 2, Dense(128 -> 10), takes 128 features per sample, got [16, 5, 5] = 400",
    );
    table.refuses(
        Sequential::new(2).with(dense(2, 3)).unwrap().with(dense(4, 1)),
        "layer 1, Dense(4 -> 1), takes 4 features per sample, got 3",
    );
    table.refuses(
        image.with(dense(400, 10)),
        "layer 0, Dense(400 -> 10), takes 400 flat features per sample (put a Flatten before it), got [16, 5, 5] = 400",
    );
    table.refuses(
        Sequential::new([7, 3]).with(dense(2, 1)),
        "layer 0, Dense(2 -> 1), takes 2 features per sample, got [7, 3] = 21",
    );
    let block = Sequential::new(4).with(dense(4, 4)).unwrap();
    table.refuses(
        Sequential::new(3).with(block),
        "layer 0, Sequential(4 -> 4, 1 layers), takes 4 features per sample, got 3",
    );
    table.refuses(
        Sequential::new(3).with(Sequential::<f64>::new(3)),
        "layer 0, the network has no layers; add one with `with`, `push` or `add`, or give `mlp` two sizes or more",
    );
    table.refuses(
        Dense::<f64>::new(3, 2, &mut rng(0)).output_shape(5.into()),
        "Dense(3 -> 2) takes 3 features per sample, got 5",
    );
    let mlp = |sizes: &[usize]| Sequential::<f64>::mlp(sizes, Tanh, &mut rng(0));
    let no_layers = "the network has no layers; add one with `with`, `push` or `add`, or give `mlp` two sizes or more";
    table.refuses(mlp(&[]), no_layers);
    table.refuses(mlp(&[3]), no_layers);
    table.refuses(mlp(&[3, 0, 1]), "layer 0, the outputs of a Dense layer must be at least 1, got 0");
    table.refuses(mlp(&[0, 3]), "layer 0, the inputs of a Dense layer must be at least 1, got 0");
    table.refuses(
        Dense::from_parameters(Array2::<f64>::zeros((2, 3)), array![0.0, 0.0]),
        "the bias of Dense(2 -> 3) must be 1 x 3, got 1 x 2",
    );
    table.refuses(
        Sequential::<f64>::new(2).with(LeakyRelu::new(f64::NAN)),
        "layer 0, LeakyRelu's slope must be finite, got NaN",
    );
    table.refuses(
        Sequential::<f64>::new([3, 4, 4]).with(PRelu::per_channel(2)),
        "layer 0, PRelu(2 slopes), takes 2 channels (a slope for each; or use one slope for all), got [3, 4, 4] = 48",
    );
    assert_eq!(table.0, 14);

    // What was refused is not in the network.
    let mut network = Sequential::new(2).with(dense(2, 3)).unwrap();
    assert!(network.push(dense(4, 1)).is_err());
    assert_eq!((network.layers().len(), network.output()), (1, Shape::Flat(3)));
}

#[test]
fn batches_that_do_not_fit() {
    let mut table = Table(0);
    let (network, mut tape) = (network(), Tape::new(&network(), 0));
    let wide = "the network takes rows of 2 features, got 3; one row is one sample";
    table.refuses(network.predict(&Array2::zeros((4, 3))), wide);
    table.refuses(network.predict_one(&[1.0, 2.0, 3.0]), wide);
    table.refuses(network.predict_into(&Array2::zeros((4, 3)), &mut Scratch::default()).cloned(), wide);
    table.refuses(tape.forward(&network, &Array2::zeros((4, 3))).cloned(), wide);
    let image = Sequential::<f64>::new([1, 28, 28]).with(Flatten).unwrap();
    table.refuses(
        image.predict(&Array2::zeros((28, 28))),
        "the network takes rows of [1, 28, 28] = 784 features, got 28; one row is one sample",
    );
    table.refuses(
        gradcheck::layer(&network, 2, &Array2::zeros((4, 3)), 0),
        "the network takes rows of 2 features, got 3; one row is one sample",
    );
    let empty = Sequential::<f64>::new(2);
    let no_layers = "the network has no layers; add one with `with`, `push` or `add`, or give `mlp` two sizes or more";
    table.refuses(empty.predict(&x()), no_layers);
    table.refuses(Tape::new(&empty, 0).forward(&empty, &x()).cloned(), no_layers);
    table.refuses(gradcheck::layer(&empty, 2, &x(), 0), no_layers);
    assert_eq!(table.0, 9);
}

#[test]
fn targets_that_do_not_fit() {
    let mut table = Table(0);
    let (network, mut tape) = (network(), Tape::new(&network(), 0));
    tape.forward(&network, &x()).unwrap();
    table.refuses(tape.loss(&Mse, &array![[1.0], [0.0]]), "Mse takes a target of the outputs' shape, 4 x 1, got 2 x 1");
    table.refuses(
        tape.loss(&Sum(Mse), &Array2::zeros((4, 2))),
        "Mse takes a target of the outputs' shape, 4 x 1, got 4 x 2",
    );
    table.refuses(Mse.per_sample(&x(), &target()), "Mse takes a target of the outputs' shape, 4 x 2, got 4 x 1");
    table.refuses(Mse.gradient(&x(), &target()), "Mse takes a target of the outputs' shape, 4 x 2, got 4 x 1");
    let entropy = CrossEntropy::new();
    table.refuses(
        entropy.evaluate(&x(), &array![[0.0], [1.0], [2.0], [0.0]]),
        "CrossEntropy takes labels 0 to 1 of 2 classes, got 2 in row 2",
    );
    table.refuses(
        entropy.evaluate(&x(), &array![[0.0], [-1.0], [0.0], [0.0]]),
        "CrossEntropy takes labels 0 to 1 of 2 classes, got -1 in row 1",
    );
    table.refuses(
        entropy.evaluate(&x(), &array![[0.0], [1.0], [0.0], [f64::NAN]]),
        "CrossEntropy takes labels 0 to 1 of 2 classes, got NaN in row 3",
    );
    table.refuses(
        entropy.evaluate(&x(), &Array2::zeros((4, 3))),
        "CrossEntropy takes labels, 4 x 1, or probabilities, 4 x 2, got 4 x 3",
    );
    table.refuses(one_hot::<f64>(&[0, 3], 3), "one_hot takes labels below 3, the number of classes, got 3 in row 1");
    table.refuses(
        Bce::new().evaluate(&array![[0.5], [1.5]], &array![[0.0], [1.0]]),
        "Bce { clip: None } takes probabilities in [0, 1] (put a Sigmoid before it, or use BceWithLogits), got 1.5 in row 1",
    );
    table.refuses(gradcheck::loss(&Mse, &x(), &target()), "Mse takes a target of the outputs' shape, 4 x 2, got 4 x 1");
    assert_eq!(table.0, 11);
}

#[test]
fn calls_out_of_order() {
    let mut table = Table(0);
    let (mut network, mut tape) = (network(), Tape::new(&network(), 0));
    let mut sgd = Sgd::new(0.1);
    table.refuses(tape.loss(&Mse, &target()), "`loss` needs `forward` first");
    table.refuses(tape.backward(&network).map(|_| ()), "`backward` needs `forward` and `loss` first");
    table.refuses(tape.backward_weights(&network).map(|_| ()), "`backward_weights` needs `forward` and `loss` first");
    table.refuses(tape.backward_from(&network, &target()).map(|_| ()), "`backward_from` needs `forward` first");
    table.refuses(tape.step(&mut network, &mut sgd), "`step` needs `forward`, `loss` and `backward` first");
    tape.forward(&network, &x()).unwrap();
    table.refuses(tape.backward(&network).map(|_| ()), "`backward` needs `forward` and `loss` first");
    table.refuses(tape.step(&mut network, &mut sgd), "`step` needs `forward`, `loss` and `backward` first");
    table.refuses(
        tape.backward_from(&network, &Array2::ones((1, 4))).map(|_| ()),
        "the gradient dL/dy must be 4 x 1, got 1 x 4; (1, 4) is one sample of 4 numbers; did you mean (4, 1)?",
    );
    tape.loss(&Mse, &target()).unwrap();
    table.refuses(tape.step(&mut network, &mut sgd), "`step` needs `forward`, `loss` and `backward` first");
    tape.backward(&network).unwrap();
    tape.step(&mut network, &mut sgd).unwrap();
    table.refuses(tape.step(&mut network, &mut sgd), "`step` needs `forward`, `loss` and `backward` first");
    table.refuses(tape.loss(&Mse, &target()), "`loss` needs `forward` first");
    // A forward pass that fails takes the ones before it away.
    tape.forward(&network, &x()).unwrap();
    tape.loss(&Mse, &target()).unwrap();
    assert!(tape.forward(&network, &Array2::zeros((4, 3))).is_err());
    table.refuses(tape.backward(&network).map(|_| ()), "`backward` needs `forward` and `loss` first");
    // A loss that fails takes the loss before it away.
    tape.forward(&network, &x()).unwrap();
    tape.loss(&Mse, &target()).unwrap();
    assert!(tape.loss(&Mse, &x()).is_err());
    table.refuses(tape.backward(&network).map(|_| ()), "`backward` needs `forward` and `loss` first");
    assert_eq!(table.0, 13);
}

/// Keeps something in its cache, of a size that its neighbors do not have.
#[derive(Debug, Clone)]
struct Remembers;

impl Layer<f64> for Remembers {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        Ok(input)
    }
    fn forward(&self, x: &Matrix<f64>, y: &mut Matrix<f64>, pass: &mut Pass<'_>) -> Result<()> {
        y.assign(x);
        *pass.cache.get() = vec![1.0; x.len()];
        Ok(())
    }
    fn backward(&self, at: Backward<'_, f64>, pass: &mut Pass<'_>) -> Result<()> {
        let kept: &Vec<f64> = pass.cache.get();
        if let Some(dx) = at.dx {
            for (i, (dx, dy)) in dx.iter_mut().zip(at.dy).enumerate() {
                *dx = kept[i] * dy;
            }
        }
        Ok(())
    }
}

#[test]
fn another_network_than_that_of_the_forward_pass() {
    let mut table = Table(0);
    let mut network = network();
    let mut tape = Tape::new(&network, 0);
    let text = |call: &str| format!("`{call}` needs `forward` with the same network first");
    let others = [
        Sequential::<f64>::new(2),
        Sequential::mlp(&[2, 3, 1], Tanh, &mut rng(1)).unwrap().with(Sigmoid).unwrap(),
        Sequential::mlp(&[2, 5, 1], Tanh, &mut rng(1)).unwrap(),
        Sequential::mlp(&[5, 1], Tanh, &mut rng(1)).unwrap(),
        Sequential::mlp(&[2, 3, 3, 3, 2], Tanh, &mut rng(1)).unwrap(),
        Sequential::new(2).with(dense(2, 3)).unwrap().with(Remembers).unwrap().with(dense(3, 1)).unwrap(),
    ];
    for mut other in others {
        tape.forward(&network, &x()).unwrap();
        table.refuses(tape.backward_from(&other, &target()).map(|_| ()), &text("backward_from"));
        tape.loss(&Mse, &target()).unwrap();
        table.refuses(tape.backward(&other).map(|_| ()), &text("backward"));
        table.refuses(tape.backward_weights(&other).map(|_| ()), &text("backward_weights"));
        tape.backward(&network).unwrap();
        table.refuses(tape.step(&mut other, &mut Sgd::new(0.1)), &text("step"));
    }
    // The same network, but it grew.
    tape.forward(&network, &x()).unwrap();
    tape.loss(&Mse, &target()).unwrap();
    let copy = network.clone();
    network.push(Remembers).unwrap();
    table.refuses(tape.backward(&network).map(|_| ()), &text("backward"));
    // A copy is as good as the original: it can read the same caches.
    assert!(tape.backward(&copy).is_ok());
    // A forward pass with a network of other inputs.
    let wide = Sequential::mlp(&[3, 1], Tanh, &mut rng(1)).unwrap();
    table.refuses(
        tape.forward(&wide, &Array2::zeros((4, 3))).cloned(),
        "Sequential(3 -> 1, 1 layers) takes 3 features per sample, got 2",
    );
    // Single layers.
    let mut tape = Tape::<f64>::for_layer(&Tanh, 2, 0);
    tape.forward(&Tanh, &x()).unwrap();
    table.refuses(tape.backward_from(&Remembers, &x()).map(|_| ()), &text("backward_from"));
    table.refuses(tape.backward_from(&dense(2, 2), &x()).map(|_| ()), &text("backward_from"));
    let mut tape = Tape::for_layer(&dense(2, 2), 2, 0);
    tape.forward(&dense(2, 2), &x()).unwrap();
    table.refuses(tape.backward_from(&dense(3, 2), &x()).map(|_| ()), &text("backward_from"));
    table.refuses(tape.backward_from(&dense(2, 3), &x()).map(|_| ()), &text("backward_from"));
    assert_eq!(table.0, 6 * 4 + 6);
}

#[test]
fn learning_through_a_step() {
    let mut table = Table(0);
    let text = |layer: &str| {
        format!(
            "{layer}, has a derivative of zero, so the layers before it cannot learn; \
             use a smooth activation such as Sigmoid or Tanh when training"
        )
    };
    let step = Sequential::new(2).with(dense(2, 3)).unwrap().with(Step::default()).unwrap();
    let mut tape = Tape::new(&step, 0);
    table.refuses(tape.forward(&step, &x()).cloned(), &text("layer 1, Step { threshold: 0.0 }"));
    let sign = Sequential::mlp(&[2, 3, 1], Tanh, &mut rng(1)).unwrap().with(Sign).unwrap();
    table.refuses(Tape::new(&sign, 0).forward(&sign, &x()).cloned(), &text("layer 3, Sign"));
    let nested = Sequential::new(2).with(dense(2, 2)).unwrap().with(step.clone()).unwrap();
    let inner = "layer 1, Sequential(2 -> 3, 2 layers)";
    table.refuses(Tape::new(&nested, 0).forward(&nested, &x()).cloned(), &text(inner));
    let inner = Sequential::new(2).with(Tanh).unwrap().with(step.clone()).unwrap();
    table.refuses(Tape::new(&inner, 0).forward(&inner, &x()).cloned(), &text("layer 1.1, Step { threshold: 0.0 }"));
    table.refuses(gradcheck::layer(&step, 2, &x(), 0), &text("layer 1, Step { threshold: 0.0 }"));
    assert_eq!(table.0, 5);

    // Predicting is fine, and so is a step before everything that learns.
    assert_eq!(step.predict(&x()).unwrap().dim(), (4, 3));
    let first = Sequential::new(2).with(Step::default()).unwrap().with(dense(2, 1)).unwrap();
    assert!(Tape::new(&first, 0).forward(&first, &x()).is_ok());
    let nested = Sequential::new(2).with(first).unwrap().with(Tanh).unwrap();
    assert!(Tape::new(&nested, 0).forward(&nested, &x()).is_ok());
}

#[test]
fn settings_outside_their_range() {
    let mut table = Table(0);
    let mut network = network();
    let mut tape = Tape::new(&network, 0);
    let mut train = |mut sgd: Sgd<f64>| tape.train(&mut network, &x(), &target(), &Mse, &mut sgd);
    table.refuses(train(Sgd::new(-0.1)), "Sgd's learning rate must be at least 0 and finite, got -0.1");
    table.refuses(train(Sgd::new(f64::NAN)), "Sgd's learning rate must be at least 0 and finite, got NaN");
    table.refuses(train(Sgd::new(f64::INFINITY)), "Sgd's learning rate must be at least 0 and finite, got inf");
    table.refuses(train(Sgd::new(0.1).momentum(1.0)), "Sgd's momentum must be in [0, 1), got 1");
    table.refuses(train(Sgd::new(0.1).momentum(-0.5)), "Sgd's momentum must be in [0, 1), got -0.5");
    table.refuses(train(Sgd::new(0.1).momentum(0.9).dampening(2.0)), "Sgd's dampening must be in [0, 1], got 2");
    table.refuses(
        train(Sgd::new(0.1).decay(Decay::l2(-1e-4))),
        "Sgd's l2 decay must be at least 0 and finite, got -0.0001",
    );
    table.refuses(
        train(Sgd::new(0.1).nesterov()),
        "Sgd's momentum for Nesterov must be above 0, without dampening, got 0",
    );
    table.refuses(Bce::clipped(0.6).evaluate(&target(), &target()), "Bce's clip must be in [0, 0.5), got 0.6");
    table.refuses(
        CrossEntropy::new().class_weights([1.0]).evaluate(&x(), &target()),
        "the class weights of CrossEntropy { class_weights: [1.0] } must be 1 x 2, got 1 x 1",
    );
    table.refuses(
        CrossEntropy::new().label_smoothing(1.5).evaluate(&x(), &target()),
        "CrossEntropy's label smoothing must be in [0, 1], got 1.5",
    );
    assert_eq!(table.0, 11);
}

/// The bits of all parameters.
fn bits(network: &Sequential<f64>) -> Vec<u64> {
    let mut bits = Vec::new();
    network.visit(&mut |_, matrix| bits.extend(matrix.iter().map(|w| w.to_bits())));
    bits
}

#[test]
fn losses_that_are_no_number_leave_the_parameters_alone() {
    let mut table = Table(0);
    let mut network = network();
    let before = bits(&network);
    let mut tape = Tape::new(&network, 0);
    let mut sgd = Sgd::new(0.1).momentum(0.9);
    let advice = "no parameter was changed; try a smaller learning rate, clip the gradients, or scale the data";
    let mut train = |x: &Array2<f64>, target: &Array2<f64>, loss: &dyn Loss<f64>, sgd: &mut Sgd<f64>| {
        let result = tape.train(&mut network, x, target, loss, sgd);
        assert_eq!(bits(&network), before);
        result
    };
    let nan = array![[0.0, f64::NAN]];
    let in_data = "no parameter was changed; remove or impute such values in the data";
    table.refuses(
        train(&nan, &array![[1.0]], &Mse, &mut sgd),
        &format!("the input of sample 0, column 1, is NaN; {in_data}"),
    );
    table.refuses(train(&array![[0.0, 1.0]], &array![[1e200]], &Mse, &mut sgd), &format!("the loss is inf; {advice}"));
    table.refuses(
        train(&array![[0.0, 1.0]], &array![[f64::NAN]], &Mse, &mut sgd),
        &format!("the target of sample 0, column 0, is NaN; {in_data}"),
    );
    // Other failures leave them unchanged, too.
    table.refuses(
        train(&array![[0.0]], &array![[1.0]], &Mse, &mut sgd),
        "the network takes rows of 2 features, got 1; one row is one sample",
    );
    table.refuses(train(&x(), &x(), &Mse, &mut sgd), "Mse takes a target of the outputs' shape, 4 x 1, got 4 x 2");
    table.refuses(
        train(&x(), &target(), &Mse, &mut Sgd::new(-1.0)),
        "Sgd's learning rate must be at least 0 and finite, got -1",
    );
    assert_eq!(table.0, 6);
    // And the next step works as if nothing had been.
    tape.train(&mut network, &x(), &target(), &Mse, &mut sgd).unwrap();
    let mut untroubled = self::network();
    let mut fresh = Tape::new(&untroubled, 0);
    fresh.train(&mut untroubled, &x(), &target(), &Mse, &mut Sgd::new(0.1).momentum(0.9)).unwrap();
    assert_eq!(bits(&network), bits(&untroubled));
    assert_ne!(bits(&network), before);
}

#[test]
fn parameters_that_a_visitor_changes() {
    // Another layout is put right.
    let mut network = network();
    let want = network.predict(&x()).unwrap();
    network.visit_mut(&mut |_, w| *w = w.t().as_standard_layout().into_owned().reversed_axes());
    assert_eq!(network.predict(&x()).unwrap(), want);
    Tape::new(&network, 0).train(&mut network, &x(), &target(), &Mse, &mut Sgd::new(0.1)).unwrap();
    assert_ne!(network.predict(&x()).unwrap(), want);
    let mut layer = dense(2, 1);
    layer.visit_mut(&mut |_, w| *w = w.t().as_standard_layout().into_owned().reversed_axes());
    let mut tape = Tape::for_layer(&layer, 2, 0);
    let before = tape.forward(&layer, &x()).unwrap().clone();
    tape.loss(&Mse, &target()).unwrap();
    tape.backward(&layer).unwrap();
    tape.step(&mut layer, &mut Sgd::new(0.1)).unwrap();
    assert_ne!(tape.forward(&layer, &x()).unwrap(), before);

    // Another size is lost: the next loss says so.
    network.visit_mut(&mut |_, w| *w = Array2::zeros((7, 7)));
    let mut tape = Tape::new(&network, 0);
    let error = tape.train(&mut network, &x(), &target(), &Mse, &mut Sgd::new(0.1)).unwrap_err();
    assert!(error.to_string().starts_with("the loss is NaN"), "{error}");
    let mut dims = Vec::new();
    network.visit(&mut |_, w| dims.push(w.dim()));
    assert_eq!(dims, [(2, 3), (1, 3), (3, 1), (1, 1)]);
}

#[test]
fn scratch_and_tapes_may_change_networks() {
    let (small, large) = (network(), Sequential::mlp(&[2, 30, 20, 10], Sigmoid, &mut rng(2)).unwrap());
    let mut scratch = Scratch::default();
    for _ in 0..2 {
        for network in [&small, &large] {
            assert_eq!(*network.predict_into(&x(), &mut scratch).unwrap(), network.predict(&x()).unwrap());
        }
    }
    // One tape for two networks, one after the other: the same steps as with a tape for each.
    let step = |tape: &mut Tape<f64>, network: &mut Sequential<f64>| {
        let outputs = tape.forward(network, &x()).unwrap().dim();
        tape.loss(&Mse, &Array2::zeros(outputs)).unwrap();
        tape.backward(network).unwrap();
        tape.step(network, &mut Sgd::new(0.1)).unwrap();
    };
    let (mut one, mut other) = (small.clone(), large.clone());
    let mut shared = Tape::new(&small, 0);
    step(&mut shared, &mut one);
    step(&mut shared, &mut other);
    let (mut small, mut large) = (small, large);
    step(&mut Tape::new(&small.clone(), 0), &mut small);
    step(&mut Tape::new(&large.clone(), 0), &mut large);
    assert_eq!((bits(&one), bits(&other)), (bits(&small), bits(&large)));
}

#[test]
fn no_samples_are_no_error() {
    let mut network = network();
    assert_eq!(network.predict(&Array2::zeros((0, 2))).unwrap().dim(), (0, 1));
    let mut tape = Tape::new(&network, 0);
    tape.forward(&network, &Array2::zeros((0, 2))).unwrap();
    assert_eq!(tape.loss(&Mse, &Array2::zeros((0, 1))).unwrap(), 0.0);
    let gradients = tape.backward(&network).unwrap();
    assert_eq!(gradients.input.dim(), (0, 2));
    assert!(gradients.weights.iter().flatten().all(|dw| *dw == 0.0));
    let before = bits(&network);
    tape.step(&mut network, &mut Sgd::new(0.1)).unwrap();
    assert_eq!(bits(&network), before);
}

#[test]
fn errors_are_what_programs_can_match() {
    fn is_error<E: std::error::Error + Send + Sync + Clone + PartialEq + 'static>(_: &E) {}
    let error = Sequential::new(2).with(dense(3, 1)).unwrap_err();
    is_error(&error);
    let Error::Layer { name, error } = error else { panic!("{error:?}") };
    assert_eq!(name, "0");
    assert!(matches!(*error, Error::Input { got: Shape::Flat(2), .. }));
}

#[test]
fn a_row_of_targets_gets_a_hint() {
    let mut table = Table(0);
    let (y, row) = (array![[0.5], [1.5], [2.5]], array![[0.0, 1.0, 1.0]]);
    let hint = "; (1, 3) is one sample of 3 numbers; did you mean (3, 1)?";
    table.refuses(Mse.evaluate(&y, &row), &format!("Mse takes a target of the outputs' shape, 3 x 1, got 1 x 3{hint}"));
    let scores = Array2::<f64>::zeros((3, 2));
    table.refuses(
        CrossEntropy::new().evaluate(&scores, &row),
        &format!("CrossEntropy takes labels, 3 x 1, or probabilities, 3 x 2, got 1 x 3{hint}"),
    );
    table.refuses(
        Metric::<f64>::evaluate(&Accuracy, &scores, &row),
        &format!("accuracy takes a target of one class index a row, 3 x 1, got 1 x 3{hint}"),
    );
    table.refuses(Samples::new(scores, row), &format!("the targets of these samples must be 3 x 1, got 1 x 3{hint}"));
    assert_eq!(table.0, 4);
}

#[test]
fn errors_have_sources() {
    let source = |error: &Error| error.source().map(ToString::to_string);
    let error = network().predict(&array![[1.0]]).unwrap_err();
    assert_eq!(source(&error), None);
    let error = network().with(dense(3, 2)).unwrap_err();
    assert_eq!(source(&error).unwrap(), "Dense(3 -> 2) takes 3 features per sample, got 1");
    let data = Samples::new(array![[f64::NAN, 0.0]], array![[1.0]]).unwrap();
    let error = Trainer::new(Mse, Sgd::new(0.1)).fit(&mut network(), &data).unwrap_err();
    assert!(matches!(&error, Error::Data { .. }) && error.to_string().ends_with(&source(&error).unwrap()), "{error}");

    let error = neuropil::data::read_idx("no/such/file").unwrap_err();
    let kind = error.source().and_then(|source| source.downcast_ref::<io::Error>()).map(io::Error::kind);
    assert_eq!(kind, Some(io::ErrorKind::NotFound));
    assert_eq!(error, error.clone());
    assert_eq!(error, neuropil::data::read_idx("no/such/file").unwrap_err());
    assert_ne!(error, neuropil::data::read_idx("/").unwrap_err());
    assert!(error.to_string().starts_with("cannot read no/such/file: "), "{error}");
}
