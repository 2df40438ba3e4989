//! Neural networks in pure Rust on [`ndarray`]: readable layers, checked derivatives, fast training on a CPU.
//!
//! A batch is a matrix with one row a sample; a parameter is a matrix, and so is a gradient. A layer is a plain value that
//! does not change while data pass through it: what the forward pass must keep for the backward pass is on a [`Tape`].
//!
//! # Learning XOR
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
//!     tape.backward(&network)?; // the gradients by the input and the weights
//!     tape.step(&mut network, &mut sgd)?;
//! }
//! let y = network.predict(&x)?;
//! assert!(y.iter().zip(&target).all(|(y, t)| (y - t).abs() < 0.05), "{y}");
//! # Ok::<(), Error>(())
//! ```
//!
//! # Where things are
//!
//! - [`Sequential`] chains [`layers`] and [`activations`], checks that they fit as they are added, and predicts.
//! - [`Tape`] trains: forward, a loss out of [`losses`], backward, and a step of one of the [`optimizers`], whose rate may
//!   follow one of the [`schedules`].
//! - [`Trainer`](train::Trainer) does all that for many epochs, with validation, early stopping and checkpoints.
//! - [`Init`] is where weights start; [`gradcheck`] proves a derivative, also of your own layer or loss.
//! - [`data`] has small data sets and the reader for MNIST, [`metrics`] says how good predictions are, and [`classic`] has
//!   the perceptron and the linear classifier that came before.
//! - [`Summary`] tells what a network costs in numbers, products and memory.
//! - [`doctor`] looks at a network on a batch, before a long training or when one does not learn, and says what is wrong
//!   and what to do.
//! - [`Trace`] shows every number of one training step, in text, formulas and a drawing.
//! - [`terminal`] draws curves, boundaries and digits in characters, and `plot`, a feature, as SVG and PNG.
//! - [`graph`] is the computational graph of a formula, with the values and gradients on its edges.
//! - [`adapt`] lends arrays of three and four axes to networks, and shows outputs as such.
//! - [`spec`] describes a network so that it can be made again from its description and its parameters.
//! - [`io`] saves and loads networks, and exchanges them with other systems.
//! - [`Scalar`] is `f32` or `f64`, and tells how exact exp, tanh and their kin are.

pub mod activations;
pub mod adapt;
pub mod classic;
pub mod data;

mod error;
pub mod gradcheck;
mod init;
pub mod io;
pub mod joins;
mod kernels;
pub mod layer;
pub mod layers;
pub mod losses;
pub mod metrics;
mod network;
pub mod optimizers;
mod scalar;
pub mod schedules;
mod see;
mod shape;
pub mod spec;
mod svg;
mod tape;
mod text;
pub mod train;

// The doctor asks for it by this path.

pub use error::{Error, Result};
pub use init::{Fan, Gain, Init};
pub use network::{
    LayerSummary, Network, OutputLosses, OutputMetric, Parallel, Residual, Scratch, Sequential, Shared, Summary, Value,
};
pub use scalar::Scalar;
#[cfg(feature = "plot")]
pub use see::plot;
pub use see::{Trace, TracedLayer, TracedParameter, doctor, graph, terminal};
pub use shape::Shape;
pub use tape::{Gradients, Tape};

pub use ndarray;
pub use rand;

/// A matrix of any layout: `&Array2`, views and slices of arrays all coerce to `&Matrix`.
pub type Matrix<A> = ndarray::ArrayRef2<A>;

/// The generator of random numbers that everything here draws from, started from a seed: the same seed gives the same
/// numbers on every machine.
///
/// ```
/// use neuropil::rand::Rng;
///
/// assert_eq!(neuropil::rng(7).next_u64(), neuropil::rng(7).next_u64());
/// ```
pub fn rng(seed: u64) -> rand::rngs::Xoshiro256PlusPlus {
    rand::SeedableRng::seed_from_u64(seed)
}

/// The code in the README runs, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Everything that a program which trains networks uses: `use neuropil::prelude::*;`.
pub mod prelude {
    pub use crate::activations::{
        Activation, Celu, Elu, Gelu, GeluTanh, HardShrink, HardSigmoid, HardSwish, HardTanh, Identity, LeakyRelu,
        LogSigmoid, Mish, Relu, Relu6, Selu, Sigmoid, Silu, SoftShrink, Softplus, Softsign, Tanh, TanhShrink,
    };
    pub use crate::joins::Concat;
    pub use crate::layer::Layer;
    pub use crate::layers::{
        AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, BatchNorm, Conv1d, Conv2d, ConvTranspose2d, Dense, Dropout, Embedding,
        Flatten, GaussianNoise, GlobalAvgPool, GlobalMaxPool, GroupNorm, Gru, InstanceNorm, LastStep, LayerNorm,
        LearnedPositions, LogSoftmax, Lstm, MaxPool1d, MaxPool2d, MultiHeadAttention, PRelu, Pad2d, Permute,
        PixelShuffle, RRelu, Rescale, Reshape, RmsNorm, Rnn, SinusoidalPositions, Softmax, SpatialDropout, Upsample,
    };
    pub use crate::losses::{
        Bce, BceWithLogits, Contrastive, CosineEmbedding, CrossEntropy, GaussianNll, HingeEmbedding, Huber,
        KlDivergence, Loss, Mae, Mse, MultiClassHinge, Nll, Pointwise, PoissonNll, SmoothL1, SoftMargin, one_hot,
    };
    pub use crate::network::{Network, Parallel, Residual, Scratch, Sequential};
    pub use crate::optimizers::{
        Adadelta, Adagrad, Adam, Adamax, Decay, Ema, Lion, NAdam, Norm, Optimizer, RAdam, RmsProp, Sgd,
    };
    pub use crate::schedules::Schedule;
    pub use crate::train::Trainer;
    pub use crate::{Error, Gradients, Init, Matrix, Result, Scalar, Shape, Tape, rng};
}
