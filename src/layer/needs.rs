//! [`Needs`]: the memory of a pass, which is bounded before any is asked for.

use crate::{Error, Result, Shape};

/// The limit of a network's memory unless it is set: 16 GiB.
pub(crate) const MEMORY_LIMIT: u64 = 16 << 30;

/// The numbers that a layer needs in a training step beside its input, its output and its parameters: patches, gates,
/// attention weights, masks. An upper bound; see [`Layer::needs`](super::Layer::needs).
///
/// Sums and products stop at `u64::MAX`, which no limit affords, so a size that overflows is refused like one that is
/// merely too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// The numbers for each sample of a batch.
    pub per_sample: u64,
    /// The numbers that do not depend on the batch.
    pub once: u64,
}

impl Needs {
    /// `count` numbers for each sample.
    pub fn per_sample(count: u64) -> Self {
        Self { per_sample: count, once: 0 }
    }

    /// `count` numbers that do not depend on the batch.
    pub fn once(count: u64) -> Self {
        Self { per_sample: 0, once: count }
    }

    /// The sum of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            per_sample: self.per_sample.saturating_add(other.per_sample),
            once: self.once.saturating_add(other.once),
        }
    }

    /// Returns an error if a pass of `rows` samples would exceed `limit` bytes; `what` says who needs them.
    pub(crate) fn afford<A>(self, rows: usize, limit: u64, what: impl FnOnce() -> String) -> Result<()> {
        let numbers = self.per_sample.saturating_mul(rows as u64).saturating_add(self.once);
        let bytes = numbers.saturating_mul(size_of::<A>() as u64);
        // A count that has overflowed is above every limit.
        if bytes <= limit && bytes < u64::MAX {
            return Ok(());
        }
        Err(Error::Memory { what: what(), bytes, limit: Some(limit) })
    }
}

/// The product of sizes; `u64::MAX` if it overflows.
pub(crate) fn product(sizes: &[usize]) -> u64 {
    sizes.iter().fold(1, |product, &size| product.saturating_mul(size as u64))
}

/// Returns an error for samples without numbers, which no layer has to expect.
pub(crate) fn not_empty(shape: Shape, layer: impl FnOnce() -> String) -> Result<()> {
    if shape.len() > 0 {
        return Ok(());
    }
    Err(Error::Input { layer: layer(), wants: "samples of at least one number".into(), got: shape })
}
