//! The workloads on sequences.

use std::hint::black_box;

use neuropil::layers::{Cell, Recurrent};
use neuropil::ndarray::Array2;
use neuropil::prelude::*;
use neuropil::rand::rngs::Xoshiro256PlusPlus;

use crate::uniform;

/// One training step on sequences: a recurrent layer, whose last state feeds one output.
pub(super) fn recurrent<C: Cell>(
    layer: impl FnOnce(usize, usize, &mut Xoshiro256PlusPlus) -> Recurrent<f32, C>,
) -> Box<dyn FnMut()> {
    let mut rng = rng(2);
    let mut network = Sequential::new([20, 32])
        .with(layer(32, 64, &mut rng).last_state())
        .and_then(|network| network.with(Dense::new(64, 1, &mut rng)))
        .expect("sizes that chain");
    let (x, target) = (uniform(32, 20 * 32), uniform(32, 1));
    let mut tape = Tape::new(&network, 3);
    let mut sgd = Sgd::new(0.01);
    Box::new(move || {
        black_box(tape.train(&mut network, &x, &target, &Mse, &mut sgd).expect("a step"));
    })
}

/// Self-attention forward, and backward from the sum of its outputs to its parameters and input.
pub(super) fn attention(batch: usize, steps: usize, features: usize, heads: usize) -> Box<dyn FnMut()> {
    there_and_back(MultiHeadAttention::new(features, heads, &mut rng(2)), batch, [steps, features])
}

/// An encoder layer of a transformer, post-norm, as `attention`.
pub(super) fn encoder() -> Box<dyn FnMut()> {
    let (shape, rng) = ([128, 256], &mut rng(2));
    let feed_forward = Sequential::new(shape)
        .with(Dense::new(256, 1024, rng))
        .and_then(|network| network.with(Relu)?.with(Dense::new(1024, 256, rng)))
        .expect("sizes that chain");
    let layer = Sequential::new(shape)
        .with(Residual::new(MultiHeadAttention::new(256, 8, rng)))
        .and_then(|network| network.with(LayerNorm::new(256))?.with(Residual::new(feed_forward)))
        .and_then(|network| network.with(LayerNorm::new(256)))
        .expect("sizes that chain");
    there_and_back(layer, 32, shape)
}

fn there_and_back(layer: impl Layer<f32>, batch: usize, [steps, features]: [usize; 2]) -> Box<dyn FnMut()> {
    let x: Array2<f32> = Init::STANDARD_NORMAL.matrix(batch, steps * features, &mut rng(1));
    let dy = Array2::ones(x.dim());
    let mut tape = Tape::for_layer(&layer, [steps, features], 3);
    Box::new(move || {
        tape.forward(&layer, &x).expect("a pass");
        black_box(tape.backward_from(&layer, &dy).expect("a pass back"));
    })
}

/// The next step of four pre-norm decoder blocks, with 448 to 575 steps before it.
pub(super) fn token() -> Box<dyn FnMut()> {
    let (shape, rng) = ([576, 256], &mut rng(2));
    let mut chain = Sequential::<f32>::new(shape);
    for _ in 0..4 {
        let attention = Sequential::new(shape)
            .with(LayerNorm::new(256))
            .and_then(|network| network.with(MultiHeadAttention::new(256, 8, rng).causal()))
            .expect("sizes that chain");
        let feed_forward = Sequential::new(shape)
            .with(LayerNorm::new(256))
            .and_then(|network| network.with(Dense::new(256, 1024, rng))?.with(Gelu)?.with(Dense::new(1024, 256, rng)))
            .expect("sizes that chain");
        for part in [attention, feed_forward] {
            chain.push(Residual::new(part)).expect("sizes that chain");
        }
    }
    let network: &'static Network<f32> = Box::leak(Box::new(chain.into()));
    let (prompt, x) = (uniform(1, 448 * 256), uniform(1, 256));
    let mut stream = network.stream().expect("causal layers");
    stream.push(prompt.as_slice().expect("a row")).expect("a prompt");
    Box::new(move || {
        if stream.steps() == 576 {
            stream.restart();
            stream.push(prompt.as_slice().expect("a row")).expect("a prompt");
        }
        black_box(stream.push(x.as_slice().expect("a row")).expect("a step"));
    })
}

/// The next step of a recurrent layer and a dense one.
pub(super) fn lstm_step() -> Box<dyn FnMut()> {
    let rng = &mut rng(2);
    let network = Sequential::<f32>::new([1, 32])
        .with(Lstm::new(32, 64, rng))
        .and_then(|network| network.with(Dense::new(64, 1, rng)))
        .expect("sizes that chain");
    let network: &'static Network<f32> = Box::leak(Box::new(network.into()));
    let x = uniform(1, 32);
    let mut stream = network.stream().expect("causal layers");
    Box::new(move || {
        black_box(stream.push(x.as_slice().expect("a row")).expect("a step"));
    })
}
