//! The traits and types for writing a layer or join of your own. Those of the crate are in [`layers`](crate::layers),
//! [`joins`](crate::joins) and [`activations`](crate::activations).
//!
//! | for | see |
//! |---|---|
//! | a function of one value | [`Layer`]; simpler for elementwise ones: [`Activation`](crate::activations::Activation) |
//! | a function of several values | [`Join`] |
//! | its parameters | [`Parameter`], listed by [`parameters!`] |
//! | loading it from a file | [`Restore`], registered in a [`Registry`] |
//!
//! The other types are plumbing, the arguments and results of these traits' methods: [`Pass`] with the [`Cache`],
//! [`Backward`], [`JoinPass`], [`JoinBackward`], [`Inputs`], [`InputLengths`], [`Steps`], [`Info`] with the [`Role`],
//! [`Needs`], [`Parts`], [`Arrays`] and [`Parameters`].

use std::any::{Any, TypeId};
use std::fmt::Debug;

use ndarray::Array2;

use crate::kernels::resize;
use crate::spec::layout::{Piece, System};
use crate::spec::onnx::Operators;
use crate::spec::rust::Code;
use crate::spec::{Formula, Spec};
use crate::{Error, Matrix, Result, Scalar, Shape};

pub(crate) mod boxed;
mod cache;
mod join;
mod needs;
mod parameter;
mod pass;
mod restore;
mod steps;

#[doc(inline)]
pub use crate::parameters;
pub use cache::Cache;
pub use join::{InputLengths, Inputs, Join, JoinBackward, JoinPass};
pub(crate) use join::{LengthSource, Place, Taken};
pub use needs::Needs;
pub(crate) use needs::{MEMORY_LIMIT, not_empty, product};
pub use parameter::{Info, Parameter, Parameters, Role};
pub use pass::{Backward, Pass};
pub use restore::{Arrays, Parts, Registry, Restore};
pub use steps::Steps;

/// A differentiable function: one matrix in, one matrix out.
///
/// A layer holds its parameters and settings, and is not changed by a pass. What the forward pass keeps for the
/// backward pass goes into [`Pass::cache`], which belongs to the [`Tape`](crate::Tape), so one `&layer` can serve many
/// threads.
///
/// Every matrix has one sample per row. A network guarantees row-major matrices of the right sizes.
///
/// ```
/// use neuropil::layer::{Backward, Layer, Parameter, Parts, Pass, Restore, parameters};
/// use neuropil::prelude::*;
/// use neuropil::spec::Spec;
///
/// /// y = s·x with a learnable scalar s.
/// #[derive(Debug, Clone)]
/// struct Scale<A: Scalar> {
///     factor: Parameter<A>,
/// }
///
/// impl<A: Scalar> Layer<A> for Scale<A> {
///     fn output_shape(&self, input: Shape) -> Result<Shape> {
///         Ok(input)
///     }
///
///     fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, _: &mut Pass<'_>) -> Result<()> {
///         let s = self.factor[[0, 0]];
///         y.zip_mut_with(x, |y, &x| *y = s * x);
///         Ok(())
///     }
///
///     fn backward(&self, at: Backward<'_, A>, _: &mut Pass<'_>) -> Result<()> {
///         let s = self.factor[[0, 0]];
///         at.dw[0][[0, 0]] = (at.dy * at.x).sum(); // ds = Σ dy·x
///         if let Some(dx) = at.dx {
///             dx.zip_mut_with(at.dy, |dx, &dy| *dx = s * dy);
///         }
///         Ok(())
///     }
///
///     parameters!(A: factor);
///
///     fn spec(&self) -> Option<Spec> {
///         Some(Spec::new("scale"))
///     }
/// }
///
/// impl<A: Scalar> Restore<A> for Scale<A> {
///     const KIND: &'static str = "scale";
///     fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
///         Ok(Self { factor: parts.weight("factor", &[1], 1, 1)? })
///     }
/// }
///
/// let layer = Scale { factor: Parameter::weight("factor", &[1], ndarray::array![[3.0]]) };
/// let x = ndarray::array![[0.5, 1.0], [2.0, -1.0]];
/// let report = neuropil::gradcheck::layer(&layer, 2, &x, 1)?;
/// assert!(report.passes(1e-7), "{report}");
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a layer of `{A}` numbers",
    note = "if it is a `Result`, put `?` after the call that returns it",
    note = "a network, its data and its layers have one number type, `f32` or `f64`",
    note = "a layer of your own implements `neuropil::layer::Layer`, an elementwise function `Activation`"
)]
pub trait Layer<A: Scalar>: Any + Debug + Send + Sync + CloneLayer<A> {
    /// Returns the output shape for samples of shape `input`.
    ///
    /// # Errors
    /// [`Error::Input`] if the layer does not accept this shape; [`Error::Setting`] for a setting outside its range.
    fn output_shape(&self, input: Shape) -> Result<Shape>;

    /// Computes `y` from `x`, and stores what [`backward`](Self::backward) will need in the cache.
    ///
    /// `x` is (samples, `pass.input.len()`), `y` is (samples, `output_shape.len()`) with arbitrary contents to
    /// overwrite.
    ///
    /// # Errors
    /// For invalid values, such as an index out of range.
    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()>;

