//! The state of attention on a tape.

use ndarray::Array2;

use super::dropout::WeightDropout;
use super::rotary::Angles;
use crate::Scalar;

/// The state of attention between passes. Unless stated otherwise, matrices have one row per step of each sample.
#[derive(Debug, Clone)]
pub(super) struct Memory<A> {
    /// Q, K and V; side by side in the first if they come from one sequence.
    pub projected: [Array2<A>; 3],
    /// P, (samples·heads·queries, keys), or without columns if it is not stored.
    pub p: Array2<A>,
    /// Whether a backward pass follows.
    pub recording: bool,
    /// Whether P must be stored for the caller to read.
    pub exposed: bool,
    /// The maximum and 1/sum of each row of P, (samples·heads·queries, 2).
    pub statistics: Array2<A>,
    /// The dropout of the last pass, if any.
    pub dropout: Option<WeightDropout>,
    pub angles: Angles<A>,
    /// A row of scratch space per thread.
    pub scratch: Array2<A>,
    /// P·V of all heads
    pub mixed: Array2<A>,
    /// Masked keys, (samples, keys); empty if none.
    pub hidden: Vec<bool>,
    /// Queries that are padding, (samples, queries); empty if none.
    pub padding: Vec<bool>,
    pub dprojected: [Array2<A>; 3],
    pub dmixed: Array2<A>,
    /// dL/dy, with 0 for padding.
    pub dy: Array2<A>,
    pub samples: usize,
    pub queries: usize,
    pub keys: usize,
}

impl<A: Scalar> Default for Memory<A> {
    fn default() -> Self {
        let empty = || Array2::default((0, 0));
        Self {
            projected: [empty(), empty(), empty()],
            p: empty(),
            recording: false,
            exposed: false,
            statistics: empty(),
            dropout: None,
            angles: Angles::default(),
            scratch: empty(),
            mixed: empty(),
            hidden: Vec::new(),
            padding: Vec::new(),
            dprojected: [empty(), empty(), empty()],
            dmixed: empty(),
            dy: empty(),
            samples: 0,
            queries: 0,
            keys: 0,
        }
    }
}
