//! [`Report`]: the result of one check, as text.

use std::fmt;

use crate::text::figures;

/// The measurements of a check, and what to do about them. It prints as a few lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// What was checked.
    pub title: &'static str,
    /// Names and values.
    pub values: Vec<(String, f64)>,
    /// What is wrong, and what may help; empty if all is well.
    pub advice: Vec<String>,
}

impl Report {
    /// Whether there is no advice.
    pub fn is_healthy(&self) -> bool {
        self.advice.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.title, if self.is_healthy() { "healthy" } else { "problem" })?;
        let width = self.values.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, value) in &self.values {
            writeln!(f, "  {name:width$}  {:>10}", figures(*value, 4))?;
        }
        self.advice.iter().try_for_each(|advice| writeln!(f, "  ! {advice}"))
    }
}
