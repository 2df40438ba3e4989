//! [`LabelEncoder`]: class indices for labels that are texts.

use ndarray::Array2;

use super::categories::Categories;
use crate::{Error, Result, Scalar};

const NAME: &str = "LabelEncoder";

/// Numbers the labels of classes from 0, in the order of their bytes: for targets, as losses and metrics take them.
///
/// An empty label is a missing one, and an error. (Numbers as texts sort as texts: `10` comes before `2`, unless
/// [`new`](Self::new) gives their order.)
///
/// ```
/// use neuropil::data::LabelEncoder;
/// use ndarray::{Array2, array};
///
/// let encoder = LabelEncoder::fit(&["dog", "cat", "dog"])?;
/// assert_eq!(encoder.classes(), ["cat", "dog"]);
/// let target: Array2<f32> = encoder.transform(&["cat", "dog"])?;
/// assert_eq!(target, array![[0.0], [1.0]]);
/// assert_eq!(encoder.inverse(&[1, 0])?, ["dog", "cat"]);
/// # Ok::<(), neuropil::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelEncoder {
    classes: Categories,
}

impl LabelEncoder {
    /// Learns which labels there are.
    ///
    /// # Errors
    /// [`Error::Setting`] when there are none; [`Error::Target`] when one is empty.
    pub fn fit<S: AsRef<str>>(labels: &[S]) -> Result<Self> {
        if let Some(row) = labels.iter().position(|label| label.as_ref().is_empty()) {
            let (wants, got) = ("labels that are not empty".into(), "an empty one".into());
            return Err(Error::Target { who: NAME.into(), wants, got, row: Some(row) });
        }
        Ok(Self { classes: Categories::of(NAME, labels)? })
    }

    /// The encoder with these classes, in this order, as [`classes`](Self::classes) gave them.
    ///
    /// # Errors
    /// [`Error::Format`] when a class is there twice.
    pub fn new(classes: Vec<String>) -> Result<Self> {
        Ok(Self { classes: Categories::new(NAME, classes)? })
    }

    /// The label of each class.
    pub fn classes(&self) -> &[String] {
        self.classes.names()
    }

    /// The class indices of these labels, in one column.
    ///
    /// # Errors
    /// [`Error::Target`] for a label that was not learned.
    pub fn transform<A: Scalar, S: AsRef<str>>(&self, labels: &[S]) -> Result<Array2<A>> {
        let mut target = Array2::default((labels.len(), 1));
        for (row, label) in labels.iter().map(AsRef::as_ref).enumerate() {
            let class = self.classes.number(label).ok_or_else(|| self.classes.unknown(NAME, row, label))?;
            target[[row, 0]] = A::of(class as f64);
        }
        Ok(target)
    }

    /// The labels of these classes, such as the answers that [`argmax`](crate::metrics::argmax) gives.
    ///
    /// # Errors
    /// [`Error::Setting`] for a class that there is not.
    pub fn inverse(&self, classes: &[usize]) -> Result<Vec<&str>> {
        let name = |&class: &usize| {
            let (what, wants) = ("a class of LabelEncoder".into(), "below the number of classes");
            let error = Error::Setting { what, wants, got: class as f64 };
            self.classes().get(class).map(String::as_str).ok_or(error)
        };
        classes.iter().map(name).collect()
    }
}