    /// Computes dL/dx and the gradient with respect to each parameter from dL/dy, overwriting the arbitrary contents of
    /// the gradient matrices.
    ///
    /// # Errors
    /// For an invalid state, such as a cache that no forward pass has filled.
    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()>;

    /// Visits each parameter and each running statistic, in a fixed order: see [`parameters!`].
    fn visit(&self, _f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {}

    /// Like [`visit`](Self::visit), with mutable access. Sizes must not change: a network restores the size of a
    /// resized matrix and fills it with NaN.
    fn visit_mut(&mut self, _f: &mut dyn FnMut(Info<'_>, &mut Array2<A>)) {}

    /// Updates the running statistics from the cache, after an optimizer step. Networks call it for layers that have a
    /// parameter of [`Role::Statistic`].
    fn update_statistics(&mut self, _cache: &mut Cache) {}

    /// Multiplies `rates`, one learning rate per trainable parameter in the order of [`visit`](Self::visit), by the
    /// factors of this layer; 0 freezes a parameter. Only networks have such factors.
    fn scale_rates(&self, _rates: &mut [f64]) {}

    /// How the layer treats the steps of sequences, and so whether it accepts sequences with lengths: see [`Steps`].
    /// The default rejects them.
    fn steps(&self, _input: Shape) -> Steps {
        Steps::Unknown
    }

    /// Whether the layer finds the lengths of its output sequences. If so, it appends the length of each row to
    /// [`Pass::found`].
    fn finds_lengths(&self) -> bool {
        false
    }

    /// Multiply-accumulates per sample in a forward pass; elementwise work is not counted.
    ///
    /// The default counts each weight once per position (step or pixel) of the output.
    fn multiply_adds(&self, input: Shape) -> u64 {
        let positions = self.output_shape(input).map_or(0, Shape::positions) as u64;
        let mut weights = 0;
        self.visit(&mut |info, w| weights += if info.role == Role::Weight { w.len() as u64 } else { 0 });
        weights.saturating_mul(positions)
    }

    /// The memory that a training step needs besides input, output and parameters, for samples of shape `input` and
    /// outputs of shape `output`: see [`Needs`].
    ///
    /// The default, the size of input and output together, suffices for masks, indices and statistics.
    fn needs(&self, input: Shape, output: Shape) -> Needs {
        Needs::per_sample((input.len() as u64).saturating_add(output.len() as u64))
    }

    /// Whether gradients can pass to earlier layers.
    fn differentiable(&self) -> bool {
        true
    }

    /// The kind and settings of this layer, from which [`Restore`] restores it; `None` if it cannot be saved.
    fn spec(&self) -> Option<Spec> {
        None
    }

    /// How `PyTorch` or Keras stores the parameter `name`: its names and the order of its axes.
    fn layout(&self, _system: System, name: &str, dims: &[usize]) -> Vec<Piece> {
        vec![Piece::whole(name, dims)]
    }

    /// Exports the layer, for prediction, as ONNX operators.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if this is not possible.
    fn onnx(&self, _operators: &mut Operators) -> Result<()> {
        Err(Error::not_onnx(&self))
    }

    /// The formula of the layer, if any.
    fn formula(&self) -> Option<Formula> {
        None
    }

    /// Exports the layer, for prediction, as calls to Rust functions, for [networks as Rust source](crate::io): see
    /// [`Code`].
    ///
    /// # Errors
    /// [`Error::Unsupported`] if this is not possible.
    fn rust(&self, _code: &mut Code) -> Result<()> {
        Err(Error::not_rust(&self))
    }

    /// Identifies the layer, so that it never receives another layer's cache: its type, and a number that distinguishes
    /// values of types with varying structure, such as networks.
    fn identity(&self) -> (TypeId, usize) {
        (TypeId::of::<Self>(), 0)
    }
}

/// Clones boxed layers; implemented for every `Layer` that is `Clone`.
#[doc(hidden)]
pub trait CloneLayer<A: Scalar> {
    /// A boxed copy of this layer.
    fn clone_layer(&self) -> Box<dyn Layer<A>>;
}

impl<A: Scalar, L: Layer<A> + Clone + 'static> CloneLayer<A> for L {
    fn clone_layer(&self) -> Box<dyn Layer<A>> {
        Box::new(self.clone())
    }
}

impl<A: Scalar> Clone for Box<dyn Layer<A>> {
    fn clone(&self) -> Self {
        (**self).clone_layer()
    }
}

/// The number of trainable parameters of a layer or network.
pub(crate) fn count_parameters<A: Scalar>(layer: &dyn Layer<A>) -> usize {
    let mut count = 0;
    layer.visit(&mut |info, matrix| count += if info.role.is_trainable() { matrix.len() } else { 0 });
    count
}

/// Resizes `dw` to one matrix per trainable parameter, of the parameter's shape.
pub(crate) fn resize_gradients<A: Scalar>(layer: &dyn Layer<A>, dw: &mut Vec<Array2<A>>) -> Result<()> {
    let (mut slots, mut result) = (0, Ok(()));
    layer.visit(&mut |info, w| {
        if info.role.is_trainable() && result.is_ok() {
            if slots == dw.len() {
                dw.push(Array2::default((0, 0)));
            }
            result = resize(&mut dw[slots], w.nrows(), w.ncols());
            slots += 1;
        }
    });
    dw.truncate(slots);
    result
}
