//! What surrounds a layer in a pass: [`Pass`] and [`Backward`].

use ndarray::Array2;
use rand::rngs::Xoshiro256PlusPlus;

use super::Cache;
use crate::{Matrix, Scalar, Shape};

/// What surrounds a layer while a batch passes through it.
#[derive(Debug)]
pub struct Pass<'a> {
    /// Whether the network trains (dropout drops, batch norm normalizes with the batch's statistics) or predicts.
    pub training: bool,
    /// Whether a backward pass follows, for which the layer keeps in its cache what it needs. A training pass always
    /// records; a predicting pass does so on a [predicting tape](crate::Tape::predicting).
    pub recording: bool,
    /// The shape of one row of the input.
    pub input: Shape,
    /// This layer's memory from forward to backward, and from step to step.
    pub cache: &'a mut Cache,
    /// For layers that draw random numbers when training.
    pub rng: &'a mut Xoshiro256PlusPlus,
}

/// What [`Layer::backward`](super::Layer::backward) is given, all with one sample per row: the input and output of the
/// forward pass, and the gradient of the loss with respect to the output.
#[derive(Debug)]
pub struct Backward<'a, A: Scalar> {
    /// The input of the forward pass.
    pub x: &'a Matrix<A>,
    /// The output of the forward pass.
    pub y: &'a Matrix<A>,
    /// dL/dy.
    pub dy: &'a Matrix<A>,
    /// Where dL/dx is written, unless it is not needed.
    pub dx: Option<&'a mut Matrix<A>>,
    /// Where dL/dw is written: one matrix per trainable parameter, in the order of
    /// [`Layer::visit`](super::Layer::visit).
    pub dw: &'a mut [Array2<A>],
}
