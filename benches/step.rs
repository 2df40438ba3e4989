//! The time of training steps, predictions and large elementwise passes.
//!
//! ```text
//! cargo bench --bench step -- [--threads N] [NAME...]
//! ```
//!
//! prints one line per workload, separated by tabs: name, threads, median and minimum in microseconds. A name selects
//! the workloads that contain it. All numbers are `f32`.

use std::hint::black_box;
use std::time::Instant;

use neuropil::Trace;
use neuropil::activations::Step;
use neuropil::data::Dataset;
use neuropil::layers::Padding;
use neuropil::losses::class_targets;
use neuropil::ndarray::{Array2, s};
use neuropil::prelude::*;
use neuropil::rand::seq::SliceRandom;

#[path = "step/sequences.rs"]
mod sequences;

type Workload = (&'static str, fn() -> Box<dyn FnMut()>);

const WORKLOADS: &[Workload] = &[
    ("mlp-784-128-10-b64-sgd", || mlp(&[784, 128, 10], 64, Sgd::new(0.01))),
    ("fit-784-128-10-b64", fit),
    ("loop-784-128-10-b64", bare),
    ("traced-784-128-10-b64-sgd", || traced(true)),
    ("trace-off-784-128-10-b64-sgd", || traced(false)),
    ("mlp-784-512-512-10-b128-sgd", || mlp(&[784, 512, 512, 10], 128, Sgd::new(0.01))),
    ("mlp-784-1024-1024-10-b256-sgd", || mlp(&[784, 1024, 1024, 10], 256, Sgd::new(0.01))),
    ("mlp-784-128-10-b64-adam", || mlp(&[784, 128, 10], 64, Adam::new(0.001))),
    ("mlp-784-512-512-10-b128-adam", || mlp(&[784, 512, 512, 10], 128, Adam::new(0.001))),
    ("mlp-784-1024-1024-10-b256-adam", || mlp(&[784, 1024, 1024, 10], 256, Adam::new(0.001))),
    ("mlp-10-32-16-1-b32-sgd", regression),
    ("cnn-32-64-b64-sgd", || images(cnn())),
    ("lenet-b64-sgd", || images(lenet())),
    ("xor-2-4-1-b1-sgd", || xor(1)),
    ("xor-2-4-1-b4-sgd", || xor(4)),
    ("predict-784-128-10-b1", || predict(1)),
    ("predict-784-128-10-b64", || predict(64)),
    ("predict-784-128-10-b10000", || predict(10_000)),
    ("sigmoid-1m", || pass(Sigmoid, 1, 1_000_000)),
    ("tanh-1m", || pass(Tanh, 1, 1_000_000)),
    ("gelu-1m", || pass(Gelu, 1, 1_000_000)),
    ("exp-1m", || pass(Exp, 1, 1_000_000)),
    ("relu-1m", || pass(Relu, 1, 1_000_000)),
    ("log_softmax-4096x10", || pass(LogSoftmax, 4096, 10)),
    ("maxpool-64x32x28x28", || forward_and_backward(MaxPool2d::new([2, 2]), 64, [32, 28, 28])),
    ("neuron-5mx3", neuron),
    ("lstm-32-64-t20-b32-sgd", || sequences::recurrent(Lstm::new)),
    ("gru-32-64-t20-b32-sgd", || sequences::recurrent(Gru::new)),
    ("batchnorm-64x784", || forward_and_backward(BatchNorm::new(784), 64, 784)),
    ("attention-b8-t64-d64-h4", || sequences::attention(8, 64, 64, 4)),
    ("attention-b1-t4096-d64-h4", || sequences::attention(1, 4096, 64, 4)),
    ("encoder-b32-t128-d256-h8", sequences::encoder),
    ("token-512-d256-h8", sequences::token),
    ("lstm-step-32-64", sequences::lstm_step),
];

fn main() {
    let mut threads = 1;
    let mut names = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--threads" => threads = arguments.next().and_then(|n| n.parse().ok()).expect("--threads takes a number"),
            "--bench" => {} // Cargo adds it.
            _ => names.push(argument),
        }
    }
    on_threads(threads, || {
        for (name, workload) in WORKLOADS {
            if names.is_empty() || names.iter().any(|wanted| name.contains(wanted.as_str())) {
                let (median, minimum) = measure(&mut *workload());
                println!("{name}\t{threads}\t{median:.3}\t{minimum:.3}");
            }
        }
    });
}

#[cfg(feature = "parallel")]
fn on_threads(threads: usize, run: impl FnOnce() + Send) {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool of threads").install(run);
}

#[cfg(not(feature = "parallel"))]
fn on_threads(threads: usize, run: impl FnOnce() + Send) {
    assert_eq!(threads, 1, "more threads need the feature `parallel`");
    run();
}

