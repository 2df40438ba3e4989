//! [`OneHot`]: one column per category.

use ndarray::Array2;

use super::categories::Categories;
use crate::metrics::argmax;
use crate::{Error, Matrix, Result, Scalar};

const NAME: &str = "OneHot";

/// Encodes categories with one column each, 1 for samples of the category and 0 otherwise, for inputs whose values have
/// no order.
///
/// The categories are fitted to the training data alone, in byte order. A missing value, the empty string, is a
/// category like any other, unless a [`TextImputer`](super::TextImputer) has replaced it. For class indices in targets
/// see [`one_hot`](crate::losses::one_hot).
///
/// ```
/// use neuropil::data::OneHot;
/// use ndarray::{Array2, array};
///
/// let encoder = OneHot::fit(&["S", "C", "S", ""])?;
/// assert_eq!(encoder.categories(), ["", "C", "S"]);
/// let x: Array2<f32> = encoder.transform(&["C", ""])?;
/// assert_eq!(x, array![[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]);
/// assert_eq!(encoder.inverse(&x)?, ["C", ""]);
///
/// let unknown: Array2<f32> = encoder.ignore_unknown().transform(&["Q"])?;
/// assert_eq!(unknown, array![[0.0, 0.0, 0.0]]);
/// # Ok::<(), neuropil::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneHot {
    categories: Categories,
    ignores_unknown: bool,
}

impl OneHot {
    /// Fits the categories.
    ///
    /// # Errors
    /// [`Error::Setting`] for an empty slice.
    pub fn fit<S: AsRef<str>>(texts: &[S]) -> Result<Self> {
        Ok(Self { categories: Categories::of(NAME, texts)?, ignores_unknown: false })
    }

    /// Creates the encoder with these categories, in this order, as returned by [`categories`](Self::categories).
    ///
    /// # Errors
    /// [`Error::Format`] for a repeated category.
    pub fn new(categories: Vec<String>) -> Result<Self> {
        Ok(Self { categories: Categories::new(NAME, categories)?, ignores_unknown: false })
    }

    /// Encodes unknown categories as rows of zeros, instead of returning an error.
    pub fn ignore_unknown(self) -> Self {
        Self { ignores_unknown: true, ..self }
    }

    /// Whether unknown categories become rows of zeros.
    pub fn ignores_unknown(&self) -> bool {
        self.ignores_unknown
    }

    /// The category of each column.
    pub fn categories(&self) -> &[String] {
        self.categories.names()
    }

    /// Encodes the strings: one row per string, one column per category.
    ///
    /// # Errors
    /// [`Error::Target`] for an unknown category.
    pub fn transform<A: Scalar, S: AsRef<str>>(&self, texts: &[S]) -> Result<Array2<A>> {
        let mut x = Array2::default((texts.len(), self.categories().len()));
        for (row, text) in texts.iter().map(AsRef::as_ref).enumerate() {
            match self.categories.number(text) {
                Some(column) => x[[row, column]] = A::ONE,
                None if self.ignores_unknown => {}
                None => return Err(self.categories.unknown(NAME, row, text)),
            }
        }
        Ok(x)
    }

    /// The category of the largest value in each row; empty where no value is above 0.
    ///
    /// # Errors
    /// [`Error::Dimensions`] unless there is one column per category; [`Error::NonFinite`] for NaN.
    pub fn inverse<A: Scalar>(&self, x: &Matrix<A>) -> Result<Vec<&str>> {
        let wants = [x.nrows(), self.categories().len()];
        if x.ncols() != wants[1] {
            return Err(Error::Dimensions { what: "the matrix for OneHot".into(), wants, got: x.dim().into() });
        }
        let name = |(row, column): (usize, usize)| match x.get([row, column]) {
            Some(largest) if largest.is_nan() => {
                Err(Error::NonFinite { what: format!("row {row}"), got: f64::NAN, in_data: true })
            }
            Some(largest) if *largest > A::ZERO => Ok(&*self.categories()[column]),
            _ => Ok(""),
        };
        argmax(x).into_iter().enumerate().map(name).collect()
    }
}
