//! Dropout of attention weights.

use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;

use super::block::Block;
use crate::Scalar;
use crate::layers::dropout::each_factor;

/// The dropout of one pass. The weights of each query have their own random numbers, so that the backward pass can draw
/// them again, in any order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct WeightDropout {
    pub probability: f64,
    pub seed: u64,
}

impl WeightDropout {
    /// The dropout of head `head`, counted over all samples.
    pub(super) fn of_head(self, head: usize) -> Self {
        Self { seed: self.seed.wrapping_add((head as u64) << 32), ..self }
    }

    /// Multiplies each weight by 0 or 1/(1 - p).
    pub(super) fn apply<A: Scalar>(self, weights: &mut Block<'_, A>) {
        let first = weights.queries.start;
        for (i, row) in weights.rows().enumerate() {
            let rng = &mut Xoshiro256PlusPlus::seed_from_u64(self.seed.wrapping_add((first + i) as u64));
            each_factor(row, self.probability, rng, |weight, factor| *weight *= factor);
        }
    }
}
