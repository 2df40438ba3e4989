//! What to look at before a long training, or when one does not learn: each function returns a [`Report`] of what it
//! measured, with advice if that is not as it should be. The network stays as it is.
//!
//! ```
//! use neuropil::data;
//! use neuropil::prelude::*;
//! use neuropil::train::sanity;
//!
//! let data::Samples { x, target } = data::moons(64, 0.1, &mut rng(1));
//! let network = Sequential::<f64>::mlp(&[2, 32, 2], Relu, &mut rng(7))?;
//! let loss = CrossEntropy::new();
//! for report in [
//!     sanity::initial_loss(&network, &x, &target, &loss)?,
//!     sanity::overfit(&network, &x, &target, &loss)?,
//!     sanity::units(&network, &x)?,
//!     sanity::updates(&network, &x, &target, &loss, &mut Adam::new(1e-3))?,
//! ] {
//!     print!("{report}");
//!     assert!(report.is_healthy(), "{report}");
//! }
//! # Ok::<(), Error>(())
//! ```

use std::fmt;

use super::history::short;

mod initial_loss;
mod overfit;
mod units;
mod updates;

pub use initial_loss::initial_loss;
pub use overfit::overfit;
pub use units::units;
pub use updates::updates;

/// What was measured, and what to do about it. It prints as a few lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// What was looked at.
    pub title: &'static str,
    /// Names and values.
    pub values: Vec<(String, f64)>,
    /// What is not as it should be, and what may help; nothing if all is well.
    pub advice: Vec<String>,
}

impl Report {
    fn new(title: &'static str) -> Self {
        Self { title, values: Vec::new(), advice: Vec::new() }
    }

    fn value(&mut self, name: impl Into<String>, value: f64) {
        self.values.push((name.into(), value));
    }

    /// A value by its name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.values.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    /// Whether there is no advice.
    pub fn is_healthy(&self) -> bool {
        self.advice.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.title, if self.is_healthy() { "as it should be" } else { "look here" })?;
        let width = self.values.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, value) in &self.values {
            writeln!(f, "  {name:width$}  {:>10}", short(*value))?;
        }
        self.advice.iter().try_for_each(|advice| writeln!(f, "  ! {advice}"))
    }
}
