//! [`Tape`]: records a forward pass for the backward pass and the optimizer step.

use std::any::TypeId;

use ndarray::Array2;
use rand::rngs::Xoshiro256PlusPlus;

use crate::layer::Cache;
use crate::losses;
use crate::{Scalar, Shape};

// In the order in which the documentation lists the methods of a tape.
mod passes;

mod loss;

mod update;

mod finite;
mod gradients;
mod memory;
mod saliency;

pub(crate) use finite::check_finite;
use gradients::Gathered;

/// The state of a training step: [`forward`](Self::forward), [`loss`](Self::loss), [`backward`](Self::backward),
/// [`step`](Self::step).
///
/// The network does not change during a forward or backward pass; the tape stores what the backward pass needs, and the
/// gradients. Its buffers are reused: after the first step, a step allocates nothing. Two tapes can run one network on
/// two batches at the same time.
///
/// ```
/// use neuropil::prelude::*;
///
/// let (x, target) = (ndarray::array![[0.0, 1.0]], ndarray::array![[1.0]]);
/// let mut network = Sequential::<f64>::mlp(&[2, 4, 1], Tanh, &mut rng(7))?;
/// let mut tape = Tape::new(&network, 7);
/// let mut sgd = Sgd::new(0.1);
/// let mut losses = Vec::new();
/// for _ in 0..50 {
///     tape.forward(&network, &x)?;
///     losses.push(tape.loss(&Mse, &target)?);
///     let gradients = tape.backward(&network)?;
///     assert_eq!(gradients.input.dim(), (1, 2));
///     assert_eq!(gradients.weights[0].dim(), (2, 4));
///     tape.step(&mut network, &mut sgd)?;
/// }
/// assert!(losses[49] < 1e-3 * losses[0]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct Tape<A: Scalar> {
    /// The shape of a sample, as declared.
    shape: Shape,
    /// The shape of the samples of the last batch, which may have a different number of steps, and that of the outputs.
    batch: Shape,
    outputs: Shape,
    /// The lengths of the sequences in the outputs, if known.
    lengths: Vec<usize>,
    x: Array2<A>,
    y: Array2<A>,
    dy: Array2<A>,
    dx: Array2<A>,
    dw: Vec<Array2<A>>,
    /// The learning rate of each parameter, as a multiple of the optimizer's.
    rates: Vec<f64>,
    gathered: Gathered<A>,
    cache: Cache,
    loss: losses::Scratch<A>,
    rng: Xoshiro256PlusPlus,
    stage: Stage,
    /// The largest number of samples whose memory has been checked.
    afforded: usize,
    /// Whether layers are in training mode.
    training: bool,
    /// The network of the last forward pass.
    network: (TypeId, usize),
}

/// The progress of the current step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Start,
    Forward,
    Loss,
    Backward,
}

/// The result of a backward pass.
#[derive(Debug, Clone, Copy)]
pub struct Gradients<'a, A: Scalar> {
    /// dL/dx, of the shape of the input.
    pub input: &'a Array2<A>,
    /// dL/dw for each trainable parameter, in the order of [`Layer::visit`](crate::layer::Layer::visit).
    pub weights: &'a [Array2<A>],
}
