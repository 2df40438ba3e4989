//! [`RecurrentState`]: the state carried between parts of a sequence, and its gradients.

use std::fmt;

use ndarray::Array2;

use super::memory::Memory;
use super::{Cell, Recurrent};
use crate::layer::Layer;
use crate::{Error, Matrix, Result, Scalar, Shape};

/// The state that [`Recurrent::run`] carries from one part of a sequence to the next, with what
/// [`Recurrent::run_backward`] needs of the last part.
///
/// The default is the zero state, for any number of samples.
#[derive(Clone)]
pub struct RecurrentState<A: Scalar> {
    /// `[h, c]`; (0, 0) initially.
    states: [Array2<A>; 2],
    memory: Memory<A>,
}

/// The gradients from [`Recurrent::run_backward`].
#[derive(Debug, Clone, PartialEq)]
pub struct RecurrentGradients<A: Scalar> {
    /// dL/dx, with the shape of the input.
    pub input: Array2<A>,
    /// dL/d(h before the first step).
    pub h: Array2<A>,
    /// dL/d(c before the first step), for an LSTM.
    pub c: Option<Array2<A>>,
    /// dL/dw of each parameter, in the order of [`Layer::visit`].
    pub weights: Vec<Array2<A>>,
}

impl<A: Scalar> RecurrentState<A> {
    /// Creates a state from h, and c for an LSTM, each (samples, layers·directions·units), in the order of layers, the
    /// forward direction first.
    pub fn new(h: Array2<A>, c: Option<Array2<A>>) -> Self {
        let c = c.unwrap_or_else(|| Array2::default((h.nrows(), 0)));
        Self { states: [h, c], memory: Memory::default() }
    }

    /// h after the last step, (samples, layers·directions·units); (0, 0) initially.
    pub fn h(&self) -> &Array2<A> {
        &self.states[0]
    }

    /// c after the last step, for an LSTM.
    pub fn c(&self) -> Option<&Array2<A>> {
        Some(&self.states[1]).filter(|c| !c.is_empty())
    }
}

impl<A: Scalar> Default for RecurrentState<A> {
    fn default() -> Self {
        Self::new(Array2::default((0, 0)), None)
    }
}

impl<A: Scalar> fmt::Debug for RecurrentState<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecurrentState").field("h", self.h()).field("c", &self.c()).finish_non_exhaustive()
    }
}

impl<A: Scalar, C: Cell> Recurrent<A, C> {
    /// Computes the outputs for x, (samples, steps·inputs) with any number of steps, starting from `state`, and updates
    /// the state.
    ///
    /// Up to rounding, running a sequence in parts gives the same outputs as running it at once, unless the layer is
    /// bidirectional: the reverse direction starts at the end of each part, from its final state of the previous part.
    ///
    /// ```
    /// use neuropil::layers::RecurrentState;
    /// use neuropil::prelude::*;
    /// use ndarray::{array, concatenate, Axis};
    ///
    /// let layer = Gru::<f64>::new(1, 3, &mut rng(1));
    /// let whole = layer.run(&array![[0.5, 1.0, -1.0]], &mut RecurrentState::default())?;
    /// let mut state = RecurrentState::default();
    /// let first = layer.run(&array![[0.5]], &mut state)?;
    /// let rest = layer.run(&array![[1.0, -1.0]], &mut state)?;
    /// let pieces = concatenate![Axis(1), first, rest];
    /// assert!(pieces.iter().zip(&whole).all(|(y, whole)| (y - whole).abs() < 1e-12));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Dimensions`] for rows that do not hold whole steps, and for a state of another layer or a different
    /// number of samples; [`Error::Setting`] for a layer without inputs or units. The state is not changed.
    pub fn run(&self, x: &Matrix<A>, state: &mut RecurrentState<A>) -> Result<Array2<A>> {
        self.check()?;
        let (rows, width) = x.dim();
        let steps = width.div_ceil(self.inputs).max(1);
        if width != steps * self.inputs {
            let what = format!("the input of {self:?}, whole steps,");
            return Err(Error::Dimensions { what, wants: [rows, steps * self.inputs], got: [rows, width] });
        }
        let output = Layer::<A>::output_shape(self, Shape::Sequence { steps, features: self.inputs })?;
        let RecurrentState { states, memory } = state;
        if states[0].dim() == (0, 0) {
            *states = self.state_widths().map(|width| Array2::from_elem((rows, width), A::ZERO));
        }
        self.check_states(states.each_ref().map(|state| &**state), rows)?;
        let [h, c] = states;
        let x = x.as_standard_layout();
        self.unroll(&x, steps, Some([&*h, &*c]), None, memory)?;
        let mut y = Array2::from_elem((rows, output.len()), A::ZERO);
        self.write_output(memory, &mut y);
        self.last_states(memory, [h, c]);
        Ok(y)
    }

