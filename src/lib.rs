//! Neural networks in pure Rust on [`ndarray`]: readable layers, checked derivatives, fast training on a CPU.
//!
//! A [`Trainer`](train::Trainer) runs the epochs, with shuffling, validation, metrics, schedules and checkpoints:
//!
//! ```
//! use neuropil::metrics::Accuracy;
//! use neuropil::prelude::*;
//!
//! let mut rng = rng(1);
//! let (train, test) = neuropil::data::moons::<f32>(400, 0.1, &mut rng).split(0.25, &mut rng)?;
//! let mut network = Sequential::mlp(&[2, 16, 2], Tanh, &mut rng)?;
//! let loss = CrossEntropy::new();
//! let mut trainer = Trainer::new(loss, Adam::new(0.02)).epochs(40).metric(Accuracy);
//! trainer.fit(&mut network, &train)?;
//! let evaluation = trainer.evaluate(&network, &test)?;
//! assert!(evaluation.get("accuracy") > Some(0.95), "{evaluation}");
//! # Ok::<(), Error>(())
//! ```
//!
//! A batch is a matrix with one sample per row; parameters and gradients are matrices, too. Layers are plain values that
//! a forward pass does not change: what the backward pass needs is stored on a [`Tape`]. With a tape, you write the
//! training loop yourself:
//!
//! ```
//! use neuropil::prelude::*;
//! use ndarray::array;
//!
//! let x = array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
//! let target = array![[0.0], [1.0], [1.0], [0.0]];
//!
//! let mut network = Sequential::<f64>::mlp(&[2, 4, 1], Tanh, &mut rng(1))?.with(Sigmoid)?;
//! let mut tape = Tape::new(&network, 1);
//! let mut sgd = Sgd::new(0.5).momentum(0.9);
//! for _ in 0..500 {
//!     tape.forward(&network, &x)?; // caches the forward state
//!     tape.loss(&Bce::new(), &target)?;
//!     tape.backward(&network)?; // gradients with respect to the input and the parameters
//!     tape.step(&mut network, &mut sgd)?;
//! }
//! let y = network.predict(&x)?;
//! assert!(y.iter().zip(&target).all(|(y, t)| (y - t).abs() < 0.05), "{y}");
//! # Ok::<(), Error>(())
//! ```
//!
//! The [`guide`] continues from here, task by task, and translates from `PyTorch`, Keras and scikit-learn.
//!
//! # Networks
//!
//! A [`Sequential`] is a chain of layers. A [`Network`] is any graph of layers and joins with named inputs and outputs;
//! [`OutputLosses`] gives each output a loss, and [`data::NamedSamples`] names inputs and targets. Networks check the
//! shape of each layer as it is added. They are layers themselves, so they nest: [`Residual`], [`Parallel`] and
//! [`TransformerLayer`] are such blocks.
//!
//! # Where things are
//!
//! | to | see |
//! |---|---|
//! | build a network | [`Sequential`], [`Network`]; [`layers`], [`activations`], [`joins`]; [`Init`] for the weights; [`Summary`] for its size |
//! | prepare data | [`data`]: data sets, readers, scalers, encoders, splits; [`adapt`] views arrays with three and four axes as batches |
//! | train it | [`train::Trainer`] with its callbacks, or a [`Tape`]; [`losses`], [`optimizers`], [`schedules`] |
//! | evaluate and use it | [`metrics`]; [`Network::predict`] |
//! | save or convert it | [`io`]: model files, PyTorch and Keras weights, ONNX, Rust source, NumPy arrays |
//! | understand it | [`doctor`] finds problems, [`Trace`] shows every number of a training step, [`graph`] is the computational graph of a formula, [`terminal`] and `plot` draw curves, decision boundaries and images |
//! | write your own | [`layer`]: the traits [`Layer`](layer::Layer) and [`Join`](layer::Join) with the types of their methods; [`Activation`](activations::Activation), [`Loss`](losses::Loss), [`Metric`](metrics::Metric), [`Optimizer`](optimizers::Optimizer), [`Schedule`](schedules::Schedule), [`Callback`](train::Callback), [`Dataset`](data::Dataset); [`gradcheck`] checks the derivatives |
//! | teach | [`classic`]: the perceptron and the linear classifier |
//!
//! [`prelude`] has the names that most programs need.
//!
//! # Features
//!
//! | feature | default | what it enables |
//! |---|---|---|
//! | `parallel` | yes | large matrix products and elementwise passes run on the current rayon thread pool |
//! | `gzip` | yes | gzip-compressed data files |
//! | `files` | yes | model files, checkpoints, PyTorch and Keras weights, ONNX, Rust source |
//! | `npz` | yes | several arrays in a file, as written by `numpy.savez` |
//! | `csv` | no | tables from CSV files |
//! | `plot` | no | charts, decision boundaries, images and films as SVG and PNG |
//! | `progress` | no | a progress bar |
//! | `precompile` | no | layers, training and files are compiled in this crate, not again in each debug build or test of yours; its own build takes a minute longer |
//!
//! # Examples
//!
//! Run them in the repository with `cargo run --release --example NAME`; `examples/README.md` says what each shows.
//!
//! - First steps: `xor`, `digits`, `mnist`, and the teaching notebooks `notebook_000` to `notebook_004`.
//! - Tables: `regression`, `titanic`.
//! - Images: `lenet`, `fine_tune`.
//! - Sequences: `sunspots`, `names`, `character_model`, `dates`.
//! - Networks beyond chains: `residual`, `two_inputs`, `siamese`.
//! - Training: `find_rate`, `profile`, `resume`, `doctor`.
//! - Visualization: `trace_xor`, `graph`, `boundary`, `film`, `templates`, `activation_gallery`, `plots`.
//! - Extending the crate: `own_layer`, `ulp`.

