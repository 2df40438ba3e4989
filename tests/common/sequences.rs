//! Networks of sequences with lengths.

#![allow(dead_code, unreachable_pub)] // Each test file uses its own part.

use neuropil::joins::Lengths;
use neuropil::layer::Layer;
use neuropil::layers::{Embedding, LearnedPositions};
use neuropil::prelude::*;
use neuropil::rand::rngs::Xoshiro256PlusPlus;

/// The layers that accept sequences of four features with lengths, and whether they are causal.
pub fn layers(r: &mut Xoshiro256PlusPlus) -> Vec<(bool, Box<dyn Layer<f64>>)> {
    let gru = Gru::new(4, 3, r);
    vec![
        (true, Box::new(Dense::new(4, 3, r))),
        (true, Box::new(Tanh)),
        (true, Box::new(Softmax)),
        (true, Box::new(PRelu::per_channel(4))),
        (true, Box::new(LayerNorm::new(4))),
        (true, Box::new(neuropil::layers::RmsNorm::new(4))),
        (true, Box::new(BatchNorm::new(4))),
        (true, Box::new(Dropout::new(0.3))),
        (true, Box::new(neuropil::layers::SpatialDropout::new(0.3))),
        (true, Box::new(neuropil::layers::SinusoidalPositions::new())),
        (true, Box::new(LearnedPositions::new(100, 4, r))),
        (true, Box::new(Lstm::new(4, 3, r))),
        (true, Box::new(gru.clone().last_state())),
        (true, Box::new(neuropil::layers::Rnn::new(4, 3, r).stacked(2, r))),
        (false, Box::new(gru.clone().stacked(2, r).bidirectional(r))),
        (false, Box::new(Lstm::new(4, 3, r).bidirectional(r).last_state())),
        (false, Box::new(neuropil::layers::MultiHeadAttention::new(4, 2, r))),
        (true, Box::new(neuropil::layers::MultiHeadAttention::new(4, 2, r).causal())),
        (true, Box::new(Conv1d::new(4, 3, 3, r).dilation(2).causal())),
        (false, Box::new(Conv1d::new(4, 3, 5, r).padding_same())),
        (false, Box::new(neuropil::layers::GlobalAvgPool)),
        (false, Box::new(neuropil::layers::GlobalMaxPool)),
        (true, Box::new(neuropil::layers::LastStep)),
        (true, Box::new(Residual::new(Dense::new(4, 4, r)))),
        (true, Box::new(Glu::new(Silu))),
        (false, Box::new(TransformerLayer::new(4, 2).encoder(r).unwrap())),
        (
            true,
            Box::new(TransformerLayer::new(4, 2).norm_first().activation(Glu::new(Silu)).causal().encoder(r).unwrap()),
        ),
        (true, Box::new(Sequential::new([6, 4]).with(Lstm::new(4, 4, r)).unwrap().with(Dense::new(4, 2, r)).unwrap())),
        (true, Box::new(neuropil::layers::MultiHeadAttention::new(4, 2, r).causal().rotary(100.0))),
        (true, Box::new(neuropil::layers::MultiHeadAttention::new(4, 2, r).causal().dropout(0.3))),
    ]
}

/// Words of which 0 is padding, then the layer.
pub fn words(layer: Box<dyn Layer<f64>>, r: &mut Xoshiro256PlusPlus) -> Result<Sequential<f64>> {
    Sequential::new(6).with(Embedding::new(12, 4, r).padding(0)?)?.with(Dense::new(4, 4, r))?.with(layer)
}

/// A series and its length, then the layer.
pub fn series(layer: Box<dyn Layer<f64>>) -> Result<Network<f64>> {
    let mut g = Network::new();
    let (x, length) = (g.input("x", [6, 4]), g.input("length", 1));
    let x = g.join(Lengths, [x, length])?;
    let y = g.add(x, layer)?;
    g.output("y", y)?;
    Ok(g)
}