/// The median and the minimum time of a call in microseconds: 101 or more samples after a warm-up, each of enough calls
/// to take at least 20 microseconds.
fn measure(work: &mut dyn FnMut()) -> (f64, f64) {
    let mut time = |calls: u32| {
        let start = Instant::now();
        for _ in 0..calls {
            work();
        }
        start.elapsed().as_secs_f64() * 1e6 / f64::from(calls)
    };
    let warm_up = Instant::now();
    let mut once = time(1);
    while warm_up.elapsed().as_secs_f64() < 0.2 {
        once = once.min(time(1));
    }
    let calls = (20.0 / once).ceil().max(1.0) as u32;
    let samples = (1e6 / (once * f64::from(calls))).clamp(101.0, 5001.0) as usize;
    let mut times: Vec<f64> = (0..samples).map(|_| time(calls)).collect();
    times.sort_by(f64::total_cmp);
    (times[samples / 2], times[0])
}

fn uniform(rows: usize, columns: usize) -> Array2<f32> {
    Init::STANDARD_UNIFORM.matrix(rows, columns, &mut rng(1))
}

/// One training step of a classifier on a fixed random batch.
fn mlp(sizes: &[usize], batch: usize, optimizer: impl Optimizer<f32> + 'static) -> Box<dyn FnMut()> {
    let network = Sequential::mlp(sizes, Relu, &mut rng(2)).expect("sizes that chain");
    classifier(network, uniform(batch, sizes[0]), optimizer)
}

/// One training step on 64 images of 28 x 28 pixels.
fn images(network: Result<Sequential<f32>>) -> Box<dyn FnMut()> {
    classifier(network.expect("layers that fit"), uniform(64, 784), Sgd::new(0.01))
}

fn cnn() -> Result<Sequential<f32>> {
    let r = &mut rng(2);
    Sequential::new([1, 28, 28])
        .with(Conv2d::new(1, 32, [3, 3], r).padding(Padding::Same))?
        .with(Relu)?
        .with(MaxPool2d::new([2, 2]))?
        .with(Conv2d::new(32, 64, [3, 3], r).padding(Padding::Same))?
        .with(Relu)?
        .with(MaxPool2d::new([2, 2]))?
        .with(Flatten)?
        .with(Dense::new(3136, 128, r))?
        .with(Relu)?
        .with(Dense::new(128, 10, r))
}

fn lenet() -> Result<Sequential<f32>> {
    let r = &mut rng(2);
    Sequential::new([1, 28, 28])
        .with(Conv2d::new(1, 6, [5, 5], r).padding(2))?
        .with(Relu)?
        .with(MaxPool2d::new([2, 2]))?
        .with(Conv2d::new(6, 16, [5, 5], r))?
        .with(Relu)?
        .with(MaxPool2d::new([2, 2]))?
        .with(Flatten)?
        .with(Dense::new(400, 120, r))?
        .with(Relu)?
        .with(Dense::new(120, 84, r))?
        .with(Relu)?
        .with(Dense::new(84, 10, r))
}

fn classifier(
    mut network: Sequential<f32>,
    x: Array2<f32>,
    mut optimizer: impl Optimizer<f32> + 'static,
) -> Box<dyn FnMut()> {
    let batch = x.nrows();
    let labels: Vec<usize> = (0..batch).map(|i| i * 7 % 10).collect();
    let target = class_targets(&labels);
    let mut tape = Tape::new(&network, 3);
    let loss = CrossEntropy::new();
    Box::new(move || {
        black_box(tape.train(&mut network, &x, &target, &loss, &mut optimizer).expect("a step"));
    })
}

/// The step of `mlp` with a trace of every number; or without, on a tape that was traced before, which must not be
/// slower than one that never was.
fn traced(on: bool) -> Box<dyn FnMut()> {
    let (mut network, x, target) = samples();
    let (x, target) = (x.slice(s![..64, ..]).to_owned(), target.slice(s![..64, ..]).to_owned());
    let (mut tape, loss, mut sgd) = (Tape::new(&network, 3), CrossEntropy::new(), Sgd::new(0.01));
    Trace::step(&mut tape, &mut network, &x, &target, &loss, &mut sgd).expect("a step");
    Box::new(move || {
        if on {
            black_box(Trace::step(&mut tape, &mut network, &x, &target, &loss, &mut sgd).expect("a step"));
        } else {
            black_box(tape.train(&mut network, &x, &target, &loss, &mut sgd).expect("a step"));
        }
    })
}

/// The number of batches per epoch, and of epochs per call, of `fit` and `bare`.
const BATCHES: usize = 40;
const EPOCHS: usize = 5;

/// A classifier and samples for it.
fn samples() -> (Sequential<f32>, Array2<f32>, Array2<f32>) {
    let network = Sequential::mlp(&[784, 128, 10], Relu, &mut rng(2)).expect("sizes that chain");
    let labels: Vec<usize> = (0..64 * BATCHES).map(|i| i * 7 % 10).collect();
    (network, uniform(64 * BATCHES, 784), class_targets(&labels))
}

/// Some epochs of a trainer, which reads all samples once before it begins.
fn fit() -> Box<dyn FnMut()> {
    let (mut network, x, target) = samples();
    let mut trainer = Trainer::new(CrossEntropy::new(), Sgd::new(0.01)).batch_size(64).epochs(EPOCHS);
    Box::new(move || {
        black_box(trainer.fit(&mut network, &(&x, &target)).expect("some epochs"));
    })
}

