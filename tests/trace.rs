//! A traced step is the real step: the same bits as without a trace, and the numbers that the notebooks print.

use crate::common;
use crate::zoo;

use common::{Tolerance, assert_close, fixture, number, numbers};
use neuropil::Trace;
use neuropil::losses::Sum;
use neuropil::ndarray::{Array1, Array2, array};
use neuropil::prelude::*;

const EXACT: Tolerance = Tolerance { absolute: 1e-15, relative: 1e-12 };

fn product(weight: Array2<f64>) -> Dense<f64> {
    let bias = Array1::zeros(weight.ncols());
    Dense::from_parameters(weight, bias).unwrap().without_bias()
}

fn bits<A: Scalar>(matrix: &Array2<A>) -> Vec<u64> {
    matrix.iter().map(|x| x.to_f64().to_bits()).collect()
}

fn parameters<A: Scalar>(network: &Sequential<A>) -> Vec<Vec<u64>> {
    let mut all = Vec::new();
    network.visit(&mut |_, matrix| all.push(bits(matrix)));
    all
}

/// Three steps with and without a trace, from the same start.
fn same_bits<A: Scalar>(
    name: &str,
    network: &Sequential<A>,
    batch: impl Fn(u64) -> Array2<A>,
    optimizer: impl Fn() -> Box<dyn Optimizer<A>>,
) -> usize {
    let (mut plain, mut traced) = (network.clone(), network.clone());
    let (mut plain_tape, mut traced_tape) = (Tape::new(&plain, 3), Tape::new(&traced, 3));
    let (mut plain_optimizer, mut traced_optimizer) = (optimizer(), optimizer());
    let mut count = 0;
    for seed in 0..3 {
        let x = batch(seed);
        let target = zoo::random::<A>(4, network.output().len(), seed + 100);
        let loss = plain_tape.train(&mut plain, &x, &target, &Mse, &mut *plain_optimizer).unwrap();
        let before = parameters(&traced);
        let trace = Trace::step(&mut traced_tape, &mut traced, &x, &target, &Mse, &mut *traced_optimizer).unwrap();
        assert_eq!(trace.loss.to_f64().to_bits(), loss.to_f64().to_bits(), "{name}");
        assert_eq!(parameters(&traced), parameters(&plain), "{name}");
        assert_eq!(bits(&trace.layers.last().unwrap().output), bits(plain_tape.output()), "{name}");
        // Before and after are those of the network.
        let seen: Vec<_> = trace.layers.iter().flat_map(|layer| &layer.parameters).collect();
        let trainable = seen.iter().map(|p| bits(&p.after));
        let after = parameters(&traced);
        assert!(
            trainable.clone().all(|p| after.contains(&p)) && seen.iter().all(|p| before.contains(&bits(&p.before)))
        );
        count += seen.len() + 1;
        assert!(trace.to_string().contains("Forward") && trace.markdown(3).contains("| t |"));
    }
    count
}

type Make = fn() -> Box<dyn Optimizer<f32>>;

#[test]
fn a_trace_changes_no_bit() {
    let mut count = 0;
    for entry in zoo::layers::<f64>() {
        count += same_bits(entry.name, &entry.network, |seed| entry.batch(4, seed), || Box::new(Sgd::new(0.1)));
    }
    let mut rng = rng(1);
    let deep = Sequential::<f32>::mlp(&[3, 7, 5, 2], Tanh, &mut rng).unwrap().with(RRelu::default()).unwrap();
    let nested = Sequential::new(3).with(deep.clone()).unwrap().with(PRelu::new()).unwrap();
    let makes: [Make; 2] = [|| Box::new(Adam::new(0.01)), || Box::new(Sgd::new(0.1).momentum(0.9))];
    for make in makes {
        count += same_bits("deep", &deep, |seed| zoo::random(4, 3, seed), make);
        count += same_bits("nested", &nested, |seed| zoo::random(4, 3, seed), make);
    }
    assert!(count > 200, "{count}");
}

/// The lecture's section 4.2.1, forward: to the printed digit where it does not round on the way, and with the numbers
/// that come of rounding.
#[test]
fn the_lectures_xor() {
    let case = fixture("notebooks/reference.json")["002"]["xor_forward"].take();
    let exact = fixture("notebooks/computed.json")["002"]["xor_forward_unrounded"].take();
    let w = |i: usize| number(&case[&format!("w{i}")]);
    let mut network = Sequential::new(2)
        .with(product(array![[w(1), w(2)], [w(3), w(4)]]))
        .unwrap()
        .with(Sigmoid)
        .unwrap()
        .with(product(array![[w(5)], [w(6)]]))
        .unwrap()
        .with(Sigmoid)
        .unwrap();
    let mut tape = Tape::new(&network, 0);
    let x = Array2::from_shape_vec((1, 2), numbers(&case["I"])).unwrap();
    let target = array![[number(&case["expected_answer"])]];
    let trace = Trace::step(&mut tape, &mut network, &x, &target, &Mse, &mut Sgd::new(0.5)).unwrap();
    let printed = |name: &str| number(&case["printed"][name]);
    let outputs: Vec<&Array2<f64>> = trace.layers.iter().map(|layer| &layer.output).collect();
    assert_eq!(outputs[0], array![[printed("H1"), printed("H2")]]);
    let rounded = outputs[1].mapv(|h| (h * 100.0).round() / 100.0);
    assert_eq!(rounded, array![[printed("H1_out"), printed("H2_out")]]);
    let by_rounded = rounded.dot(&array![[w(5)], [w(6)]])[[0, 0]];
    assert_eq!(format!("{by_rounded:.3}"), "-0.672");
    assert_eq!((Sigmoid.apply(by_rounded) * 100.0).floor() / 100.0, printed("O1_out"));
    let got = [outputs[1][[0, 0]], outputs[1][[0, 1]], outputs[2][[0, 0]], outputs[3][[0, 0]]];
    let want = ["H1_out", "H2_out", "O1_in", "O1_out"].map(|name| number(&exact[name]));
    assert_eq!(assert_close("unrounded", got, want, EXACT), 4);
    let text = trace.to_string();
    for shown in
        ["0.4500   0.7800", "0.6106   0.6857", "-0.6611", "0.3405", "a1 = 1/(1 + e^(−z1))", "dL/dW2 = a1ᵀ·dL/dz2"]
    {
        assert!(text.contains(shown), "no {shown} in\n{text}");
    }
    assert!(format!("{trace:.6}").contains("-0.661105"));
    let names: Vec<&str> = trace.layers.iter().map(|layer| layer.symbol.as_str()).collect();
    assert_eq!(names, ["z1", "a1", "z2", "a2"]);

    let markdown = trace.markdown(4);
    assert!(markdown.contains("| z2 | a1·W2 | `-0.6611` |"), "{markdown}");
    let latex = trace.latex(4);
    assert!(latex.contains("z_{2} & = a_{1} W_{2} = -0.6611\\\\"), "{latex}");
    assert_eq!(latex.matches("\\begin{align*}").count(), 4);
    assert_eq!(latex.matches("\\begin{").count(), latex.matches("\\end{").count());
    assert_eq!(latex.matches('{').count(), latex.matches('}').count());
    let svg = trace.svg().unwrap();
    for shown in [">0.6106<", ">0.6857<", ">-0.6611<", ">0.3405<", ">target 1<", ">z1 = x·W1<"] {
        assert!(svg.contains(shown), "no {shown} in\n{svg}");
    }
    assert_eq!(svg, trace.svg().unwrap());
}

