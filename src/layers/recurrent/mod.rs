//! [`Recurrent`]: the common part of [`Rnn`](super::Rnn), [`Lstm`](super::Lstm) and [`Gru`](super::Gru).

use std::convert::Infallible;
use std::fmt;

use rand::Rng;

use crate::error::{NO_FORWARD, check_setting_of};
use crate::layer::{Backward, Layer, Needs, Parts, Pass, Restore, Role, Steps, parameters, product};
use crate::spec::Spec;
use crate::spec::layout::{Piece, System};
use crate::spec::onnx::Operators;
use crate::spec::rust::Code;
use crate::{Error, Init, Matrix, Result, Scalar, Shape};

mod cell;
mod chain;
mod memory;
mod onnx;
mod rust;
mod state;
mod steps;
mod weights;

pub use cell::Cell;
pub(super) use cell::{blocks, blocks_mut};
use memory::Memory;
pub use state::{RecurrentGradients, RecurrentState};
use weights::Weights;

/// A recurrent layer, which updates a hidden state at each step of a sequence: [`Lstm`](super::Lstm),
/// [`Gru`](super::Gru), [`Rnn`](super::Rnn), or a custom [`Cell`].
///
/// The input is a sequence with `inputs` features per step. The output is the sequence of hidden states h, with `units`
/// features per step, or with [`last_state`](Self::last_state) only the last one. The initial state is 0.
///
/// - [`stacked`](Self::stacked) stacks several layers: each takes the output sequence of the one below.
/// - [`bidirectional`](Self::bidirectional) adds a second set of weights for the direction from the last step to the
///   first; its hidden states are appended, for 2·units features per step.
/// - [`masked`](Self::masked) treats trailing all-zero steps as padding.
/// - [`run`](Self::run) continues from a state, to process a long sequence in parts.
///
/// The names and order of parameters are those of `PyTorch`: `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`,
/// `bias_hh_l0`, then those of `_l0_reverse`, `_l1` and so on. Weights are stored as (inputs, gates·units), the
/// transpose of `PyTorch`'s.
///
/// ```
/// use neuropil::prelude::*;
///
/// let mut rng = rng(1);
/// let tagger = Lstm::<f32>::new(8, 16, &mut rng).stacked(2, &mut rng).bidirectional(&mut rng);
/// assert_eq!(format!("{tagger:?}"), "Lstm(8 -> 16, 2 layers, bidirectional)");
/// let network = Sequential::new([50, 8]).with(tagger)?;
/// assert_eq!(network.output(), Shape::Sequence { steps: 50, features: 2 * 16 });
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Recurrent<A: Scalar, C: Cell> {
    cell: C,
    inputs: usize,
    units: usize,
    layers: usize,
    bidirectional: bool,
    last_state: bool,
    masked: bool,
    /// One per layer and direction: the first layer's forward, its reverse if any, the second layer's ...
    chains: Vec<Weights<A>>,
}

impl<A: Scalar, C: Cell> Recurrent<A, C> {
    /// Creates a layer with this cell, with weights and biases uniform in ±1/√units.
    pub fn with_cell(cell: C, inputs: usize, units: usize, rng: &mut impl Rng) -> Self {
        let (layers, bidirectional, last_state, masked) = (1, false, false, false);
        Self { cell, inputs, units, layers, bidirectional, last_state, masked, chains: Vec::new() }.draw(rng)
    }

    /// Sets the number of stacked layers, 1 by default, and draws new parameters.
    pub fn stacked(self, layers: usize, rng: &mut impl Rng) -> Self {
        Self { layers, ..self }.draw(rng)
    }

    /// Makes the layer bidirectional, with a second set of weights for the direction from the last step to the first.
    /// Draws new parameters.
    pub fn bidirectional(self, rng: &mut impl Rng) -> Self {
        Self { bidirectional: true, ..self }.draw(rng)
    }

