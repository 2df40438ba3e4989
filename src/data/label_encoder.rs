//! [`LabelEncoder`]: converts text labels to class indices.

use ndarray::Array2;

use super::categories::Categories;
use crate::{Error, Result, Scalar};

const NAME: &str = "LabelEncoder";

/// Converts class labels to indices from 0, in byte order, for the targets of losses and metrics.
///
/// An empty label counts as missing, and is an error. Numbers are sorted as strings, `10` before `2`, unless
/// [`new`](Self::new) sets the order.
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
    /// Fits the encoder to these labels.
    ///
    /// # Errors
    /// [`Error::Setting`] without labels; [`Error::Target`] for an empty label.
    pub fn fit<S: AsRef<str>>(labels: &[S]) -> Result<Self> {
        if let Some(row) = labels.iter().position(|label| label.as_ref().is_empty()) {
            let (wants, got) = ("labels that are not empty".into(), "an empty one".into());
            return Err(Error::Target { who: NAME.into(), wants, got, row: Some(row) });
        }
        Ok(Self { classes: Categories::of(NAME, labels)? })
    }

    /// Creates the encoder with these classes, in this order, as returned by [`classes`](Self::classes).
    ///
    /// # Errors
    /// [`Error::Format`] for a repeated class.
    pub fn new(classes: Vec<String>) -> Result<Self> {
        Ok(Self { classes: Categories::new(NAME, classes)? })
    }

    /// The label of each class.
    pub fn classes(&self) -> &[String] {
        self.classes.names()
    }

    /// The class indices of these labels, as one column.
    ///
    /// # Errors
    /// [`Error::Target`] for an unknown label.
    pub fn transform<A: Scalar, S: AsRef<str>>(&self, labels: &[S]) -> Result<Array2<A>> {
        let mut target = Array2::default((labels.len(), 1));
        for (row, label) in labels.iter().map(AsRef::as_ref).enumerate() {
            let class = self.classes.number(label).ok_or_else(|| self.classes.unknown(NAME, row, label))?;
            target[[row, 0]] = A::of(class as f64);
        }
        Ok(target)
    }

    /// The labels of these class indices, such as those from [`argmax`](crate::metrics::argmax).
    ///
    /// # Errors
    /// [`Error::Setting`] for an unknown class.
    pub fn inverse(&self, classes: &[usize]) -> Result<Vec<&str>> {
        let name = |&class: &usize| {
            let (what, wants) = ("a class of LabelEncoder".into(), "below the number of classes");
            let error = Error::Setting { what, wants, got: class as f64 };
            self.classes().get(class).map(String::as_str).ok_or(error)
        };
        classes.iter().map(name).collect()
    }
}
