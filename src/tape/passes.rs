//! The forward and backward pass of a [`Tape`].

use ndarray::Array2;

use super::gradients::Gathered;
use super::{Gradients, Stage, Tape};
use crate::kernels::sequences::Sequences;
use crate::kernels::{make_row_major, resize};
use crate::layer::{Backward, Cache, Layer, Pass};
use crate::losses;
use crate::network::as_network;
use crate::{Error, Matrix, Network, Result, Scalar, Shape, rng};

impl<A: Scalar> Tape<A> {
    /// Creates a tape for `network`; `seed` seeds the layers that draw random numbers during training.
    pub fn new(network: &Network<A>, seed: u64) -> Self {
        Self::for_layer(network, network.input_shape(), seed)
    }

    /// Creates a tape for a single layer whose samples have the shape `input`.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let layer = Tanh;
    /// let mut tape = Tape::<f64>::for_layer(&layer, 2, 0);
    /// tape.forward(&layer, &ndarray::array![[0.0, 1.0]])?;
    /// let gradients = tape.backward_from(&layer, &ndarray::array![[1.0, 1.0]])?;
    /// assert_eq!(gradients.input[[0, 0]], 1.0);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn for_layer(layer: &dyn Layer<A>, input: impl Into<Shape>, seed: u64) -> Self {
        let shape = input.into();
        let mut tape = Self {
            shape,
            batch: shape,
            outputs: shape,
            lengths: Vec::new(),
            x: Array2::default((0, 0)),
            y: Array2::default((0, 0)),
            dy: Array2::default((0, 0)),
            dx: Array2::default((0, 0)),
            dw: Vec::new(),
            rates: Vec::new(),
            gathered: Gathered::default(),
            cache: Cache::default(),
            loss: losses::Scratch::default(),
            rng: rng(seed),
            stage: Stage::Start,
            afforded: 0,
            training: true,
            network: layer.identity(),
        };
        if tape.lay_out_gradients(layer).is_err() {
            tape.network.1 = 0; // The identity of no network: the forward pass tries again and reports the error.
        }
        tape
    }

    /// Switches to evaluation mode: dropout is the identity, batch norm uses its running statistics without updating
    /// them, and gradients are those of the network in this mode.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let network = Sequential::<f64>::new(2).with(Dropout::new(0.5))?;
    /// let mut tape = Tape::new(&network, 7).predicting();
    /// let x = ndarray::array![[1.0, 2.0]];
    /// assert_eq!(tape.forward(&network, &x)?, &x);
    /// assert_eq!(tape.backward_from(&network, &x)?.input, &x);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn predicting(self) -> Self {
        Self { training: false, ..self }
    }

    /// Runs the forward pass on a batch, in training mode unless the tape is [predicting](Self::predicting), and
    /// returns the outputs. As in a [prediction](Network::predict), a batch of sequences may have any number of steps.
    ///
    /// # Errors
    /// [`Error::Width`] when a row does not have the network's input shape; [`Error::Empty`] or [`Error::Graph`] for an
    /// incomplete network; errors of the layers; [`Error::NotDifferentiable`] when a step function follows a layer with
    /// parameters; [`Error::Memory`] when the step would exceed the [memory limit](Network::set_memory_limit).
    pub fn forward(&mut self, network: &dyn Layer<A>, x: &Matrix<A>) -> Result<&Array2<A>> {
        self.forward_rows(network, x.dim(), |input| {
            match (input.as_slice_mut(), x.as_slice()) {
                (Some(input), Some(x)) => input.copy_from_slice(x),
                _ => input.assign(x),
            }
            Ok(())
        })
    }

    /// Like [`forward`](Self::forward), for a batch of `rows` samples that `fill` writes directly into the tape's input
    /// buffer.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let network = Sequential::<f64>::mlp(&[2, 1], Tanh, &mut rng(7))?;
    /// let mut tape = Tape::new(&network, 7);
    /// let y = tape.forward_with(&network, 3, |x| {
    ///     x.fill(0.5);
    ///     Ok(())
    /// })?;
    /// assert_eq!(y.dim(), (3, 1));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`forward`](Self::forward) and of `fill`.
    pub fn forward_with(
        &mut self,
        network: &dyn Layer<A>,
        rows: usize,
        fill: impl FnOnce(&mut Matrix<A>) -> Result<()>,
    ) -> Result<&Array2<A>> {
        self.forward_rows(network, (rows, self.shape.len()), fill)
    }

    /// [`forward_with`](Self::forward_with) for rows of `width` numbers.
    pub(crate) fn forward_rows(
        &mut self,
        network: &dyn Layer<A>,
        (rows, width): (usize, usize),
        fill: impl FnOnce(&mut Matrix<A>) -> Result<()>,
    ) -> Result<&Array2<A>> {
        self.stage = Stage::Start;
        let batch = if width == self.shape.len() { self.shape } else { self.other_shape(network, width)? };
        let output = network.output_shape(batch)?;
        let identity = network.identity();
        // A network with the same identity has parameters of the same shapes; other layers may have changed them.
        let known = identity == self.network && identity.1 != 0;
        if !known || rows > self.afforded || batch != self.batch {
            self.check_memory(network, rows, [batch, output])?;
        }
        (self.batch, self.outputs) = (batch, output);
        if !known {
            self.lay_out_gradients(network)?;
            self.network = identity;
        }
        resize(&mut self.x, rows, width)?;
        fill(&mut self.x)?;
        resize(&mut self.y, rows, output.len())?;
        let mut pass = Pass::new(batch, [self.training, true], &mut self.cache, &mut self.rng);
        self.lengths.clear();
        pass.found = Some(&mut self.lengths);
        network.forward(&self.x, &mut self.y, &mut pass)?;
        self.stage = Stage::Forward;
        Ok(&self.y)
    }

    /// The shape of rows of a different width than declared.
    #[cold]
    pub(super) fn other_shape(&self, network: &dyn Layer<A>, width: usize) -> Result<Shape> {
        match as_network(network) {
            Some(network) if network.input_shape() == self.shape => network.shape_of_rows(width),
            _ => {
                network.output_shape(self.shape)?; // An error if the network has other inputs than the tape.
                Err(Error::Width { wants: self.shape, got: width })
            }
        }
    }

    /// The shape of an input sample.
    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    /// The sequences in the outputs, if their lengths are known.
    pub(crate) fn sequences(&self) -> Option<Sequences<'_>> {
        (!self.lengths.is_empty()).then(|| Sequences::each_step(&self.lengths, self.outputs.positions()))
    }

    /// The number of terms the last loss is a mean over; `None` for a sum.
    pub(crate) fn loss_count(&self) -> Option<f64> {
        self.loss.count()
    }

    /// The inputs of the last forward pass.
    pub fn input(&self) -> &Array2<A> {
        &self.x
    }

    /// The outputs of the last forward pass.
    pub fn output(&self) -> &Array2<A> {
        &self.y
    }

    /// Computes the gradients of the loss with respect to the input and each parameter.
    ///
    /// # Errors
    /// [`Error::Order`] before [`loss`](Self::loss), or if the forward pass was of another network.
    pub fn backward(&mut self, network: &dyn Layer<A>) -> Result<Gradients<'_, A>> {
        self.needs(Stage::Loss, "backward")?;
        self.needs_network(network, "backward")?;
        self.run_backward(network, true)?;
        Ok(Gradients { input: &self.dx, weights: &self.dw })
    }

    /// Computes only the gradients of the loss with respect to the parameters. Skipping the gradient with respect to
    /// the input saves up to a third of the work of an MLP's training step.
    ///
    /// # Errors
    /// [`Error::Order`] before [`loss`](Self::loss), or if the forward pass was of another network.
    pub fn backward_weights(&mut self, network: &dyn Layer<A>) -> Result<&[Array2<A>]> {
        self.needs(Stage::Loss, "backward_weights")?;
        self.needs_network(network, "backward_weights")?;
        self.run_backward(network, false)?;
        Ok(&self.dw)
    }

    /// Computes the gradients with respect to the input and each parameter, given the gradient `dy` with respect to the
    /// outputs.
    ///
    /// # Errors
    /// [`Error::Dimensions`] when `dy` does not have the shape of the outputs; [`Error::Order`] before
    /// [`forward`](Self::forward), or if the forward pass was of another network.
    pub fn backward_from(&mut self, network: &dyn Layer<A>, dy: &Matrix<A>) -> Result<Gradients<'_, A>> {
        self.needs(Stage::Forward, "backward_from")?;
        self.needs_network(network, "backward_from")?;
        if dy.dim() != self.y.dim() {
            let (wants, got) = (self.y.dim().into(), dy.dim().into());
            return Err(Error::Dimensions { what: "the gradient dL/dy".into(), wants, got });
        }
        resize(&mut self.dy, dy.nrows(), dy.ncols())?;
        self.dy.assign(dy);
        self.run_backward(network, true)?;
        Ok(Gradients { input: &self.dx, weights: &self.dw })
    }

    pub(super) fn run_backward(&mut self, network: &dyn Layer<A>, with_input: bool) -> Result<()> {
        // The gradients are invalid until the pass has succeeded.
        self.stage = self.stage.min(Stage::Loss);
        let dx = if with_input {
            resize(&mut self.dx, self.x.nrows(), self.x.ncols())?;
            Some(&mut *self.dx)
        } else {
            None
        };
        let at = Backward { x: &self.x, y: &self.y, dy: &self.dy, dx, dw: &mut self.dw };
        let mut pass = Pass::new(self.batch, [self.training, true], &mut self.cache, &mut self.rng);
        network.backward(at, &mut pass)?;
        // A layer may have replaced the matrix with one of another memory layout.
        self.dw.iter_mut().for_each(make_row_major);
        self.stage = Stage::Backward;
        Ok(())
    }

    /// The value of each step of `network` and the gradient with respect to it, after a backward pass.
    pub(crate) fn recorded(&mut self, network: &Network<A>) -> Result<Vec<[&Array2<A>; 2]>> {
        self.needs(Stage::Backward, "recorded")?;
        self.needs_network(network, "recorded")?;
        network.recorded(&mut self.cache, [&self.y, &self.dy])
    }

    /// Reseeds the random numbers of the layers.
    pub fn reseed(&mut self, seed: u64) {
        self.rng = rng(seed);
    }

    /// Returns an error unless the step has reached `stage`.
    pub(super) fn needs(&self, stage: Stage, call: &'static str) -> Result<()> {
        if self.stage >= stage {
            return Ok(());
        }
        let needs = match stage {
            Stage::Start => unreachable!("nothing needs a start"),
            Stage::Forward => "`forward`",
            Stage::Loss => "`forward` and `loss`",
            Stage::Backward => "`forward`, `loss` and `backward`",
        };
        Err(Error::Order { call, needs })
    }

    /// Returns an error unless this network ran the forward pass, so that the caches are its own.
    pub(super) fn needs_network(&self, network: &dyn Layer<A>, call: &'static str) -> Result<()> {
        let same = network.identity() == self.network
            && network.output_shape(self.batch).is_ok_and(|output| output.len() == self.y.ncols());
        if same { Ok(()) } else { Err(Error::Order { call, needs: "`forward` with the same network" }) }
    }
}
