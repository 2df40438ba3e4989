//! Whole training runs against those of PyTorch: every loss on the way, and the parameters at the end.

use crate::common;

use common::{Case, F32, F64, Tolerance, assert_close, cases};
use neuropil::layer::Info;
use neuropil::losses::class_targets;
use neuropil::ndarray::{Array2, ArrayD, s};
use neuropil::prelude::*;
use neuropil::schedules::Cosine;

/// The array as a matrix with this number of columns.
fn matrix<A: Scalar>(array: &ArrayD<f64>, columns: usize) -> Array2<A> {
    Array2::from_shape_vec((array.len() / columns, columns), array.iter().map(|&x| A::of(x)).collect()).unwrap()
}

/// The network of the case, with its parameters.
fn network<A: Scalar>(case: &Case) -> Sequential<A> {
    let r = &mut rng(1);
    let input = case.array("inputs", "input").unwrap();
    let input: Shape = match input.shape()[1..] {
        [channels, height, width] => [channels, height, width].into(),
        [steps, features] => [steps, features].into(),
        _ => input.shape()[1].into(),
    };
    let mut network = Sequential::new(input);
    for layer in case.config("layers").as_array().unwrap() {
        let size = |name: &str| layer[name].as_u64().unwrap() as usize;
        let sides = || [0, 1].map(|i| layer["kernel_size"][i].as_u64().unwrap() as usize);
        let pushed = match layer["layer"].as_str().unwrap() {
            "linear" => {
                let dense = Dense::new(size("in_features"), size("out_features"), r);
                network.push(if layer["bias"] == false { dense.without_bias() } else { dense })
            }
            "conv2d" => network.push(Conv2d::new(size("in_channels"), size("out_channels"), sides(), r)),
            "max_pool2d" => network.push(MaxPool2d::new(sides())),
            "batch_norm1d" => network.push(BatchNorm::new(size("num_features"))),
            "embedding" => network.push(Embedding::new(size("num_embeddings"), size("embedding_dim"), r)),
            "lstm" => network.push(Lstm::new(size("input_size"), size("hidden_size"), r).last_state()),
            "gru" => network.push(Gru::new(size("input_size"), size("hidden_size"), r).last_state()),
            // The layer before has given its last state.
            "last_step" => network.push(Identity),
            "flatten" => network.push(Flatten),
            "relu" => network.push(Relu),
            "sigmoid" => network.push(Sigmoid),
            "tanh" => network.push(Tanh),
            other => panic!("no layer {other}"),
        };
        pushed.unwrap();
    }
    network.visit_mut(&mut |info, parameter| {
        let values = case.array("parameters", &info.name.to_string()).unwrap();
        let (rows, columns) = parameter.dim();
        if is_transposed(case, info) {
            parameter.assign(&matrix(&values, rows).t());
        } else {
            parameter.assign(&matrix(&values, columns));
        }
    });
    network
}

/// Whether PyTorch stores this parameter as (outputs, inputs), the transpose of ours.
fn is_transposed(case: &Case, info: Info<'_>) -> bool {
    let name = info.name.to_string();
    let (i, _) = name.split_once('.').unwrap();
    let layer = &case.config("layers")[i.parse::<usize>().unwrap()]["layer"];
    ["linear", "lstm", "gru"].iter().any(|kind| layer == kind)
}

fn optimizer<A: Scalar>(case: &Case) -> Box<dyn Optimizer<A>> {
    let config = case.config("optimizer");
    let number = |name: &str| config[name].as_f64().unwrap();
    let rate = number("lr");
    match config["op"].as_str().unwrap() {
        "sgd" => Box::new(Sgd::new(rate).momentum(number("momentum"))),
        "adam" => Box::new(Adam::new(rate)),
        "adamw" => Box::new(Adam::new(rate).decay(Decay::decoupled(number("weight_decay")))),
        "rmsprop" => Box::new(RmsProp::new(rate)),
        other => panic!("no optimizer {other}"),
    }
}

/// Trains as the case did, and returns how many numbers were compared.
fn run<A: Scalar + Into<f64>>(case: &Case, tolerance: Tolerance) -> usize {
    let mut network = network::<A>(case);
    let mut optimizer = optimizer::<A>(case);
    let (loss, columns): (Box<dyn Loss<A>>, usize) = match case.config("loss").as_str().unwrap() {
        "mse" => (Box::new(Mse), network.output().len()),
        "cross_entropy" => (Box::new(CrossEntropy::new()), 1),
        other => panic!("no loss {other}"),
    };
    let x: Array2<A> = matrix(&case.array("inputs", "input").unwrap(), network.input().len());
    let target: Array2<A> = matrix(&case.array("inputs", "target").unwrap(), columns);
    let schedule = case.config("schedule")["T_max"].as_u64().map(Cosine::new);
    let limit = case.config("clip_grad_norm").as_f64();
    let (steps, rows) = (case.number("steps") as u64, x.nrows());
    let size = case.config("batch_size").as_u64().map_or(rows, |size| size as usize);
    let (base, mut tape, mut start) = (optimizer.learning_rate(), Tape::new(&network, 0), 0);
    let mut losses = Vec::new();
    for step in 0..steps {
        // The last batch of a pass may be shorter.
        let batch = start..rows.min(start + size);
        start = if batch.end == rows { 0 } else { batch.end };
        tape.forward(&network, &x.slice(s![batch.clone(), ..])).unwrap();
        losses.push(tape.loss(&*loss, &target.slice(s![batch, ..])).unwrap());
        tape.backward_weights(&network).unwrap();
        if let Some(limit) = limit {
            tape.clip_norm(Norm::L2, limit).unwrap();
        }
        if let Some(schedule) = &schedule {
            optimizer.set_learning_rate(schedule.rate(base, step));
        }
        tape.step(&mut network, &mut *optimizer).unwrap();
    }
    let mut compared = assert_close(&case.name, losses, case.array("outputs", "losses").unwrap(), tolerance);
    network.visit(&mut |info, parameter| {
        let want = case.array("outputs", &info.name.to_string()).unwrap();
        let got: Vec<A> = if is_transposed(case, info) {
            parameter.t().iter().copied().collect()
        } else {
            parameter.iter().copied().collect()
        };
        compared += assert_close(&format!("{} {}", case.name, info.name), got, want, tolerance);
    });
    compared
}

#[test]
fn training_goes_as_in_pytorch() {
    let cases = cases("training");
    assert_eq!(cases.len(), 6);
    let compared: usize = cases.iter().map(|case| run::<f64>(case, F64) + run::<f32>(case, F32)).sum();
    assert_eq!(compared, 2 * 1066);
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
