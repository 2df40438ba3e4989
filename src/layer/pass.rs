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
