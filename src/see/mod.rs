//! Visualization: shows networks, data and the values of a training.
//!
//! Everything here builds on the other modules (networks, tapes, losses, metrics), which do not depend on it. The
//! exceptions are the writers in `svg` and `text`, which networks also use to draw themselves.

pub mod doctor;
pub mod graph;
pub(crate) mod plane;
#[cfg(feature = "plot")]
pub mod plot;
pub mod terminal;
mod trace;

pub use trace::{Trace, TracedLayer, TracedParameter};
