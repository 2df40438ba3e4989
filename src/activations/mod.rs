//! The [`Activation`] trait and the activations, one file each.
//!
//! # A new activation
//! Add one file here and one entry in the list below; in another crate, one file is enough: see [`Activation`].

use std::fmt::Debug;

use crate::kernels::{map, map_gradient};
use crate::layer::{Backward, Layer, Pass, Steps};
use crate::spec::onnx::Operators;
use crate::spec::rust::Code;
use crate::spec::{Formula, Spec};
use crate::{Error, Matrix, Result, Scalar, Shape};

/// Declares activations: the file and the activations in it.
macro_rules! activations {
    ($($file:ident: $($name:ident),+;)+) => {
        $(
            mod $file;
            pub use $file::{$($name),+};
        )+

        /// Registers how each activation is restored.
        pub(crate) fn register<A: Scalar>(registry: &mut crate::layer::Registry<A>) {
            $($(registry.register::<$name>();)+)+
        }
    };
}

activations! {
    abs: Abs;
    celu: Celu;
    elu: Elu;
    erf: Erf;
    exp: Exp;
    gelu: Gelu, GeluTanh;
    hard_shrink: HardShrink;
    hard_sigmoid: HardSigmoid;
    hard_swish: HardSwish;
    hard_tanh: HardTanh;
    identity: Identity;
    leaky_relu: LeakyRelu;
    log: Log;
    log_sigmoid: LogSigmoid;
    mish: Mish;
    power: Power;
    relu: Relu;
    relu6: Relu6;
    selu: Selu;
    sigmoid: Sigmoid;
    sign: Sign;
    silu: Silu;
    soft_shrink: SoftShrink;
    softplus: Softplus;
    softsign: Softsign;
    step: Step;
    tanh: Tanh;
    tanh_shrink: TanhShrink;
    threshold: Threshold;
}

/// An elementwise function and its derivative, as two scalar functions.
///
/// Every activation is a [`Layer`] that takes samples of any shape. The crate applies it to batches with vector
/// instructions and threads: mark both functions `#[inline]`, and keep them free of branches, so that loops vectorize.
///
/// ```
/// use neuropil::prelude::*;
///
/// /// x², and its derivative.
/// #[derive(Debug, Clone)]
/// struct Square;
///
/// impl Activation for Square {
///     fn apply<A: Scalar>(&self, x: A) -> A {
///         x * x
///     }
///     fn slope<A: Scalar>(&self, x: A, _y: A) -> A {
///         x + x
///     }
/// }
///
/// let network = Sequential::<f64>::new(3).with(Square)?; // every activation is a layer
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an activation",
    note = "an elementwise function of your own implements `neuropil::activations::Activation`"
)]
pub trait Activation: Debug + Clone + Send + Sync + 'static {
    /// f(x).
    fn apply<A: Scalar>(&self, x: A) -> A;

    /// The derivative f'(x), from `x` or from `y` = f(x), whichever is cheaper.
    fn slope<A: Scalar>(&self, x: A, y: A) -> A;

    /// Whether gradients can pass: `false` for step functions, whose derivative is 0 almost everywhere.
    fn differentiable(&self) -> bool {
        true
    }

    /// Checks the settings, when the activation is added to a network and when a pass starts.
    ///
    /// # Errors
    /// [`Error::Setting`] for a setting outside its range.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// The kind and the settings, for model files: see [`Layer::spec`].
    fn spec(&self) -> Option<Spec> {
        None
    }

    /// Exports the function as ONNX operators: see [`Layer::onnx`].
    ///
    /// # Errors
    /// [`Error::Unsupported`] if this is not possible.
    fn onnx(&self, _operators: &mut Operators) -> Result<()> {
        Err(Error::not_onnx(&self))
    }

    /// The formula of the function, if any.
    fn formula(&self) -> Option<Formula> {
        None
    }

    /// The function as a Rust expression of `x`, for [networks as Rust source](crate::io). `number` formats a constant;
    /// `maximum` and `minimum` propagate NaN; the functions of [`Scalar`] are in `math`: `maximum(x, 0.0) +
    /// math::ln_1p(math::exp(-x.abs()))`.
    fn rust_expression(&self, _number: &dyn Fn(f64) -> String) -> Option<String> {
        None
    }
}

/// Clamps x to [low, high]; NaN propagates.
#[inline(always)]
fn clamp<A: Scalar>(x: A, low: f64, high: f64) -> A {
    x.maximum(A::of(low)).minimum(A::of(high))
}

/// [`clamp`] as a Rust expression.
fn clamped(x: &str, low: f64, high: f64, number: &dyn Fn(f64) -> String) -> String {
    format!("minimum(maximum({x}, {}), {})", number(low), number(high))
}

/// [`clamp`] as an ONNX operator.
fn clip(operators: &mut Operators, low: f64, high: f64) {
    let (low, high) = (operators.number(low), operators.number(high));
    operators.then("Clip", &[&low, &high], []);
}

/// The Rust expression `straight` for x > 0, else `bent`, evaluated first to make this a selection, not a branch.
fn bent(straight: &str, bent: &str) -> String {
    format!("{{ let bent = {bent}; if x > 0.0 {{ {straight} }} else {{ bent }} }}")
}

impl<A: Scalar, F: Activation> Layer<A> for F {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        self.check()?;
        Ok(input)
    }

    fn steps(&self, _: Shape) -> Steps {
        Steps::Each
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, _: &mut Pass<'_>) -> Result<()> {
        map(
            x,
            y,
            #[inline(always)]
            |x| self.apply(x),
        );
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, _: &mut Pass<'_>) -> Result<()> {
        if let Some(dx) = at.dx {
            map_gradient(
                at.x,
                at.y,
                at.dy,
                dx,
                #[inline(always)]
                |x, y| self.slope(x, y),
            );
        }
        Ok(())
    }

    fn differentiable(&self) -> bool {
        Activation::differentiable(self)
    }

    fn spec(&self) -> Option<Spec> {
        Activation::spec(self)
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        Activation::onnx(self, operators)
    }

    fn formula(&self) -> Option<Formula> {
        Activation::formula(self)
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let expression = self.rust_expression(&|x| code.number(x)).ok_or_else(|| Error::not_rust(&self))?;
        code.each(&expression);
        Ok(())
    }
}
