//! What a tape does with gradients before a step: clipping, accumulation, sample weights, frozen layers.

use crate::common;

use common::{Case, F32, F64, Tolerance, assert_close, cases};
use neuropil::layer::Role;
use neuropil::layer::{Backward, Info, Pass};
use neuropil::losses::{Sum, class_targets};
use neuropil::ndarray::{Array2, array, s};
use neuropil::prelude::*;

/// A layer of one number a sample whose gradients are what they are.
#[derive(Debug, Clone)]
struct Given<A: Scalar>(Vec<Array2<A>>);

impl<A: Scalar> Layer<A> for Given<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        Ok(input)
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, _: &mut Pass<'_>) -> Result<()> {
        y.assign(x);
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, _: &mut Pass<'_>) -> Result<()> {
        for (dw, gradient) in at.dw.iter_mut().zip(&self.0) {
            dw.assign(gradient);
        }
        Ok(())
    }

    fn visit(&self, f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {
        for (i, gradient) in self.0.iter().enumerate() {
            f(Info { name: &format_args!("w{i}"), role: Role::Weight, dims: &[gradient.len()] }, gradient);
        }
    }

    fn visit_mut(&mut self, f: &mut dyn FnMut(Info<'_>, &mut Array2<A>)) {
        for (i, gradient) in self.0.iter_mut().enumerate() {
            f(Info { name: &format_args!("w{i}"), role: Role::Weight, dims: &[gradient.len()] }, gradient);
        }
    }
}

/// A tape that is past the backward pass with these gradients.
fn tape_with<A: Scalar>(layer: &Given<A>) -> Tape<A> {
    let mut tape = Tape::for_layer(layer, 1, 0);
    let one = Array2::from_elem((1, 1), A::ONE);
    tape.forward(layer, &one).unwrap();
    tape.backward_from(layer, &one).unwrap();
    tape
}

fn compare<A: Scalar + Into<f64>>(case: &Case, tolerance: Tolerance) -> usize {
    let arrays = |group: &str| -> Vec<_> { (0..).map_while(|i| case.array(group, &format!("grad_{i}"))).collect() };
    let given = arrays("inputs").into_iter().map(|array| {
        let numbers = array.iter().map(|&g| A::of(g)).collect();
        Array2::from_shape_vec((1, array.len()), numbers).unwrap()
    });
    let layer = Given(given.collect());
    let mut tape = tape_with(&layer);
    let mut compared = 0;
    if case.op() == "clip_grad_value" {
        tape.clip_value(case.number("clip_value")).unwrap();
    } else {
        let norm = match case.config("norm_type").as_f64() {
            Some(1.0) => Norm::L1,
            Some(2.0) => Norm::L2,
            _ => Norm::Max,
        };
        let got = tape.clip_norm(norm, case.number("max_norm")).unwrap();
        compared += assert_close(&case.name, [got], case.array("outputs", "total_norm").unwrap(), tolerance);
    }
    let want = arrays("outputs");
    assert_eq!(want.len(), tape.weight_gradients().len());
    for (got, want) in tape.weight_gradients().iter().zip(want) {
        compared += assert_close(&case.name, got.iter().copied(), want, tolerance);
    }
    compared
}

#[test]
fn clipping_agrees_with_pytorch() {
    let cases = cases("clipping");
    let f64: usize = cases.iter().map(|case| compare::<f64>(case, F64)).sum();
    let f32: usize = cases.iter().map(|case| compare::<f32>(case, F32)).sum();
    assert_eq!((cases.len(), f64, f32), (8, f32, f64));
    assert!(f64 > 80, "{f64}");
}

#[test]
fn huge_gradients_keep_their_direction() {
    let layer = Given(vec![array![[3e30_f32, 0.0]], array![[-4e30]]]);
    let mut tape = tape_with(&layer);
    assert!((tape.clip_norm(Norm::L2, 1.0).unwrap() / 5e30 - 1.0).abs() < 1e-6);
    let got: Vec<f32> = tape.weight_gradients().iter().flatten().copied().collect();
    assert_close("clipped", got, [0.6_f32, 0.0, -0.8], F32);
}

#[test]
fn a_gradient_that_is_no_number_is_named() {
    let layer = Given(vec![array![[1.0, 2.0]], array![[0.0, f64::INFINITY]]]);
    let mut tape = tape_with(&layer);
    let text = "is inf; no parameter was changed; try a smaller learning rate, clip the gradients, or scale the data";
    let error = tape.check_gradients(&layer).unwrap_err();
    assert_eq!(error.to_string(), format!("the gradient of w1 {text}"));
    let error = tape.clip_norm(Norm::L2, 1.0).unwrap_err();
    assert_eq!(error.to_string(), format!("the norm of the gradients {text}"));
    assert_eq!(tape.weight_gradients()[0], array![[1.0, 2.0]]);
    assert_eq!(tape_with(&Given(vec![array![[1.0]]])).check_gradients(&Given(vec![array![[1.0]]])), Ok(()));
    for bad in [-1.0, f64::NAN] {
        assert!(matches!(tape.clip_norm(Norm::L2, bad), Err(Error::Setting { .. })));
        assert!(matches!(tape.clip_value(bad), Err(Error::Setting { .. })));
    }
    let mut fresh = Tape::<f64>::for_layer(&Tanh, 1, 0);
    assert!(matches!(fresh.clip_norm(Norm::L2, 1.0), Err(Error::Order { .. })));
    assert!(matches!(fresh.clip_value(1.0), Err(Error::Order { .. })));
    assert!(matches!(fresh.accumulate(&mut Tanh), Err(Error::Order { .. })));
    assert!(matches!(fresh.check_gradients(&Tanh), Err(Error::Order { .. })));
}

fn data() -> (Array2<f64>, Array2<f64>) {
    let mut rng = rng(3);
    (Init::STANDARD_NORMAL.matrix(12, 3, &mut rng), Init::STANDARD_NORMAL.matrix(12, 2, &mut rng))
}

fn network() -> Sequential<f64> {
    Sequential::mlp(&[3, 5, 4, 2], Tanh, &mut rng(1)).unwrap()
}

fn parameters(network: &Sequential<f64>) -> Vec<f64> {
    let mut all = Vec::new();
    network.visit(&mut |_, w| all.extend(w));
    all
}

/// The gradients of one batch, each sample with a weight.
fn gradients(
    network: &Sequential<f64>,
    x: &Matrix<f64>,
    target: &Matrix<f64>,
    loss: &dyn Loss<f64>,
    weights: &[f64],
) -> (f64, Vec<f64>) {
    let mut tape = Tape::new(network, 0);
    tape.forward(network, x).unwrap();
    let value = tape.weighted_loss(loss, target, weights).unwrap();
    tape.backward_weights(network).unwrap();
    (value, tape.weight_gradients().iter().flatten().copied().collect())
}

#[test]
fn batches_gathered_are_one_batch() {
    let (x, target) = data();
    let labels = class_targets::<f64>(&[0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 1]);
    let network = network();
    let weights: Vec<f64> = (0..12).map(|i| f64::from(i % 4)).collect();
    let losses: [(&dyn Loss<f64>, &Array2<f64>); 4] = [
        (&Mse, &target),
        (&Sum(Mse), &target),
        (&CrossEntropy::new(), &labels),
        (&CrossEntropy::new().class_weights([0.25, 2.0]), &labels),
    ];
    let mut compared = 0;
    for (loss, target) in losses {
        let (_, want) = gradients(&network, &x, target, loss, &weights);
        let mut tape = Tape::new(&network, 0);
        // Parts of unequal size, the first of samples that weigh nothing; twice, to see that a step starts anew.
        for _ in 0..2 {
            for part in [0..1, 1..5, 5..10, 10..12] {
                let rows = s![part.clone(), ..];
                tape.forward(&network, &x.slice(rows)).unwrap();
                tape.weighted_loss(loss, &target.slice(rows), &weights[part]).unwrap();
                tape.backward_weights(&network).unwrap();
                tape.accumulate(&mut network.clone()).unwrap();
            }
            let got = tape.weight_gradients().iter().flatten().copied();
            compared += assert_close(&format!("{loss:?}"), got, want.iter().copied(), F64);
            tape.step(&mut network.clone(), &mut Sgd::new(0.1)).unwrap();
        }
    }
    assert_eq!(compared, 4 * 2 * network.parameter_count());
}

#[test]
fn a_weight_counts_how_often_a_sample_is_there() {
    let (x, target) = data();
    let network = network();
    let twice = [0, 1, 1, 3, 3, 3];
    let (value, got) =
        gradients(&network, &x.slice(s![..4, ..]), &target.slice(s![..4, ..]), &Mse, &[1.0, 2.0, 0.0, 3.0]);
    let select = |m: &Array2<f64>| m.select(neuropil::ndarray::Axis(0), &twice);
    let (want_value, want) = gradients(&network, &select(&x), &select(&target), &Mse, &[1.0; 6]);
    assert_close("loss", [value], [want_value], F64);
    assert_eq!(assert_close("gradients", got, want, F64), network.parameter_count());

    let (value, got) = gradients(&network, &x, &target, &Mse, &[0.0; 12]);
    assert!(value == 0.0 && got.iter().all(|&g| g == 0.0));
}

#[test]
fn frozen_layers_stay_and_others_go_at_their_own_rate() {
    let (x, target) = data();
    let start = network();
    let train = |network: &mut Sequential<f64>| {
        let mut tape = Tape::new(network, 0);
        tape.train(network, &x, &target, &Mse, &mut Sgd::new(0.1)).unwrap();
    };
    let moved = |network: &Sequential<f64>, name: &str| {
        (network.parameter(name).unwrap() - start.parameter(name).unwrap()).into_iter().collect::<Vec<_>>()
    };
    let mut plain = start.clone();
    train(&mut plain);

    for frozen in [0, 2, 4] {
        let mut network = start.clone();
        network.freeze(frozen).unwrap();
        train(&mut network);
        for layer in [0, 2, 4] {
            let name = format!("{layer}.weight");
            if layer == frozen {
                assert!(moved(&network, &name).iter().all(|&d| d == 0.0));
            } else {
                assert_eq!(moved(&network, &name), moved(&plain, &name));
            }
        }
    }

    let mut slow = start.clone();
    slow.set_layer_rate(2, 0.25).unwrap();
    train(&mut slow);
    let quarter = moved(&plain, "2.weight").into_iter().map(|d| d / 4.0);
    assert_eq!(assert_close("a quarter", moved(&slow, "2.weight"), quarter, F64), 20);
    assert_eq!(moved(&slow, "4.weight"), moved(&plain, "4.weight"));

    // A frozen network inside a network, and the norm without what is frozen.
    let mut nested = Sequential::new(3).with(start.clone()).unwrap().with(Dense::new(2, 2, &mut rng(2))).unwrap();
    nested.freeze(0).unwrap();
    let before = parameters(&nested);
    let mut tape = Tape::new(&nested, 0);
    tape.forward(&nested, &x).unwrap();
    tape.loss(&Mse, &target).unwrap();
    tape.backward(&nested).unwrap();
    let all: f64 = tape.weight_gradients().iter().flatten().map(|g| g * g).sum();
    let norm = tape.clip_norm(Norm::L2, 1e9).unwrap();
    assert!(norm * norm < 0.999 * all);
    tape.step(&mut nested, &mut Sgd::new(0.1)).unwrap();
    let changed = before.iter().zip(parameters(&nested)).filter(|(a, b)| **a != *b).count();
    assert_eq!(changed, 2 * 2 + 2);
}

#[test]
fn wrong_layers_rates_and_weights_are_refused() {
    let mut network = network();
    for (index, rate) in [(5, 1.0), (0, -1.0), (0, f64::NAN)] {
        let error = network.set_layer_rate(index, rate).unwrap_err();
        assert!(matches!(error, Error::Setting { .. } | Error::Unknown { .. }), "{error}");
    }
    let (x, target) = data();
    let mut tape = Tape::new(&network, 0);
    tape.forward(&network, &x).unwrap();
    let error = tape.weighted_loss(&Mse, &target, &[1.0]).unwrap_err();
    assert_eq!(error.to_string(), "the weights of these samples must be 12 x 1, got 1 x 1");
}

/// In a linear network, it is the size of the weights to that class.
#[test]
fn saliency_is_the_size_of_the_derivative() -> Result<()> {
    let weight = array![[1.0, -2.0, 3.0], [-4.0, 5.0, -6.0]];
    let dense = Dense::from_parameters(weight, array![0.0, 0.0, 0.0])?;
    let network = Sequential::<f64>::new(2).with(dense)?;
    let x = array![[0.5, 0.25]];
    assert_eq!(network.saliency(&x, 1)?, array![[2.0, 5.0]]);
    assert!(matches!(network.saliency(&x, 3), Err(Error::Setting { .. })));
    Ok(())
}