    /// Draws new parameters; none if the allocation fails.
    fn draw(mut self, rng: &mut impl Rng) -> Self {
        let bound = 1.0 / (self.units.max(1) as f64).sqrt();
        let init = Init::Uniform { low: -bound, high: bound };
        let with_bias = self.has_bias();
        let mut chains = Vec::new();
        if chains.try_reserve_exact(self.chain_count()).is_ok() {
            chains.extend((0..self.chain_count()).map(|i| {
                let Ok(weights) =
                    self.weights(i, with_bias, |_, rows, columns| Ok::<_, Infallible>(init.matrix(rows, columns, rng)));
                weights
            }));
        }
        self.chains = chains;
        self
    }

    /// Removes the biases.
    pub fn without_bias(mut self) -> Self {
        self.chains.iter_mut().for_each(|weights| weights.bias = None);
        self
    }

    /// Returns the final hidden state instead of the sequence. For the reverse direction, this is the state at the
    /// first step.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let network = Sequential::<f32>::new([20, 3]).with(Gru::new(3, 8, &mut rng(1)).last_state())?;
    /// assert_eq!(network.output(), Shape::Flat(8));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn last_state(mut self) -> Self {
        self.last_state = true;
        self
    }

    /// Treats trailing all-zero steps as padding: their outputs are 0, so that later layers recognize them, and the
    /// final state is that of the last unpadded step, where the reverse direction starts.
    ///
    /// This is for sequences whose lengths are not known. If they are, from an [`Embedding`](super::Embedding) with a
    /// padding index or a [`Lengths`](crate::joins::Lengths) join, it has no effect: a step of zeros before the length
    /// is then data, not padding.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let layer = Lstm::<f64>::new(1, 2, &mut rng(1)).masked().last_state();
    /// let (short, long) = (Sequential::new([2, 1]).with(layer.clone())?, Sequential::new([4, 1]).with(layer)?);
    /// assert_eq!(short.predict_one(&[0.5, -1.0])?, long.predict_one(&[0.5, -1.0, 0.0, 0.0])?);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn masked(mut self) -> Self {
        self.masked = true;
        self
    }

    /// The number of input features per step.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The number of features of the hidden state, per layer and direction.
    pub fn units(&self) -> usize {
        self.units
    }

    /// The number of stacked layers.
    pub fn layers(&self) -> usize {
        self.layers
    }

    /// The number of directions: 2 if bidirectional, else 1.
    pub fn directions(&self) -> usize {
        if self.bidirectional { 2 } else { 1 }
    }

    fn chain_count(&self) -> usize {
        self.layers.saturating_mul(self.directions())
    }

    fn has_bias(&self) -> bool {
        self.chains.iter().all(|weights| weights.bias.is_some())
    }

    /// Returns an error unless all sizes are positive and the parameters could be drawn.
    fn check(&self) -> Result<()> {
        for (name, got) in [("inputs", self.inputs), ("units", self.units), ("layers", self.layers)] {
            check_setting_of(self, name, got as f64, "at least 1", got > 0)?;
        }
        let drawn = |weights: &Weights<A>| !weights.ih.is_empty() && !weights.hh.is_empty();
        let drawn = self.chains.len() == self.chain_count() && self.chains.iter().all(drawn);
        if drawn {
            return Ok(());
        }
        // At least: the recurrent weights of one gate.
        let bytes = product(&[self.chain_count(), self.units, self.units, size_of::<A>()]);
        let what = format!("the weights of {} layers of {self:?}", self.layers);
        Err(Error::Memory { what, bytes, limit: None })
    }

    fn layer_inputs(&self, layer: usize) -> usize {
        if layer == 0 { self.inputs } else { self.units.saturating_mul(self.directions()) }
    }
}

