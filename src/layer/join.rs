//! [`Join`]: a differentiable function of several values.

use std::any::Any;
use std::fmt::Debug;

use ndarray::Array2;
use rand::rngs::Xoshiro256PlusPlus;

use super::{Cache, Info, Needs, Role, Steps};
use crate::spec::layout::{Piece, System};
use crate::spec::onnx::Operators;
use crate::spec::rust::Code;
use crate::spec::{Formula, Spec};
use crate::{Error, Matrix, Result, Scalar, Shape};

/// A differentiable function of several values: several matrices in, one matrix out.
///
/// Joins combine values in a [`Network`](crate::Network), such as a sum, a concatenation, or the attention of query,
/// key and value. Like a [`Layer`](super::Layer), a join is not changed by a pass.
///
/// ```
/// use neuropil::layer::{Inputs, Join, JoinBackward, JoinPass};
/// use neuropil::prelude::*;
///
/// /// y = a + 2b.
/// #[derive(Debug, Clone)]
/// struct AddTwice;
///
/// impl<A: Scalar> Join<A> for AddTwice {
///     fn output_shape(&self, inputs: &[Shape]) -> Result<Shape> {
///         Ok(inputs[0])
///     }
///
///     fn forward(&self, inputs: Inputs<'_, A>, y: &mut Matrix<A>, _: &mut JoinPass<'_>) -> Result<()> {
///         y.assign(inputs.get(0));
///         y.scaled_add(A::of(2.0), inputs.get(1));
///         Ok(())
///     }
///
///     fn backward(&self, at: JoinBackward<'_, A>, _: &mut JoinPass<'_>) -> Result<()> {
///         at.dx[0].assign(at.dy);
///         at.dx[1].assign(&(at.dy * A::of(2.0)));
///         Ok(())
///     }
/// }
///
/// let mut g = Network::<f64>::new();
/// let (a, b) = (g.input("a", 2), g.input("b", 2));
/// let sum = g.join(AddTwice, [a, b])?;
/// g.output("sum", sum)?;
/// assert_eq!(g.predict(&ndarray::array![[1.0, 2.0, 10.0, 20.0]])?, ndarray::array![[21.0, 42.0]]);
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a join of `{A}` numbers",
    note = "if it is a `Result`, put `?` after the call that returns it",
    note = "a network, its data and its layers have one number type, `f32` or `f64`",
    note = "a join of your own implements `neuropil::layer::Join`; a layer takes one value: `Network::add`"
)]
pub trait Join<A: Scalar>: Any + Debug + Send + Sync + CloneJoin<A> {
    /// Returns the output shape for inputs of these shapes; there is at least one input.
    ///
    /// # Errors
    /// [`Error::Input`] if it does not accept these shapes.
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape>;

    /// Computes the output for each row of the inputs, overwriting the arbitrary contents of `y`.
    ///
    /// # Errors
    /// For invalid values.
    fn forward(&self, inputs: Inputs<'_, A>, y: &mut Matrix<A>, pass: &mut JoinPass<'_>) -> Result<()>;

    /// Computes the gradient with respect to each input and each parameter from dL/dy, overwriting the arbitrary
    /// contents of the gradient matrices.
    ///
    /// # Errors
    /// For an invalid state, such as a cache that no forward pass has filled.
    fn backward(&self, at: JoinBackward<'_, A>, pass: &mut JoinPass<'_>) -> Result<()>;

    /// Visits each parameter, in a fixed order: see [`parameters!`](crate::parameters).
    fn visit(&self, _f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {}

    /// Like [`visit`](Self::visit), with mutable access.
    fn visit_mut(&mut self, _f: &mut dyn FnMut(Info<'_>, &mut Array2<A>)) {}

    /// How the join treats the steps of sequences: see [`Layer::steps`](super::Layer::steps). With [`Steps::Each`], the
    /// lengths of all inputs must come from one step, and the output has them, too. With [`Steps::All`], the output has
    /// the lengths of the first input.
    fn steps(&self) -> Steps {
        Steps::Unknown
    }

    /// Whether the join finds the lengths of its output sequences. If so, it appends the length of each row to
    /// [`JoinPass::found`].
    fn finds_lengths(&self) -> bool {
        false
    }

    /// Multiply-accumulates per sample in a forward pass; elementwise work is not counted.
    fn multiply_adds(&self, inputs: &[Shape]) -> u64 {
        let positions = self.output_shape(inputs).map_or(0, Shape::positions) as u64;
        let mut weights = 0;
        self.visit(&mut |info, w| weights += if info.role == Role::Weight { w.len() as u64 } else { 0 });
        weights.saturating_mul(positions)
    }

    /// The memory that a training step needs besides the inputs, the output and the parameters, as for
    /// [`Layer::needs`](super::Layer::needs).
    fn needs(&self, inputs: &[Shape], output: Shape) -> Needs {
        let lens = inputs.iter().map(|input| input.len() as u64);
        Needs::per_sample(lens.fold(output.len() as u64, u64::saturating_add))
    }

    /// The kind and settings of this join; `None` if it cannot be saved.
    fn spec(&self) -> Option<Spec> {
        None
    }

    /// How `PyTorch` or Keras stores the parameter `name`.
    fn layout(&self, _system: System, name: &str, dims: &[usize]) -> Vec<Piece> {
        vec![Piece::whole(name, dims)]
    }

    /// Exports the join, for prediction, as ONNX operators.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if this is not possible.
    fn onnx(&self, _operators: &mut Operators) -> Result<()> {
        Err(Error::not_onnx(&self))
    }

    /// Exports the join, for prediction, as calls to Rust functions.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if this is not possible.
    fn rust(&self, _code: &mut Code) -> Result<()> {
        Err(Error::not_rust(&self))
    }

    /// The formula of the join with this number of inputs, if any.
    fn formula(&self, _inputs: usize) -> Option<Formula> {
        None
    }
}

/// The inputs of a [`Join`], in order.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a, A: Scalar> {
    x: &'a Matrix<A>,
    values: &'a [Array2<A>],
    taken: &'a [Taken],
    recording: bool,
}

/// An input or output of a step of a network.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    pub(crate) value: usize,
    /// Where it is stored if a backward pass follows.
    pub(crate) recording: Place,
    /// Where it is stored otherwise.
    pub(crate) predicting: Place,
    /// Whether the step is the first in the backward pass to write its gradient; others accumulate.
    pub(crate) writes_first: bool,
    /// Whether its gradient is needed: without, and with, the gradient with respect to the network's input.
    pub(crate) wanted: [bool; 2],
}

impl Taken {
    #[inline]
    pub(crate) fn place(&self, recording: bool) -> Place {
        if recording { self.recording } else { self.predicting }
    }
}

/// Where a value is stored during a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the network's own input or output.
    Whole,
    /// In a buffer.
    Buffer(usize),
}

