//! Seeing: what shows people a network, its data and its numbers.
//!
//! Everything here looks at the floors below (networks, tapes, losses, metrics) and nothing there looks back. The writers
//! of SVG and of tables are on the ground floor, `svg` and `text`: networks draw themselves with them, too.

pub mod doctor;
pub mod graph;
pub(crate) mod plane;
#[cfg(feature = "plot")]
pub mod plot;
pub mod terminal;
mod trace;

pub use trace::{Trace, TracedLayer, TracedParameter};
