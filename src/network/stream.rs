//! [`Stream`]: a sequence that arrives step by step.

use ndarray::{Array2, Axis, aview1};
use rand::rngs::Xoshiro256PlusPlus;

use super::Network;
use super::plan::same_but_steps;
use crate::kernels::{flat, resize};
use crate::layer::{Cache, Layer, Pass};
use crate::{Error, Result, Scalar, Shape, rng};

impl<A: Scalar> Network<A> {
    /// Starts a stream: a prediction for a sequence that arrives in parts, each of one or more steps.
    ///
    /// Every layer must be causal: recurrent layers of one direction, causal convolution and attention, positions, and
    /// layers that act on each step alone. Each keeps what it needs of the past, so a step costs the same however long
    /// the sequence is, except in attention, where it grows linearly. The outputs are those for the whole sequence.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let rng = &mut rng(1);
    /// let network = Sequential::<f64>::new([3, 2]).with(Lstm::new(2, 4, rng))?.with(Dense::new(4, 1, rng))?;
    /// let whole = network.predict_one(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6])?;
    ///
    /// let mut stream = network.stream()?;
    /// assert!((stream.push(&[0.1, 0.2])?[0] - whole[0]).abs() < 1e-12);
    /// let y = stream.push(&[0.3, 0.4, 0.5, 0.6])?; // two steps at once
    /// assert!((y[1] - whole[2]).abs() < 1e-12);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a layer that is not causal, by its name; [`Error::Input`] unless the network has one
    /// input, a sequence or indices for an embedding.
    pub fn stream(&self) -> Result<Stream<'_, A>> {
        let declared = self.input_shape();
        let step = match declared {
            Shape::Sequence { features, .. } => Shape::Sequence { steps: 1, features },
            _ => Shape::Flat(1),
        };
        self.plan()?;
        if !same_but_steps(self, declared, step) {
            let wants = "one input, a sequence or the indices of an embedding, to stream".to_owned();
            return Err(Error::Input { layer: format!("{self:?}"), wants, got: declared });
        }
        if let Some(node) = self.not_causal(step)? {
            let what = "cannot be streamed: its outputs depend on later steps, or it does not say that they do not \
                        (`Layer::steps`)";
            return Err(Error::Unsupported { layer: node.op.text(), what: what.to_owned() }.at(&node.name));
        }
        let [x, y] = [(); 2].map(|()| Array2::default((0, 0)));
        Ok(Stream { network: self, step, steps: 0, x, y, cache: Cache::default(), rng: rng(0) })
    }
}

/// A sequence that arrives step by step: see [`Network::stream`].
///
/// It borrows the network, of which any number of streams can run at the same time.
///
/// ```
/// use neuropil::prelude::*;
///
/// let network = Sequential::<f64>::new([9, 1]).with(Gru::new(1, 2, &mut rng(1)))?;
/// let mut stream = network.stream()?;
/// let first = stream.push(&[0.5])?.to_vec();
/// assert_ne!(stream.push(&[0.5])?, first); // the second step, after the first
/// assert_eq!(stream.steps(), 2);
/// stream.restart();
/// assert_eq!(stream.push(&[0.5])?, first);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct Stream<'n, A: Scalar> {
    network: &'n Network<A>,
    /// The shape of one step.
    step: Shape,
    steps: usize,
    x: Array2<A>,
    y: Array2<A>,
    cache: Cache,
    rng: Xoshiro256PlusPlus,
}

impl<A: Scalar> Stream<'_, A> {
    /// Computes the outputs for the next steps of the sequence, with the features of each step together.
    ///
    /// Single steps allocate nothing, except where the memory of attention has to grow: it doubles.
    ///
    /// # Errors
    /// [`Error::Width`] unless `x` holds whole steps, at least one; errors of the layers, such as for a step beyond the
    /// last learned position. After an error, the stream starts again.
    pub fn push(&mut self, x: &[A]) -> Result<&[A]> {
        let result = self.run(x);
        if result.is_err() {
            self.restart();
        }
        result.map(|()| flat(&self.y))
    }

    fn run(&mut self, x: &[A]) -> Result<()> {
        let features = self.step.len();
        if x.is_empty() || !x.len().is_multiple_of(features) {
            return Err(Error::Width { wants: self.step, got: x.len() });
        }
        let steps = x.len() / features;
        let shape = match self.step {
            Shape::Sequence { features, .. } => Shape::Sequence { steps, features },
            _ => Shape::Flat(steps),
        };
        let output = self.network.output_shape(shape)?;
        let what = || format!("{steps} steps of a stream");
        self.network.needs(shape, output).afford::<A>(1, self.network.memory_limit(), what)?;
        resize(&mut self.x, 1, x.len())?;
        self.x.assign(&aview1(x).insert_axis(Axis(0)));
        resize(&mut self.y, 1, output.len())?;
        let mut pass = Pass::new(shape, [false, false], &mut self.cache, &mut self.rng);
        pass.stream = true;
        self.network.forward(&self.x, &mut self.y, &mut pass)?;
        self.steps += steps;
        Ok(())
    }

    /// The number of steps so far.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Forgets the past: the next step is the first of a sequence.
    pub fn restart(&mut self) {
        (self.cache, self.steps) = (Cache::default(), 0);
    }
}