impl<A: Scalar, C: Cell> Layer<A> for Recurrent<A, C> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        self.check()?;
        match input {
            Shape::Sequence { steps, features } if steps > 0 && features == self.inputs => {
                let features = self.directions().saturating_mul(self.units);
                Ok(if self.last_state { Shape::Flat(features) } else { Shape::Sequence { steps, features } })
            }
            _ => {
                let wants = format!("sequences [steps, {}]", self.inputs);
                Err(Error::Input { layer: format!("{self:?}"), wants, got: input })
            }
        }
    }

    /// A masked layer is not causal: whether a step of zeros is padding depends on later steps.
    fn steps(&self, _: Shape) -> Steps {
        if self.bidirectional || self.masked { Steps::All } else { Steps::Causal }
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let memory = pass.cache.get::<Memory<A>>();
        let steps = x.ncols() / self.inputs;
        if pass.stream {
            self.unroll_stream(x, steps, memory)?;
        } else {
            self.unroll(x, steps, None, pass.lengths, memory)?;
        }
        self.write_output(memory, y);
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let memory = pass.cache.get::<Memory<A>>();
        if !self.fits(memory) || memory.rows != at.dy.nrows() {
            return Err(NO_FORWARD);
        }
        self.unroll_backward(at.dy, None, at.dx, at.dw, memory)
    }

    fn multiply_adds(&self, input: Shape) -> u64 {
        let mut weights = 0;
        self.visit(&mut |info, w| weights += if info.role == Role::Weight { w.len() as u64 } else { 0 });
        weights.saturating_mul(input.positions() as u64) // At every step, even if only the last state is returned.
    }

    parameters!(A: chains);

    /// The gates and states of all steps with their gradients, and the inputs of each layer.
    fn needs(&self, input: Shape, _: Shape) -> Needs {
        let steps = input.positions().saturating_add(1);
        let blocks = 2 * C::BLOCKS + 4 + usize::from(self.cell.resets());
        let gates = product(&[self.chains.len(), steps, self.units, blocks]);
        let widest = self.inputs.max(self.directions().saturating_mul(self.units));
        Needs::per_sample(gates.saturating_add(product(&[self.layers() + 2, steps, widest])))
    }

    fn spec(&self) -> Option<Spec> {
        let spec = Spec::new(C::KIND)
            .set("inputs", self.inputs)
            .set("units", self.units)
            .set("layers", self.layers())
            .set("bidirectional", self.bidirectional)
            .set("bias", self.has_bias())
            .set("last_state", self.last_state)
            .set("masked", self.masked);
        Some(self.cell.describe(spec))
    }

    fn layout(&self, system: System, name: &str, dims: &[usize]) -> Vec<Piece> {
        self.pieces(system, name, dims)
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        self.write(operators)
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        self.write_rust(code)
    }
}

impl<A: Scalar, C: Cell> fmt::Debug for Recurrent<A, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({} -> {}{}", C::NAME, self.inputs, self.units, self.cell.note())?;
        if self.layers() > 1 {
            write!(f, ", {} layers", self.layers())?;
        }
        let notes = [
            (self.bidirectional, ", bidirectional"),
            (!self.has_bias(), ", no bias"),
            (self.last_state, ", last state"),
            (self.masked, ", masked"),
        ];
        notes.into_iter().filter(|&(on, _)| on).try_for_each(|(_, note)| f.write_str(note))?;
        f.write_str(")")
    }
}

impl<A: Scalar, C: Cell> Restore<A> for Recurrent<A, C> {
    const KIND: &'static str = C::KIND;

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let spec = parts.spec();
        let (inputs, units, layers) = (spec.count("inputs")?, spec.count("units")?, spec.count("layers")?);
        let (bidirectional, bias) = (spec.flag("bidirectional")?, spec.flag("bias")?);
        let (last_state, masked) = (spec.flag("last_state")?, spec.flag("masked")?);
        let cell = C::restore(spec)?;
        let mut layer = Self { cell, inputs, units, layers, bidirectional, last_state, masked, chains: Vec::new() };
        for i in 0..layer.chain_count() {
            let weights = layer.weights(i, bias, |name, rows, columns| parts.array(name, rows, columns))?;
            layer.chains.push(weights);
        }
        Ok(layer)
    }
}