/// Task 4's sigmoid of notebook 000.
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

/// Notebook 000, "step by step": forward, loss, its gradient, backward, weights, twice, after 50 epochs.
#[test]
fn notebook_000_step_by_step() {
    let run = fixture("notebooks/reference.json")["000"]["run8"].take();
    let steps = fixture("notebooks/computed.json")["000"]["steps"].take();
    let initial = numbers(&run["initial_weights"]);
    let weight = Array2::from_shape_vec((8, 1), initial[1..].to_vec()).unwrap();
    let dense = Dense::from_parameters(weight, array![initial[0]]).unwrap();
    let mut neuron = Sequential::new(8).with(dense).unwrap().with(NotebookSigmoid).unwrap();
    let (x, y) = (Array2::from_shape_vec((1, 8), numbers(&run["X"])).unwrap(), array![[0.0]]);
    let loss = Sum(Bce::clipped(1e-15));
    let (mut tape, mut sgd) = (Tape::new(&neuron, 0), Sgd::new(number(&run["learning_rate"])));
    let printed = numbers(&run["printed_losses"]);
    let mut count = 0;
    for epoch in 0..50 {
        let trace = Trace::step(&mut tape, &mut neuron, &x, &y, &loss, &mut sgd).unwrap();
        if let Some(&printed) = printed.get(epoch).filter(|_| epoch < 46) {
            count += assert_close("loss", [trace.loss], [printed], EXACT);
        }
    }
    assert_eq!(count, 46);
    for step in steps.as_array().unwrap() {
        let trace = Trace::step(&mut tape, &mut neuron, &x, &y, &loss, &mut sgd).unwrap();
        let [dense, sigmoid] = &trace.layers[..] else { panic!("two layers") };
        let mut check = |what: &str, got: &[f64], want: &serde_json::Value| {
            count += assert_close(what, got.iter().copied(), numbers(want), EXACT);
        };
        check("output", &[sigmoid.output[[0, 0]]], &step["output"]);
        check("loss", &[trace.loss], &step["loss"]);
        check("loss gradient", &[sigmoid.gradient[[0, 0]]], &step["loss_gradient"]);
        check("backward", &[dense.gradient[[0, 0]]], &step["back"]);
        let after: Vec<f64> = dense.parameters.iter().rev().flat_map(|p| p.after.iter().copied()).collect();
        check("weights", &after, &step["weights"]);
    }
    assert_eq!(count, 46 + 2 * (4 + 9));
    // A custom activation has no formula, and is shown by its name.
    let trace = Trace::step(&mut tape, &mut neuron, &x, &y, &loss, &mut sgd).unwrap();
    assert_eq!(trace.layers[1].formula, "NotebookSigmoid(z1)");
    assert_eq!(trace.svg(), None);
}

#[test]
fn large_and_empty_batches_are_told_of() {
    let mut rng = rng(2);
    let mut network = Sequential::<f32>::mlp(&[20, 12, 2], Relu, &mut rng).unwrap();
    let mut tape = Tape::new(&network, 0);
    let (x, target) = (zoo::random::<f32>(30, 20, 1), zoo::random::<f32>(30, 2, 2));
    let trace = Trace::step(&mut tape, &mut network, &x, &target, &Mse, &mut Sgd::new(0.1)).unwrap();
    assert!(trace.to_string().contains("of 30 x 20"));
    assert_eq!(trace.svg(), None, "too many neurons");
    let wrong = Trace::step(&mut tape, &mut network, &zoo::random(3, 4, 1), &target, &Mse, &mut Sgd::new(0.1));
    assert!(matches!(wrong, Err(Error::Width { .. })));
    let (x, target) = (Array2::zeros((0, 20)), Array2::zeros((0, 2)));
    let trace = Trace::step(&mut tape, &mut network, &x, &target, &Mse, &mut Sgd::new(0.1)).unwrap();
    assert!(trace.to_string().contains("x, the batch, one row per sample: 0 x 20"), "{trace}");
}
