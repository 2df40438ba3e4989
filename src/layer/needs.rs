//! [`Needs`]: the memory of a pass, compared with a limit before any of it is allocated.

use crate::{Error, Result, Shape};

/// The default memory limit of a network: 16 GiB.
pub(crate) const MEMORY_LIMIT: u64 = 16 << 30;

/// The memory that a layer needs in a training step besides input, output and parameters, as a number of elements:
/// patches, gates, attention weights, masks. It is an upper bound; see [`Layer::needs`](super::Layer::needs).
///
/// Sums and products saturate at `u64::MAX`, which exceeds every limit, so a size that overflows is rejected like one
/// that is merely too large.
///
/// ```
/// use neuropil::layer::Needs;
///
/// let needs = Needs::per_sample(10).and(Needs::once(3));
/// assert_eq!((needs.per_sample, needs.once), (10, 3));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// Elements per sample.
    pub per_sample: u64,
    /// Elements that do not depend on the batch size.
    pub once: u64,
}

impl Needs {
    /// `count` elements per sample.
    pub fn per_sample(count: u64) -> Self {
        Self { per_sample: count, once: 0 }
    }

    /// `count` elements that do not depend on the batch size.
    pub fn once(count: u64) -> Self {
        Self { per_sample: 0, once: count }
    }

    /// The sum of two needs.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            per_sample: self.per_sample.saturating_add(other.per_sample),
            once: self.once.saturating_add(other.once),
        }
    }

    /// Returns an error if a pass of `rows` samples would exceed `limit` bytes; `what` names the layer in the error.
    pub(crate) fn afford<A>(self, rows: usize, limit: u64, what: impl FnOnce() -> String) -> Result<()> {
        let numbers = self.per_sample.saturating_mul(rows as u64).saturating_add(self.once);
        let bytes = numbers.saturating_mul(size_of::<A>() as u64);
        // A saturated count exceeds every limit.
        if bytes <= limit && bytes < u64::MAX {
            return Ok(());
        }
        Err(Error::Memory { what: what(), bytes, limit: Some(limit) })
    }

    /// The same for a training step, which also holds input, output, and the gradients with respect to them.
    pub(crate) fn afford_step<A>(self, rows: usize, limit: u64, [input, output]: [Shape; 2]) -> Result<()> {
        let ends = (input.len() as u64).saturating_add(output.len() as u64).saturating_mul(2);
        let needs = self.and(Self::per_sample(ends));
        needs.afford::<A>(rows, limit, || format!("a training step of {rows} samples"))
    }
}

/// The product of sizes; `u64::MAX` if it overflows.
pub(crate) fn product(sizes: &[usize]) -> u64 {
    sizes.iter().fold(1, |product, &size| product.saturating_mul(size as u64))
}

/// Rejects samples without elements, so that no layer has to handle them.
pub(crate) fn not_empty(shape: Shape, layer: impl FnOnce() -> String) -> Result<()> {
    if shape.len() > 0 {
        return Ok(());
    }
    Err(Error::Input { layer: layer(), wants: "samples of at least one number".into(), got: shape })
}
