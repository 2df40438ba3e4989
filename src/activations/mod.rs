//! The [`Activation`] trait and the activations, one file each.
//!
//! # A new activation
//! One new file here with the type and its two functions, and a line in each of the two lists below; in another crate
//! it is one file:
//!
//! ```
//! use neuropil::prelude::*;
//!
//! /// x², and its derivative.
//! #[derive(Debug, Clone)]
//! struct Square;
//!
//! impl Activation for Square {
//!     fn apply<A: Scalar>(&self, x: A) -> A {
//!         x * x
//!     }
//!     fn slope<A: Scalar>(&self, x: A, _y: A) -> A {
//!         x + x
//!     }
//! }
//!
//! let network = Sequential::<f64>::new(3).with(Square)?; // every activation is a layer
//! # Ok::<(), Error>(())
//! ```

use std::fmt::Debug;

use crate::kernels::{map, map_gradient};
use crate::layers::{Backward, Layer, Pass};
use crate::spec::{Registry, Spec};
use crate::{Matrix, Result, Scalar, Shape};

mod celu;
mod elu;
mod gelu;
mod hard_shrink;
mod hard_sigmoid;
mod hard_swish;
mod hard_tanh;
mod identity;
mod leaky_relu;
mod log_sigmoid;
mod mish;
mod relu;
mod relu6;
mod selu;
mod sigmoid;
mod sign;
mod silu;
mod soft_shrink;
mod softplus;
mod softsign;
mod step;
mod tanh;
mod tanh_shrink;
mod threshold;

pub use celu::Celu;
pub use elu::Elu;
pub use gelu::{Gelu, GeluTanh};
pub use hard_shrink::HardShrink;
pub use hard_sigmoid::HardSigmoid;
pub use hard_swish::HardSwish;
pub use hard_tanh::HardTanh;
pub use identity::Identity;
pub use leaky_relu::LeakyRelu;
pub use log_sigmoid::LogSigmoid;
pub use mish::Mish;
pub use relu::Relu;
pub use relu6::Relu6;
pub use selu::Selu;
pub use sigmoid::Sigmoid;
pub use sign::Sign;
pub use silu::Silu;
pub use soft_shrink::SoftShrink;
pub use softplus::Softplus;
pub use softsign::Softsign;
pub use step::Step;
pub use tanh::Tanh;
pub use tanh_shrink::TanhShrink;
pub use threshold::Threshold;

/// A function that acts on each number alone: two scalar functions.
///
/// Every activation is a [`Layer`] that takes samples of any shape. The loops over batches are the crate's: they use
/// vector instructions and threads, so mark the two functions `#[inline]`, and prefer selecting to branching.
pub trait Activation: Debug + Clone + Send + Sync + 'static {
    /// f(x).
    fn apply<A: Scalar>(&self, x: A) -> A;

    /// The derivative f'(x), where `y` is f(x): use whichever is cheaper.
    fn slope<A: Scalar>(&self, x: A, y: A) -> A;

    /// Whether the derivative tells anything: `false` for steps, whose derivative is zero wherever there is one.
    fn differentiable(&self) -> bool {
        true
    }

    /// Whether the settings make sense; asked when the activation joins a network, and when a pass starts.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for a setting outside its range.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// The kind and the settings, for model files: see [`Layer::spec`].
    fn spec(&self) -> Option<Spec> {
        None
    }
}

/// How each activation is made again from its [`Spec`].
pub(crate) fn register<A: Scalar>(registry: &mut Registry<A>) {
    registry.register("celu", |p| Ok(Box::new(Celu { alpha: p.spec().number("alpha")? })));
    registry.register("elu", |p| Ok(Box::new(Elu { alpha: p.spec().number("alpha")? })));
    registry.register("gelu", |_| Ok(Box::new(Gelu)));
    registry.register("gelu_tanh", |_| Ok(Box::new(GeluTanh)));
    registry.register("hard_shrink", |p| Ok(Box::new(HardShrink { lambda: p.spec().number("lambda")? })));
    registry.register("hard_sigmoid", |_| Ok(Box::new(HardSigmoid)));
    registry.register("hard_swish", |_| Ok(Box::new(HardSwish)));
    registry.register("hard_tanh", |p| {
        Ok(Box::new(HardTanh { min: p.spec().number("min")?, max: p.spec().number("max")? }))
    });
    registry.register("identity", |_| Ok(Box::new(Identity)));
    registry.register("leaky_relu", |p| Ok(Box::new(LeakyRelu { slope: p.spec().number("slope")? })));
    registry.register("log_sigmoid", |_| Ok(Box::new(LogSigmoid)));
    registry.register("mish", |_| Ok(Box::new(Mish)));
    registry.register("relu", |_| Ok(Box::new(Relu)));
    registry.register("relu6", |_| Ok(Box::new(Relu6)));
    registry.register("selu", |_| Ok(Box::new(Selu)));
    registry.register("sigmoid", |_| Ok(Box::new(Sigmoid)));
    registry.register("sign", |_| Ok(Box::new(Sign)));
    registry.register("silu", |_| Ok(Box::new(Silu)));
    registry.register("soft_shrink", |p| Ok(Box::new(SoftShrink { lambda: p.spec().number("lambda")? })));
    registry.register("softplus", |p| {
        Ok(Box::new(Softplus { beta: p.spec().number("beta")?, threshold: p.spec().number("threshold")? }))
    });
    registry.register("softsign", |_| Ok(Box::new(Softsign)));
    registry.register("step", |p| Ok(Box::new(Step { threshold: p.spec().number("threshold")? })));
    registry.register("tanh", |_| Ok(Box::new(Tanh)));
    registry.register("tanh_shrink", |_| Ok(Box::new(TanhShrink)));
    registry.register("threshold", |p| {
        Ok(Box::new(Threshold { threshold: p.spec().number("threshold")?, value: p.spec().number("value")? }))
    });
}

/// x, or the limit that it is beyond; NaN stays.
#[inline(always)]
fn clamp<A: Scalar>(x: A, low: f64, high: f64) -> A {
    x.maximum(A::of(low)).minimum(A::of(high))
}

impl<A: Scalar, F: Activation> Layer<A> for F {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        self.check()?;
        Ok(input)
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

    fn backward(&self, at: Backward<'_, A>, _: &mut Pass<'_>) {
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
    }

    fn differentiable(&self) -> bool {
        Activation::differentiable(self)
    }

    fn spec(&self) -> Option<Spec> {
        Activation::spec(self)
    }
}