/// The same steps as a loop over a tape: shuffled, and gathered directly into its input buffer.
fn bare() -> Box<dyn FnMut()> {
    let (mut network, x, target) = samples();
    let (mut tape, mut sgd, loss) = (Tape::new(&network, 3), Sgd::new(0.01), CrossEntropy::new());
    let (mut order, mut batch_target): (Vec<usize>, _) = ((0..x.nrows()).collect(), Array2::default((64, 1)));
    let mut rng = rng(4);
    Box::new(move || {
        for _ in 0..EPOCHS {
            order.shuffle(&mut rng);
            for samples in order.chunks(64) {
                let gather = |x_to: &mut Matrix<f32>| (&x, &target).gather(samples, x_to, &mut batch_target);
                tape.forward_with(&network, samples.len(), gather).expect("a batch that fits");
                black_box(tape.loss(&loss, &batch_target).expect("a loss"));
                tape.backward_weights(&network).expect("gradients");
                tape.step(&mut network, &mut sgd).expect("a step");
            }
        }
    })
}

/// One training step of a small regression network.
fn regression() -> Box<dyn FnMut()> {
    let mut network = Sequential::mlp(&[10, 32, 16, 1], Relu, &mut rng(2)).expect("sizes that chain");
    let (x, target) = (uniform(32, 10), uniform(32, 1));
    let mut tape = Tape::new(&network, 3);
    let mut sgd = Sgd::new(0.01);
    Box::new(move || {
        black_box(tape.train(&mut network, &x, &target, &Mse, &mut sgd).expect("a step"));
    })
}

/// One training step on XOR: the four samples in turn, or all at once.
fn xor(batch: usize) -> Box<dyn FnMut()> {
    let mut network = Sequential::<f32>::mlp(&[2, 4, 1], Sigmoid, &mut rng(2))
        .and_then(|network| network.with(Sigmoid))
        .expect("sizes that chain");
    let x = ndarray::array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
    let target = ndarray::array![[0.0], [1.0], [1.0], [0.0]];
    let mut tape = Tape::new(&network, 3);
    let mut sgd = Sgd::new(0.5);
    let mut i = 0;
    Box::new(move || {
        let rows = ndarray::s![i..i + batch, ..];
        black_box(tape.train(&mut network, &x.slice(rows), &target.slice(rows), &Mse, &mut sgd).expect("a step"));
        i = (i + batch) % 4;
    })
}

/// The predictions of a classifier, into reused buffers.
fn predict(batch: usize) -> Box<dyn FnMut()> {
    let network = Sequential::mlp(&[784, 128, 10], Relu, &mut rng(2)).expect("sizes that chain");
    let x = uniform(batch, 784);
    let mut scratch = Scratch::default();
    Box::new(move || {
        black_box(network.predict_into(&x, &mut scratch).expect("a prediction"));
    })
}

/// The forward pass of a layer on normal random numbers, into reused buffers.
fn pass(layer: impl Layer<f32> + 'static, rows: usize, columns: usize) -> Box<dyn FnMut()> {
    let network = Sequential::new(columns).with(layer).expect("a layer for any shape");
    let x: Array2<f32> = Init::Normal { mean: 0.0, std: 2.0 }.matrix(rows, columns, &mut rng(1));
    let mut scratch = Scratch::default();
    Box::new(move || {
        black_box(network.predict_into(&x, &mut scratch).expect("a prediction"));
    })
}

/// The forward and backward pass of a layer on normal random numbers, into reused buffers; the gradient is copied.
fn forward_and_backward(layer: impl Layer<f32> + 'static, rows: usize, input: impl Into<Shape>) -> Box<dyn FnMut()> {
    let input = input.into();
    let normal = |columns| Init::STANDARD_NORMAL.matrix::<f32>(rows, columns, &mut rng(1));
    let (x, dy) = (normal(input.len()), normal(layer.output_shape(input).expect("a layer for this shape").len()));
    let mut tape = Tape::for_layer(&layer, input, 2);
    tape.forward(&layer, &x).expect("a forward pass");
    Box::new(move || {
        tape.forward_with(&layer, rows, |_| Ok(())).expect("a forward pass");
        black_box(tape.backward_from(&layer, &dy).expect("a backward pass"));
    })
}

/// Five million weighted sums of three inputs and a step: notebook 003's neuron.
fn neuron() -> Box<dyn FnMut()> {
    let network = Sequential::new(3)
        .with(Dense::new(3, 1, &mut rng(2)).without_bias())
        .and_then(|network| network.with(Step::new(0.0)))
        .expect("sizes that chain");
    let x = uniform(5_000_000, 3);
    let mut scratch = Scratch::default();
    Box::new(move || {
        black_box(network.predict_into(&x, &mut scratch).expect("a prediction"));
    })
}

/// eˣ, to measure it alone.
#[derive(Debug, Clone)]
struct Exp;

impl Activation for Exp {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        x.exp()
    }
    #[inline(always)]
    fn slope<A: Scalar>(&self, _: A, y: A) -> A {
        y
    }
}
