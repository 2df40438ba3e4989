//! [`TextImputer`]: fills in missing strings.

use std::collections::BTreeMap;

use crate::error::check_setting;
use crate::{Error, Result};

/// Replaces missing (empty) strings with one string, such as a category for samples without one.
///
/// The replacement is fitted to the training data alone.
///
/// ```
/// use neuropil::data::TextImputer;
///
/// let imputer = TextImputer::most_frequent(&["S", "", "C", "S"])?;
/// assert_eq!(imputer.transform(&["Q", ""]), ["Q", "S"]);
/// # Ok::<(), neuropil::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextImputer {
    value: String,
}

impl TextImputer {
    /// Fits the most frequent of the `texts`; ties take the first in byte order.
    ///
    /// # Errors
    /// [`Error::Setting`] for an empty slice; [`Error::Target`] when all strings are empty.
    pub fn most_frequent<S: AsRef<str>>(texts: &[S]) -> Result<Self> {
        check_setting("the number of texts for TextImputer", texts.len() as f64, "at least 1", !texts.is_empty())?;
        let mut counts = BTreeMap::<&str, usize>::new();
        for text in texts.iter().map(AsRef::as_ref).filter(|text| !text.is_empty()) {
            *counts.entry(text).or_default() += 1;
        }
        if let Some((value, _)) = counts.into_iter().rev().max_by_key(|(_, count)| *count) {
            return Ok(Self { value: value.into() });
        }
        let (wants, got) = ("a text that is not empty".into(), format!("{} empty ones", texts.len()));
        Err(Error::Target { who: "TextImputer".into(), wants, got, row: None })
    }

    /// Creates an imputer with this replacement, such as one returned by [`value`](Self::value).
    pub fn constant(value: impl Into<String>) -> Self {
        Self { value: value.into() }
    }

    /// The replacement for missing strings.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Returns the strings with missing ones replaced.
    pub fn transform<'a, S: AsRef<str>>(&'a self, texts: &'a [S]) -> Vec<&'a str> {
        texts.iter().map(AsRef::as_ref).map(|text| if text.is_empty() { &*self.value } else { text }).collect()
    }
}
