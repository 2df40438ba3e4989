//! [`Init`]: where weights start.

use ndarray::Array2;
use rand::Rng;
use rand::distr::{Distribution, StandardUniform};

use crate::Scalar;

/// Which connections of a neuron decide the spread of its weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fan {
    /// Its inputs: keeps the forward pass at an even strength.
    #[default]
    In,
    /// Its outputs: keeps the backward pass at an even strength.
    Out,
}

/// How weights start.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Init {
    /// Evenly from [low, high).
    Uniform {
        /// The lower bound.
        low: f64,
        /// The upper bound.
        high: f64,
    },
}

impl Init {
    /// Placeholder.
    pub const HE_NORMAL: Self = Self::Uniform { low: -1.0, high: 1.0 };
    /// Placeholder.
    pub const STANDARD_NORMAL: Self = Self::Uniform { low: -1.0, high: 1.0 };
    /// A matrix of (inputs, outputs) such numbers.
    pub fn matrix<A: Scalar>(self, inputs: usize, outputs: usize, rng: &mut impl Rng) -> Array2<A> {
        let Self::Uniform { low, high } = self;
        Array2::from_shape_simple_fn((inputs, outputs), || {
            let u: f64 = StandardUniform.sample(rng);
            A::of(low + (high - low) * u)
        })
    }
}
