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
use crate::{Matrix, Result, Scalar, Shape};

mod sigmoid;
mod tanh;

pub use sigmoid::Sigmoid;
pub use tanh::Tanh;

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
}

impl<A: Scalar, F: Activation> Layer<A> for F {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        Ok(input)
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, _: &mut Pass<'_>) -> Result<()> {
        map(x, y, |x| self.apply(x));
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, _: &mut Pass<'_>) {
        if let Some(dx) = at.dx {
            map_gradient(at.x, at.y, at.dy, dx, |x, y| self.slope(x, y));
        }
    }

    fn differentiable(&self) -> bool {
        Activation::differentiable(self)
    }
}