impl<'a, A: Scalar> Inputs<'a, A> {
    pub(crate) fn new(x: &'a Matrix<A>, values: &'a [Array2<A>], taken: &'a [Taken], recording: bool) -> Self {
        Self { x, values, taken, recording }
    }

    /// The number of inputs.
    #[allow(clippy::len_without_is_empty)] // There is at least one.
    pub fn len(&self) -> usize {
        self.taken.len()
    }

    /// Input `index`, (samples, length of its shape).
    ///
    /// # Panics
    /// If the index is out of range.
    pub fn get(&self, index: usize) -> &'a Matrix<A> {
        match self.taken[index].place(self.recording) {
            Place::Whole => self.x,
            Place::Buffer(at) => &self.values[at],
        }
    }

    /// All inputs, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a Matrix<A>> + use<'a, A> {
        let inputs = *self;
        (0..self.len()).map(move |index| inputs.get(index))
    }
}

/// The context of a join in a pass; see [`Pass`](super::Pass).
#[derive(Debug)]
#[non_exhaustive]
pub struct JoinPass<'a> {
    /// Whether the network is training or predicting.
    pub training: bool,
    /// Whether a backward pass follows.
    pub recording: bool,
    /// The shape of one sample of each input.
    pub inputs: &'a [Shape],
    /// This join's storage, kept between passes.
    pub cache: &'a mut Cache,
    /// The random number generator, for training.
    pub rng: &'a mut Xoshiro256PlusPlus,
    /// The lengths of the sequences in each input, if known.
    pub lengths: InputLengths<'a>,
    /// Where a join that [finds lengths](Join::finds_lengths) appends the length of each row.
    pub found: Option<&'a mut Vec<usize>>,
}

/// The lengths of the sequences in the inputs of a [`Join`].
#[derive(Debug, Clone, Copy, Default)]
pub struct InputLengths<'a> {
    /// The lengths that each step of the network has found.
    found: &'a [Vec<usize>],
    /// The lengths of the network's own input.
    outer: Option<&'a [usize]>,
    /// The origin of the lengths of each input.
    sources: &'a [Option<LengthSource>],
}

/// The origin of the lengths of a value in a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LengthSource {
    /// The network's own input, if the caller gives its lengths.
    Outer,
    /// The step with this index.
    Step(usize),
}

impl<'a> InputLengths<'a> {
    pub(crate) fn new(
        found: &'a [Vec<usize>],
        outer: Option<&'a [usize]>,
        sources: &'a [Option<LengthSource>],
    ) -> Self {
        Self { found, outer, sources }
    }

    /// The length of the sequence in each row of input `index`, if known.
    pub fn get(self, index: usize) -> Option<&'a [usize]> {
        match self.sources.get(index)?.as_ref()? {
            LengthSource::Outer => self.outer,
            LengthSource::Step(at) => self.found.get(*at).map(|lengths| &**lengths),
        }
    }
}

/// The arguments of [`Join::backward`].
#[derive(Debug)]
pub struct JoinBackward<'a, A: Scalar> {
    /// The inputs of the forward pass.
    pub inputs: Inputs<'a, A>,
    /// The output of the forward pass.
    pub y: &'a Matrix<A>,
    /// dL/dy.
    pub dy: &'a Matrix<A>,
    /// Where the gradient with respect to each input is written.
    pub dx: &'a mut [Array2<A>],
    /// Where dL/dw is written: one matrix per trainable parameter, in the order of [`Join::visit`].
    pub dw: &'a mut [Array2<A>],
}

/// Clones boxed joins; implemented for every `Join` that is `Clone`.
pub trait CloneJoin<A: Scalar> {
    /// A boxed copy of this join.
    fn clone_join(&self) -> Box<dyn Join<A>>;
}

impl<A: Scalar, J: Join<A> + Clone + 'static> CloneJoin<A> for J {
    fn clone_join(&self) -> Box<dyn Join<A>> {
        Box::new(self.clone())
    }
}

impl<A: Scalar> Clone for Box<dyn Join<A>> {
    fn clone(&self) -> Self {
        (**self).clone_join()
    }
}
