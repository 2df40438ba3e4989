//! The context of a layer in a pass: [`Pass`] and [`Backward`].

use ndarray::Array2;
use rand::rngs::Xoshiro256PlusPlus;

use super::Cache;
use crate::{Matrix, Scalar, Shape};

/// The context of a layer in a pass.
///
/// Only a network creates one, and calls the layer with row-major matrices of the right sizes. To run a layer alone,
/// use [`Tape::for_layer`](crate::Tape::for_layer), or a network with that layer.
#[derive(Debug)]
#[non_exhaustive]
pub struct Pass<'a> {
    /// Whether the network is training (dropout is active, batch norm uses batch statistics) or predicting.
    pub training: bool,
    /// Whether a backward pass follows, so that the layer must fill its cache: always in training, and in prediction on
    /// a [predicting tape](crate::Tape::predicting).
    pub recording: bool,
    /// The shape of one sample of the input.
    pub input: Shape,
    /// This layer's storage, kept between passes.
    pub cache: &'a mut Cache,
    /// The random number generator, for training.
    pub rng: &'a mut Xoshiro256PlusPlus,
    /// The length of the sequence in each row, if known. Later steps are padding and hold 0.
    pub lengths: Option<&'a [usize]>,
    /// Where a layer that [finds lengths](super::Layer::finds_lengths) appends the length of each row.
    pub found: Option<&'a mut Vec<usize>>,
    /// Whether the input continues the sequence of the last pass, from what the layer kept in the cache: see
    /// [`Network::stream`](crate::Network::stream).
    pub stream: bool,
}

impl<'a> Pass<'a> {
    /// A pass without lengths.
    pub(crate) fn new(
        input: Shape,
        [training, recording]: [bool; 2],
        cache: &'a mut Cache,
        rng: &'a mut Xoshiro256PlusPlus,
    ) -> Self {
        Self { training, recording, input, cache, rng, lengths: None, found: None, stream: false }
    }
}

/// The arguments of [`Layer::backward`](super::Layer::backward), with one sample per row.
#[derive(Debug)]
pub struct Backward<'a, A: Scalar> {
    /// The input of the forward pass.
    pub x: &'a Matrix<A>,
    /// The output of the forward pass.
    pub y: &'a Matrix<A>,
    /// dL/dy.
    pub dy: &'a Matrix<A>,
    /// Where dL/dx is written; `None` if it is not needed.
    pub dx: Option<&'a mut Matrix<A>>,
    /// Where dL/dw is written: one matrix per trainable parameter, in the order of
    /// [`Layer::visit`](super::Layer::visit).
    pub dw: &'a mut [Array2<A>],
}
