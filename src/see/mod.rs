//! Visualization and diagnosis of networks, data and training.
//!
//! The modules here use the rest of the crate (networks, tapes, losses, metrics), which does not depend on them. The
//! writers `svg` and `text` are outside this module because networks use them, too.

pub mod doctor;
pub mod graph;
pub(crate) mod plane;
#[cfg(feature = "plot")]
pub mod plot;
pub mod terminal;
mod trace;

pub use trace::{Trace, TracedLayer, TracedParameter};
