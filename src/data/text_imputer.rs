//! [`TextImputer`]: a text for those that are missing.

use std::collections::BTreeMap;

use crate::error::check_setting;
use crate::{Error, Result};

/// Puts a text where one is missing, that is, empty: a category for samples of which none is known.
///
/// Which text, is learned from the training data alone.
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
    /// Fills with the text that is most frequent among `texts`, the first in alphabetical order of several.
    ///
    /// # Errors
    /// [`Error::Setting`] when there are no texts; [`Error::Target`] when all are empty.
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

    /// Fills with this text: one of your choice, or [`value`](Self::value) from before.
    pub fn constant(value: impl Into<String>) -> Self {
        Self { value: value.into() }
    }

    /// The text for those that are missing.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The texts with none missing.
    pub fn transform<'a, S: AsRef<str>>(&'a self, texts: &'a [S]) -> Vec<&'a str> {
        texts.iter().map(AsRef::as_ref).map(|text| if text.is_empty() { &*self.value } else { text }).collect()
    }
}
