//! [`Categories`]: the distinct strings of an encoder.

use std::collections::{BTreeSet, HashMap};

use crate::error::check_setting;
use crate::{Error, Result};

/// Distinct strings, numbered by their position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Categories {
    names: Vec<String>,
    numbers: HashMap<String, usize>,
}

impl Categories {
    /// The distinct strings, in byte order; `who` is named in errors.
    pub(super) fn of<S: AsRef<str>>(who: &str, texts: &[S]) -> Result<Self> {
        check_setting(&format!("the number of texts for {who}"), texts.len() as f64, "at least 1", !texts.is_empty())?;
        let names: BTreeSet<&str> = texts.iter().map(AsRef::as_ref).collect();
        Self::new(who, names.into_iter().map(String::from).collect())
    }

    /// Creates categories in this order; returns an error if one is repeated.
    pub(super) fn new(who: &str, names: Vec<String>) -> Result<Self> {
        let numbers: HashMap<String, usize> =
            names.iter().enumerate().map(|(number, name)| (name.clone(), number)).collect();
        match names.iter().enumerate().find(|(number, name)| numbers[*name] != *number) {
            Some((_, name)) => {
                let problem = format!("`{name}` appears twice; give each category once");
                Err(Error::Format { what: who.into(), problem })
            }
            None => Ok(Self { names, numbers }),
        }
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.numbers.get(name).copied()
    }

    /// The error for an unknown string.
    pub(super) fn unknown(&self, who: &str, row: usize, text: &str) -> Error {
        let mut known: Vec<String> = self.names.iter().take(10).map(|name| format!("`{name}`")).collect();
        if self.names.len() > 10 {
            known.push(format!("{} more", self.names.len() - 10));
        }
        let (wants, got) = (format!("one of {}", known.join(", ")), format!("`{text}`"));
        Error::Target { who: who.into(), wants, got, row: Some(row) }
    }
}
