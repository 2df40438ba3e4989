//! Whole training runs against those of `PyTorch`: every loss on the way, and the parameters at the end.

mod common;

use common::{Case, F32, F64, Tolerance, assert_close, cases};
use neuropil::ndarray::{Array2, ArrayD};
use neuropil::prelude::*;

/// The array as a matrix of so many columns.
fn matrix<A: Scalar>(array: &ArrayD<f64>, columns: usize) -> Array2<A> {
    Array2::from_shape_vec((array.len() / columns, columns), array.iter().map(|&x| A::of(x)).collect()).unwrap()
}

/// The network of the case, with its parameters; `PyTorch` stores weights as (outputs, inputs).
fn network<A: Scalar>(case: &Case) -> Sequential<A> {
    let layers = case.config("layers").as_array().unwrap();
    let input = case.array("inputs", "input").unwrap();
    let input: Shape = match input.shape()[1..] {
        [steps, features] => [steps, features].into(),
        _ => input.shape()[1].into(),
    };
    let mut network = Sequential::new(input);
    for (i, layer) in layers.iter().enumerate() {
        match layer["layer"].as_str().unwrap() {
            "linear" => {
                let weight = case.array("parameters", &format!("{i}.weight")).unwrap();
                let bias = case.array("parameters", &format!("{i}.bias")).unwrap();
                let weight: Array2<A> = matrix(&weight, weight.shape()[1]);
                let bias: Array2<A> = matrix(&bias, bias.len());
                let layer = Dense::from_parameters(weight.t().to_owned(), bias.row(0).to_owned()).unwrap();
                network.push(layer).unwrap();
            }
            "sigmoid" => network.push(Sigmoid).unwrap(),
            "tanh" => network.push(Tanh).unwrap(),
            "lstm" => network.push(recurrent::<A, _>(case, i, LstmCell).last_state()).unwrap(),
            // The layer before has given its last state.
            "last_step" => network.push(Identity).unwrap(),
            other => panic!("no layer {other}"),
        }
    }
    network
}

/// The recurrent layer at position `i`, with its parameters.
fn recurrent<A: Scalar, C: Cell>(case: &Case, i: usize, cell: C) -> Recurrent<A, C> {
    let layer = &case.config("layers")[i];
    let [inputs, units] = ["input_size", "hidden_size"].map(|name| layer[name].as_u64().unwrap() as usize);
    let mut layer = Recurrent::with_cell(cell, inputs, units, &mut rng(1)).unwrap();
    layer.visit_mut(&mut |info, parameter| {
        let values = case.array("parameters", &format!("{i}.{}", info.name)).unwrap();
        let values: Array2<A> = matrix(&values, parameter.nrows());
        parameter.assign(&values.t());
    });
    layer
}

fn optimizer<A: Scalar>(case: &Case) -> Box<dyn Optimizer<A>> {
    let config = case.config("optimizer");
    let rate = config["lr"].as_f64().unwrap();
    match config["op"].as_str().unwrap() {
        "sgd" => Box::new(Sgd::new(rate)),
        "adam" => Box::new(Adam::new(rate)),
        other => panic!("no optimizer {other}"),
    }
}

/// Trains as the case did, and returns how many numbers were compared.
fn run<A: Scalar + Into<f64>>(case: &Case, tolerance: Tolerance) -> usize {
    let mut network = network::<A>(case);
    let mut optimizer = optimizer(case);
    let (loss, columns): (Box<dyn Loss<A>>, usize) = match case.config("loss").as_str().unwrap() {
        "mse" => (Box::new(Mse), network.output().len()),
        "cross_entropy" => (Box::new(CrossEntropy::new()), 1),
        other => panic!("no loss {other}"),
    };
    let x: Array2<A> = matrix(&case.array("inputs", "input").unwrap(), network.input().len());
    let target: Array2<A> = matrix(&case.array("inputs", "target").unwrap(), columns);
    let mut tape = Tape::new(&network, 0);
    let steps = case.number("steps") as usize;
    let losses = (0..steps).map(|_| tape.train(&mut network, &x, &target, &*loss, &mut *optimizer).unwrap());
    let losses: Vec<A> = losses.collect();
    let mut compared = assert_close(&case.name, losses, case.array("outputs", "losses").unwrap(), tolerance);
    network.visit(&mut |info, parameter| {
        let want = case.array("outputs", &info.name.to_string()).unwrap();
        // Transposing a bias, a single row, changes nothing in its order.
        let got = parameter.t().iter().copied().collect::<Vec<A>>();
        compared += assert_close(&format!("{} {}", case.name, info.name), got, want, tolerance);
    });
    compared
}

#[test]
fn training_goes_as_in_pytorch() {
    let wanted = ["xor_2_4_1", "iris_4_8_3", "lstm_3_5"];
    let cases: Vec<Case> = cases("training").into_iter().filter(|case| wanted.contains(&&*case.name)).collect();
    assert_eq!(cases.len(), 3);
    let compared: usize = cases.iter().map(|case| run::<f64>(case, F64) + run::<f32>(case, F32)).sum();
    assert_eq!(compared, 2 * (200 + 17 + 100 + 67 + 20 + 4 * 5 * (3 + 5 + 2) + 6));
}

/// Ten steps of a network that is large enough for several threads, with an optimizer that remembers.
#[test]
fn training_gives_the_same_bits_on_any_number_of_threads() {
    let train = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut network = Sequential::<f32>::mlp(&[784, 256, 128, 10], Gelu, &mut rng(1)).unwrap();
            let x: Array2<f32> = Init::STANDARD_NORMAL.matrix(200, 784, &mut rng(2));
            let labels: Vec<usize> = (0..200).map(|i| i % 10).collect();
            let target = class_targets(&labels);
            let mut tape = Tape::new(&network, 3);
            let mut adam = Adam::new(0.01);
            let mut bits = Vec::new();
            for _ in 0..10 {
                let loss = tape.train(&mut network, &x, &target, &CrossEntropy::new(), &mut adam).unwrap();
                bits.push(loss.to_bits());
            }
            network.visit(&mut |_, parameter| bits.extend(parameter.iter().map(|w| w.to_bits())));
            bits
        })
    };
    let one = train(1);
    assert_eq!(one.len(), 10 + 784 * 256 + 256 + 256 * 128 + 128 + 128 * 10 + 10);
    for threads in [2, 3, 8] {
        assert!(train(threads) == one, "{threads} threads");
    }
}