#![cfg_attr(docsrs, feature(doc_cfg))]

// First, because the documentation lists the methods of a type in the order of the modules.
mod network;
mod tape;

pub mod activations;
pub mod adapt;
pub mod classic;
mod clock;
pub mod data;

mod error;
pub mod gradcheck;
#[cfg(any(doc, doctest))]
pub mod guide;
mod init;
pub mod io;
pub mod joins;
mod kernels;
pub mod layer;
pub mod layers;
pub mod losses;
pub mod metrics;
pub mod optimizers;
#[cfg(all(feature = "precompile", not(test)))]
mod precompile;
mod scalar;
pub mod schedules;
mod see;
mod shape;
pub mod spec;
mod svg;
mod text;
pub mod train;

pub use error::{Error, IoError, Result};
pub use init::{Fan, Gain, Init};
pub use network::{
    LayerSummary, LayerTimes, Network, OutputLosses, OutputMetric, Parallel, Profile, Residual, Scratch, Sequential,
    Shared, Stream, Summary, TransformerLayer, Value,
};
pub use scalar::Scalar;
#[cfg(feature = "plot")]
pub use see::plot;
pub use see::{Trace, TracedLayer, TracedParameter, doctor, graph, terminal};
pub use shape::Shape;
pub use tape::{Gradients, Tape};

pub use ndarray;
pub use rand;

/// A matrix of any memory layout: `&Array2`, views and slices of arrays all coerce to `&Matrix`.
pub type Matrix<A> = ndarray::ArrayRef2<A>;

/// Creates the crate's random number generator from a seed; it gives the same numbers on every machine.
///
/// ```
/// use neuropil::rand::Rng;
///
/// assert_eq!(neuropil::rng(7).next_u64(), neuropil::rng(7).next_u64());
/// ```
pub fn rng(seed: u64) -> rand::rngs::Xoshiro256PlusPlus {
    rand::SeedableRng::seed_from_u64(seed)
}

/// Tests the code in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The names that most programs need: `use neuropil::prelude::*;`.
pub mod prelude {
    pub use crate::activations::{
        Activation, Celu, Elu, Gelu, GeluTanh, HardShrink, HardSigmoid, HardSwish, HardTanh, Identity, LeakyRelu,
        LogSigmoid, Mish, Relu, Relu6, Selu, Sigmoid, Silu, SoftShrink, Softplus, Softsign, Tanh, TanhShrink,
    };
    pub use crate::joins::Concat;
    pub use crate::layer::Layer;
    pub use crate::layers::{
        AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, BatchNorm, Conv1d, Conv2d, ConvTranspose2d, Dense, Dropout, Embedding,
        Flatten, GaussianNoise, GlobalAvgPool, GlobalMaxPool, Glu, GroupNorm, Gru, InstanceNorm, LastStep, LayerNorm,
        LearnedPositions, LogSoftmax, Lstm, MaxPool1d, MaxPool2d, MultiHeadAttention, PRelu, Pad2d, Permute,
        PixelShuffle, RRelu, Rescale, Reshape, RmsNorm, Rnn, SinusoidalPositions, Softmax, SpatialDropout, Upsample,
    };
    pub use crate::losses::{
        Bce, BceWithLogits, Contrastive, CosineEmbedding, CrossEntropy, GaussianNll, HingeEmbedding, Huber,
        KlDivergence, Loss, Mae, Mse, MultiClassHinge, Nll, Pointwise, PoissonNll, SmoothL1, SoftMargin, one_hot,
    };
    pub use crate::network::{Network, Parallel, Residual, Scratch, Sequential, TransformerLayer};
    pub use crate::optimizers::{
        Adadelta, Adagrad, Adam, Adamax, Decay, Ema, Lion, NAdam, Norm, Optimizer, RAdam, RmsProp, Sgd,
    };
    pub use crate::schedules::Schedule;
    pub use crate::train::Trainer;
    pub use crate::{Error, Gradients, Init, Matrix, Result, Scalar, Shape, Tape, rng};
}
