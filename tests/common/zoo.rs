//! Every layer and every optimizer of the crate, for what all of a kind have in common: see `tests/properties.rs` and
//! `tests/allocations.rs`. A new one gets one line here.

#![allow(dead_code)] // Each test file uses its own part.

use neuropil::ndarray::{Array1, Array2};
use neuropil::prelude::*;

/// A layer in a network of its own.
pub(crate) struct Entry<A: Scalar> {
    pub(crate) name: &'static str,
    pub(crate) network: Sequential<A>,
}

/// All layers, each with a small input.
pub(crate) fn layers<A: Scalar>() -> Vec<Entry<A>> {
    let r = &mut rng(5);
    vec![
        // Layers.
        entry("Dense", 6, Dense::new(6, 5, r)),
        entry("Dense without bias", 7, Dense::new(7, 3, r).without_bias()),
        entry("Dense on a sequence", [4, 3], Dense::new(3, 5, r)),
        entry("Flatten", [3, 2, 2], Flatten),
        entry("Gru", [4, 3], Gru::new(3, 5, r).unwrap()),
        entry("Gru, stacked", [3, 2], Gru::new(2, 3, r).unwrap().stacked(2, r).unwrap().without_bias()),
        entry("LearnedPositions", [4, 3], LearnedPositions::new(6, 3, r).unwrap()),
        entry("LearnedPositions, masked", [4, 3], LearnedPositions::new(4, 3, r).unwrap().masked()),
        entry("LogSoftmax", 10, LogSoftmax),
        entry("LogSoftmax on a sequence", [3, 5], LogSoftmax),
        entry("LogSoftmax on an image", [4, 3, 2], LogSoftmax),
        entry("Lstm", [4, 3], Lstm::new(3, 5, r).unwrap()),
        entry("Lstm, both ways", [3, 2], both_ways(Lstm::new(2, 4, r).unwrap().last_state())),
        entry("Lstm, masked", [5, 2], both_ways(Lstm::new(2, 3, r).unwrap().masked())),
        entry("MultiHeadAttention", [5, 4], gentle(MultiHeadAttention::new(4, 2, r).unwrap())),
        entry(
            "MultiHeadAttention, causal",
            [4, 6],
            gentle(MultiHeadAttention::new(6, 2, r).unwrap().causal().masked()),
        ),
        entry("PRelu", 6, PRelu::new()),
        entry("PRelu per feature", 6, PRelu::from_parameters(spread(6))),
        entry("PRelu per feature of a sequence", [4, 3], PRelu::from_parameters(spread(3))),
        entry("PRelu per channel", [3, 2, 4], PRelu::from_parameters(spread(3))),
        entry("Rnn", [4, 3], both_ways(Rnn::new(3, 5, r).unwrap().masked())),
        // After one step: after more, both extremes may end in the flat part, and what is between them not.
        entry("Rnn with ReLU", [1, 3], Rnn::relu(3, 5, r).unwrap().last_state()),
        entry("RRelu", 8, RRelu::default()),
        entry("Sequential", 6, Sequential::mlp(&[6, 8, 7, 3], Tanh, r).unwrap()),
        entry("SinusoidalPositions", [4, 3], SinusoidalPositions::new().masked()),
        entry("Softmax", 10, Softmax),
        entry("Softmax on a sequence", [3, 5], Softmax),
        entry("Softmax on an image", [4, 3, 2], Softmax),
        entry("Softmax, wide", 150, Softmax),
        // Activations.
        entry("Celu", 7, Celu::new(1.5)),
        entry("Elu", 7, Elu::default()),
        entry("Gelu", 7, Gelu),
        entry("GeluTanh", 7, GeluTanh),
        entry("HardShrink", 7, HardShrink::default()),
        entry("HardSigmoid", 7, HardSigmoid),
        entry("HardSwish", 7, HardSwish),
        entry("HardTanh", 7, HardTanh::default()),
        entry("Identity", 7, Identity),
        entry("LeakyRelu", 7, LeakyRelu::default()),
        entry("LogSigmoid", 7, LogSigmoid),
        entry("Mish", 7, Mish),
        entry("Relu", 7, Relu),
        entry("Relu6", 7, Relu6),
        entry("Selu", 7, Selu),
        entry("Sigmoid", 7, Sigmoid),
        entry("Sign", 7, Sign),
        entry("Silu", 7, Silu),
        entry("SoftShrink", 7, SoftShrink::default()),
        entry("Softplus", 7, Softplus::default()),
        entry("Softsign", 7, Softsign),
        entry("Step", 7, Step::default()),
        entry("Tanh", 7, Tanh),
        entry("TanhShrink", 7, TanhShrink),
        entry("Threshold", 7, Threshold::new(0.5, -2.0)),
    ]
}

/// All optimizers, with the settings that make them remember something.
pub(crate) fn optimizers<A: Scalar>() -> Vec<Box<dyn Optimizer<A>>> {
    vec![
        Box::new(Adadelta::new(0.01)),
        Box::new(Adagrad::new(0.01)),
        Box::new(Adam::new(0.01)),
        Box::new(Adam::new(0.01).amsgrad()),
        Box::new(Adamax::new(0.01)),
        Box::new(Lion::new(0.01)),
        Box::new(NAdam::new(0.01)),
        Box::new(RAdam::new(0.01)),
        Box::new(RmsProp::new(0.01)),
        Box::new(RmsProp::new(0.01).centered().momentum(0.9)),
        Box::new(Sgd::new(0.01)),
        Box::new(Sgd::new(0.01).momentum(0.9).decay(Decay::l2(1e-4))),
        Box::new(Sgd::new(0.01).momentum(0.9).nesterov()),
    ]
}

fn entry<A: Scalar>(name: &'static str, input: impl Into<Shape>, layer: impl Layer<A> + 'static) -> Entry<A> {
    let network = Sequential::new(input).with(layer).unwrap_or_else(|error| panic!("{name}: {error}"));
    Entry { name, network }
}

/// With small weights, at which no softmax is so sure that it forgets an input.
fn gentle<A: Scalar>(mut layer: impl Layer<A>) -> impl Layer<A> {
    layer.visit_mut(&mut |_, w| w.mapv_inplace(|w| w * A::of(1.0 / 16.0)));
    layer
}

/// A recurrent layer of two layers in both directions.
fn both_ways<A: Scalar, C: Cell>(layer: Recurrent<A, C>) -> Recurrent<A, C> {
    let r = &mut rng(6);
    layer.stacked(2, r).and_then(|layer| layer.bidirectional(r)).unwrap()
}

/// So many different numbers from -0.5 to 0.5.
fn spread<A: Scalar>(n: usize) -> Array1<A> {
    (0..n).map(|i| A::of(i as f64 / n as f64 - 0.5)).collect()
}

impl<A: Scalar> Entry<A> {
    pub(crate) fn layer(&self) -> &dyn Layer<A> {
        self.network.layers().next().unwrap()
    }

    /// A batch that the layer takes.
    pub(crate) fn batch(&self, rows: usize, seed: u64) -> Array2<A> {
        random(rows, self.network.input().len(), seed)
    }

    /// A gradient to send back for such a batch.
    pub(crate) fn upstream(&self, rows: usize, seed: u64) -> Array2<A> {
        random(rows, self.network.output().len(), seed)
    }
}

/// Numbers from -2 to 2.
pub(crate) fn random<A: Scalar>(rows: usize, columns: usize, seed: u64) -> Array2<A> {
    Init::Uniform { low: -2.0, high: 2.0 }.matrix(rows, columns, &mut rng(seed))
}
