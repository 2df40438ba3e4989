//! Neural networks in pure Rust on `ndarray`.

pub mod activations;
pub mod classic;
pub mod data;
mod error;
pub mod gradcheck;
mod init;
pub mod kernels;
pub mod layers;
pub mod losses;
pub mod metrics;
mod network;
pub mod optimizers;
mod scalar;
pub mod schedules;
mod shape;
mod tape;

pub use error::{Error, Result};
pub use init::{Fan, Gain, Init};
pub use network::{Scratch, Sequential};
pub use scalar::Scalar;
pub use shape::Shape;
pub use tape::{Gradients, Tape};

pub use ndarray;
pub use rand;

/// A matrix of any layout: `&Array2`, views and slices of arrays all coerce to `&Matrix`.
pub type Matrix<A> = ndarray::ArrayRef2<A>;

/// The generator of random numbers that everything here draws from, started from a seed: the same seed gives the same
/// numbers on every machine.
///
/// ```
/// use neuropil::rand::Rng;
///
/// assert_eq!(neuropil::rng(7).next_u64(), neuropil::rng(7).next_u64());
/// ```
pub fn rng(seed: u64) -> rand::rngs::Xoshiro256PlusPlus {
    rand::SeedableRng::seed_from_u64(seed)
}

/// Everything that a program which trains networks uses: `use neuropil::prelude::*;`.
pub mod prelude {
    pub use crate::activations::*;
    pub use crate::layers::*;
    pub use crate::losses::*;
    pub use crate::optimizers::*;
    pub use crate::schedules::Schedule;
    pub use crate::{Error, Gradients, Init, Matrix, Result, Scalar, Scratch, Sequential, Shape, Tape, rng};
}
