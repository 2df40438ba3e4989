//! Every layer and every optimizer of the crate, for what all of a kind have in common: see `tests/properties.rs` and
//! `tests/allocations.rs`. A new one gets one line here.

#![allow(dead_code)] // Each test file uses its own part.

use neuropil::activations::{Abs, Erf, Exp, Log, Power, Sign, Step, Threshold};
use neuropil::layers::{Cell, Impute, LearnedTokens, Padding, Recurrent, Resize2d, Strided};
use neuropil::ndarray::{Array1, Array2};
use neuropil::prelude::*;

/// A layer in a network of its own.
pub(crate) struct Entry<A: Scalar> {
    pub(crate) name: &'static str,
    pub(crate) network: Sequential<A>,
    /// For a layer that takes indices: how many there are.
    pub(crate) indices: Option<usize>,
}

/// All layers, each with a small input.
#[allow(clippy::too_many_lines)] // A list.
pub(crate) fn layers<A: Scalar>() -> Vec<Entry<A>> {
    let r = &mut rng(5);
    vec![
        // Layers.
        entry("AdaptiveAvgPool2d", [2, 5, 7], AdaptiveAvgPool2d::new([3, 2])),
        entry("AdaptiveAvgPool2d, larger", [2, 3, 2], AdaptiveAvgPool2d::new([4, 5])),
        entry("AvgPool1d", [7, 3], AvgPool1d::new(3).stride(2).padding(1)),
        entry("AvgPool1d without padding", [6, 3], AvgPool1d::new(4).stride(3).padding(2).ceil().without_padding()),
        entry("AvgPool2d", [2, 4, 6], AvgPool2d::new([2, 2])),
        entry("AvgPool2d, overlapping", [2, 5, 6], AvgPool2d::new([3, 2]).stride([2, 1]).padding([1, 1]).ceil()),
        entry("AvgPool2d without padding", [2, 5, 4], AvgPool2d::new([3, 3]).padding(Padding::Same).without_padding()),
        entry("Conv1d", [7, 3], Conv1d::new(3, 4, 3, r)),
        entry(
            "Conv1d with everything",
            [9, 4],
            Conv1d::grouped(4, 6, 3, 2, r).stride(2).dilation(2).padding_each([3, 1]).without_bias(),
        ),
        entry("Conv1d, causal", [6, 3], Conv1d::grouped(3, 3, 4, 3, r).causal()),
        entry("Conv2d", [3, 5, 6], conv2d(3, 4, [3, 2], 1)),
        entry(
            "Conv2d with everything",
            [4, 7, 6],
            conv2d(4, 6, [3, 2], 2).stride([2, 1]).dilation([1, 2]).padding([[1, 2], [0, 3]]),
        ),
        entry("Conv2d, depthwise", [3, 5, 5], conv2d(3, 6, [3, 3], 3).padding(Padding::Same)),
        entry("Conv2d, one pixel", [5, 3, 4], conv2d(5, 7, [1, 1], 1).without_bias()),
        entry("Conv2d of tiles", [8, 6, 7], conv2d(8, 10, [3, 3], 1).padding(1)),
        entry("Conv2d of tiles in groups", [16, 5, 6], conv2d(16, 18, [3, 3], 2).padding([[0, 2], [3, 1]])),
        entry("BatchNorm", 6, BatchNorm::new(6)),
        entry("BatchNorm without affine", 6, BatchNorm::new(6).without_affine()),
        entry("BatchNorm on a sequence", [4, 3], BatchNorm::new(3)),
        entry("BatchNorm on an image", [3, 2, 4], BatchNorm::new(3)),
        entry("ConvTranspose2d", [3, 4, 3], ConvTranspose2d::new(3, 2, [2, 3], r)),
        entry(
            "ConvTranspose2d with everything",
            [4, 3, 4],
            ConvTranspose2d::grouped(4, 6, [3, 2], 2, r)
                .stride([2, 3])
                .dilation([1, 2])
                .padding([[1, 0], [0, 2]])
                .output_padding([1, 0]),
        ),
        entry("ConvTranspose2d of tiles", [9, 6, 5], ConvTranspose2d::new(9, 8, [3, 3], r).padding(1)),
        entry("Dense", 6, Dense::new(6, 5, r)),
        entry("Dense without bias", 7, Dense::new(7, 3, r).without_bias()),
        entry("Dense on a sequence", [4, 3], Dense::new(3, 5, r)),
        entry("Dropout", 9, Dropout::new(0.4)),
        indexed("Embedding", 5, Embedding::new(7, 3, r), 7),
        // Padding is not drawn: that it has no gradient is no derivative.
        indexed("Embedding with padding", 4, Embedding::new(4, 5, r).padding(3).unwrap(), 3),
        entry("Flatten", [3, 2, 2], Flatten),
        entry("GaussianNoise", 9, GaussianNoise::new(0.5)),
        entry("GlobalAvgPool", [3, 4, 5], GlobalAvgPool),
        entry("GlobalAvgPool on a sequence", [4, 3], GlobalAvgPool),
        entry("GlobalMaxPool", [3, 4, 5], GlobalMaxPool),
        entry("GlobalMaxPool on a sequence", [4, 3], GlobalMaxPool),
        entry("Glu", 6, Glu::new(Sigmoid)),
        entry("Glu, swish, on a sequence", [3, 4], Glu::new(Silu)),
        entry("Glu on an image", [4, 3, 2], Glu::new(Tanh)),
        entry("GroupNorm", 6, GroupNorm::new(2, 6)),
        entry("GroupNorm on an image", [4, 3, 2], GroupNorm::new(2, 4).without_affine()),
        entry("GroupNorm on a sequence", [4, 6], GroupNorm::new(3, 6)),
        entry("InstanceNorm", [3, 2, 4], InstanceNorm::new(3)),
        entry("InstanceNorm, affine, on a sequence", [5, 3], InstanceNorm::affine(3)),
        entry("LayerNorm", 7, LayerNorm::new(7)),
        entry("LayerNorm of images", [3, 2, 2], LayerNorm::new([3, 2, 2])),
        entry("LayerNorm of steps", [3, 5], LayerNorm::new(5).without_bias()),
        entry("LayerNorm without affine", 7, LayerNorm::new(7).without_affine()),
        entry("Gru", [4, 3], Gru::new(3, 5, r)),
        entry("Gru, reset before", [4, 3], both_ways(Gru::reset_before(3, 5, r))),
        entry("Gru, stacked", [3, 2], Gru::new(2, 3, r).stacked(2, r).without_bias()),
        entry("LastStep", [4, 3], LastStep),
        entry("LearnedPositions", [4, 3], LearnedPositions::new(6, 3, r)),
        entry("LearnedPositions, masked", [4, 3], LearnedPositions::new(4, 3, r).masked()),
        entry("LogSoftmax", 10, LogSoftmax),
        entry("LogSoftmax on a sequence", [3, 5], LogSoftmax),
        entry("LogSoftmax on an image", [4, 3, 2], LogSoftmax),
        entry("Lstm", [4, 3], Lstm::new(3, 5, r)),
        entry("Lstm, both ways", [3, 2], both_ways(Lstm::new(2, 4, r).last_state())),
        entry("Lstm, masked", [5, 2], both_ways(Lstm::new(2, 3, r).masked())),
        entry("MultiHeadAttention", [5, 4], gentle(MultiHeadAttention::new(4, 2, r))),
        entry("MultiHeadAttention, causal", [4, 6], gentle(MultiHeadAttention::new(6, 2, r).causal().masked())),
        entry("MultiHeadAttention, mask", [5, 4], gentle(MultiHeadAttention::new(4, 2, r).attention_mask(near(5, 7)))),
        entry(
            "MultiHeadAttention, rotary",
            [5, 8],
            gentle(MultiHeadAttention::new(8, 2, r).rotary(100.0).dropout(0.25)),
        ),
        entry("Pad2d", [2, 3, 4], Pad2d::zero([[1, 0], [2, 1]])),
        entry("Pad2d, constant", [2, 3, 4], Pad2d::constant([[1, 0], [2, 1]], -0.5)),
        entry("Pad2d, reflecting", [2, 3, 4], Pad2d::reflect([[2, 1], [3, 0]])),
        entry("Pad2d, replicating", [2, 3, 4], Pad2d::replicate([[1, 2], [0, 3]])),
        entry("Parallel, side by side", 6, block(r)),
        entry(
            "Parallel, of sequences",
            [3, 4],
            Parallel::concat().branch(Dense::new(4, 2, r)).branch(Tanh).branch(Dense::new(4, 5, r)),
        ),
        entry(
            "Parallel, of images",
            [2, 3, 2],
            Parallel::concat().branch(BatchNorm::new(2)).branch(PRelu::per_channel(2)).branch(Sigmoid),
        ),
        entry("Parallel, added up", 6, Parallel::sum().branch(Dense::new(6, 4, r)).branch(Dense::new(6, 4, r))),
        entry("MaxPool1d", [7, 3], MaxPool1d::new(3).stride(2).padding(1)),
        entry("MaxPool1d, dilated", [6, 3], MaxPool1d::new(2).stride(1).dilation(3).padding(1).ceil()),
        entry("MaxPool2d", [2, 4, 6], MaxPool2d::new([2, 2])),
        entry("MaxPool2d, overlapping", [2, 5, 6], MaxPool2d::new([3, 2]).stride([2, 1]).padding([1, 1]).ceil()),
        entry("MaxPool2d, dilated", [2, 6, 5], MaxPool2d::new([2, 3]).stride([1, 1]).dilation([3, 2]).padding(1)),
        entry("MaxPool2d, whole", [3, 4, 3], MaxPool2d::new([4, 3])),
        entry("Permute", [3, 2, 4], Permute::new([2, 0, 1])),
        entry("Permute a sequence", [4, 3], Permute::new([1, 0])),
        entry("PixelShuffle", [8, 3, 2], PixelShuffle::new(2)),
        entry("PRelu", 6, PRelu::new()),
        entry("PRelu per feature", 6, PRelu::from_parameters(spread(6))),
        entry("PRelu per feature of a sequence", [4, 3], PRelu::from_parameters(spread(3))),
        entry("PRelu per channel", [3, 2, 4], PRelu::from_parameters(spread(3))),
        entry("Residual", 6, Residual::new(Sequential::mlp(&[6, 5, 6], Tanh, r).unwrap())),
        entry("Residual with projection", 6, Residual::new(block(r)).projection(Dense::new(6, 15, r))),
        entry("Rescale", 6, Rescale::new(spread(6), spread::<A>(6) + A::of(0.75)).unwrap()),
        entry("Rescale on a sequence", [4, 3], Rescale::new(spread(3), spread::<A>(3) + A::of(0.75)).unwrap()),
        entry("Reshape", [3, 2, 4], Reshape::new([6, 4])),
        entry("Resize2d, nearest", [2, 3, 4], Resize2d::nearest([5, 3])),
        entry("Resize2d, bilinear", [2, 3, 4], Resize2d::bilinear([4, 7]).align_corners()),
        entry("Resize2d, bicubic", [1, 4, 5], Resize2d::bicubic([6, 3])),
        entry("RmsNorm", 7, RmsNorm::new(7)),
        entry("RmsNorm of steps", [3, 5], RmsNorm::new(5).without_affine()),
        entry("Rnn", [4, 3], both_ways(Rnn::new(3, 5, r).masked())),
        // After one step: after more, both extremes may end in the flat part, and what is between them not.
        entry("Rnn with ReLU", [1, 3], Rnn::relu(3, 5, r).last_state()),
        entry("RRelu", 8, RRelu::default()),
        entry("Sequential", 6, Sequential::mlp(&[6, 8, 7, 3], Tanh, r).unwrap()),
        entry("SinusoidalPositions", [4, 3], SinusoidalPositions::new().masked()),
        entry("Softmax", 10, Softmax),
        entry("Softmax on a sequence", [3, 5], Softmax),
        entry("Softmax on an image", [4, 3, 2], Softmax),
        entry("Softmax, wide", 150, Softmax),
        entry("SpatialDropout", [4, 3, 2], SpatialDropout::new(0.4)),
        entry("SpatialDropout on a sequence", [4, 5], SpatialDropout::new(0.4)),
        entry("Upsample, bilinear", [2, 3, 4], Upsample::bilinear([2, 3])),
        entry("Upsample, nearest", [2, 3, 4], Upsample::nearest([3, 2])),
        entry("Impute", 6, Impute::new(Array1::zeros(6))),
        entry("LearnedTokens", [3, 4], LearnedTokens::new(2, 4, r)),
        entry("LearnedTokens, last", [3, 4], LearnedTokens::new(1, 4, r).last()),
        entry("Strided, backwards", [5, 4], Strided::new([5, 4], [2, 3], [-8, 1], 17)),
        entry("Strided, repeating", [2, 3], Strided::new([2, 3], [3, 2, 4], [1, 3, 0], 0)),
        // A logarithm, of what is above 0.
        entry("Log", 7, Sequential::new(7).with(HardTanh::new(0.1, 9.0)).unwrap().with(Log).unwrap()),
        // Activations.
        entry("Abs", 7, Abs),
        entry("Celu", 7, Celu::new(1.5)),
        entry("Elu", 7, Elu::default()),
        entry("Erf", 7, Erf),
        entry("Exp", 7, Exp),
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
        entry("Power", 7, Power::new(3.0)),
        entry("Power, of any sign", 7, Power::new(5.0)),
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
    Entry { name, network, indices: None }
}

/// A layer that takes this number of indices.
fn indexed<A: Scalar>(
    name: &'static str,
    input: impl Into<Shape>,
    layer: impl Layer<A> + 'static,
    count: usize,
) -> Entry<A> {
    Entry { indices: Some(count), ..entry(name, input, layer) }
}

/// A convolution-like block: branches next to each other, one of them residual.
fn block<A: Scalar>(r: &mut impl neuropil::rand::Rng) -> Parallel<A> {
    let body = Sequential::mlp(&[6, 8, 6], Tanh, r).unwrap().with(BatchNorm::new(6)).unwrap();
    Parallel::concat().branch(Identity).branch(Residual::new(body)).branch(Dense::new(6, 3, r))
}

/// The mask by which each step attends to those at most two away.
fn near(queries: usize, keys: usize) -> Array2<bool> {
    Array2::from_shape_fn((queries, keys), |(i, j)| i.abs_diff(j) <= 2)
}

/// With small weights, at which no softmax is so sure that it forgets an input.
fn gentle<A: Scalar>(mut layer: impl Layer<A>) -> impl Layer<A> {
    layer.visit_mut(&mut |_, w| w.mapv_inplace(|w| w * A::of(1.0 / 16.0)));
    layer
}

/// A recurrent layer of two layers in both directions.
fn both_ways<A: Scalar, C: Cell>(layer: Recurrent<A, C>) -> Recurrent<A, C> {
    let r = &mut rng(6);
    layer.stacked(2, r).bidirectional(r)
}

/// A convolution with groups.
fn conv2d<A: Scalar>(inputs: usize, outputs: usize, kernel: [usize; 2], groups: usize) -> Conv2d<A> {
    Conv2d::grouped(inputs, outputs, kernel, groups, &mut rng(6))
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
        let x = random(rows, self.network.input().len(), seed);
        let Some(count) = self.indices else { return x };
        x.mapv(|x: A| A::of(((x.to_f64() + 2.0) / 4.0 * count as f64).floor()))
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