    /// The gradients of the last [`run`](Self::run), from the gradients with respect to its outputs and final states (0
    /// where `None`).
    ///
    /// For truncated backpropagation through time, omit the gradients of the states. To backpropagate through states
    /// that were passed on, as from an encoder to a decoder, provide them.
    ///
    /// ```
    /// use neuropil::layers::RecurrentState;
    /// use neuropil::prelude::*;
    ///
    /// let (encoder, decoder) = (Lstm::<f64>::new(2, 4, &mut rng(1)), Lstm::<f64>::new(3, 4, &mut rng(2)));
    /// let (x, start) = (ndarray::array![[0.1, 0.2, 0.3, 0.4]], ndarray::array![[1.0, 0.0, 0.0]]);
    /// let mut encoded = RecurrentState::default();
    /// encoder.run(&x, &mut encoded)?;
    /// let mut decoded = RecurrentState::new(encoded.h().clone(), encoded.c().cloned());
    /// let y = decoder.run(&start, &mut decoded)?;
    /// let of_decoder = decoder.run_backward(&y, None, None, &mut decoded)?; // dL/dy = y for L = |y|²/2
    /// let zero = ndarray::Array2::zeros((1, 2 * 4));
    /// let dc = of_decoder.c.as_ref().map(|c| &**c);
    /// let of_encoder = encoder.run_backward(&zero, Some(&of_decoder.h), dc, &mut encoded)?;
    /// assert!(of_encoder.input.iter().all(|&dx| dx != 0.0));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Order`] if the last run was of another layer, or there was none; [`Error::Dimensions`] for gradients of
    /// the wrong size.
    pub fn run_backward(
        &self,
        dy: &Matrix<A>,
        dh: Option<&Matrix<A>>,
        dc: Option<&Matrix<A>>,
        state: &mut RecurrentState<A>,
    ) -> Result<RecurrentGradients<A>> {
        let memory = &mut state.memory;
        if !self.fits(memory) {
            return Err(Error::Order { call: "run_backward", needs: "`run` of the same layer" });
        }
        let (rows, steps) = (memory.rows, memory.steps);
        let output = Layer::<A>::output_shape(self, Shape::Sequence { steps, features: self.inputs })?;
        if dy.dim() != (rows, output.len()) {
            let (wants, got) = ([rows, output.len()], [dy.nrows(), dy.ncols()]);
            return Err(Error::Dimensions { what: format!("the gradient of the output of {self:?}"), wants, got });
        }
        let [h_width, c_width] = self.state_widths();
        let zero = |width| Array2::from_elem((rows, width), A::ZERO);
        let (mut first_h, mut first_c) = (zero(h_width), zero(c_width));
        let (dh, dc) = (dh.unwrap_or(&first_h), dc.unwrap_or(&first_c));
        self.check_states([dh, dc], rows)?;

        let mut input = zero(steps * self.inputs);
        let mut weights = Vec::new();
        self.visit(&mut |_, w| weights.push(Array2::from_elem(w.dim(), A::ZERO)));
        let dy = dy.as_standard_layout();
        self.unroll_backward(&dy, Some([dh, dc]), Some(&mut input), &mut weights, memory)?;
        self.first_gradients(memory, [&mut first_h, &mut first_c]);
        let c = C::HAS_C.then_some(first_c);
        Ok(RecurrentGradients { input, h: first_h, c, weights })
    }

    /// The widths of the states.
    pub(super) fn state_widths(&self) -> [usize; 2] {
        let h = self.layers() * self.directions() * self.units;
        [h, if C::HAS_C { h } else { 0 }]
    }

    fn check_states(&self, states: [&Matrix<A>; 2], rows: usize) -> Result<()> {
        for ((state, width), name) in states.into_iter().zip(self.state_widths()).zip(["h", "c"]) {
            if state.dim() != (rows, width) {
                let (wants, got) = ([rows, width], [state.nrows(), state.ncols()]);
                return Err(Error::Dimensions { what: format!("the state {name} of {self:?}"), wants, got });
            }
        }
        Ok(())
    }
}
