//! Layers described as data.
//!
//! [`Spec`] has the kind and settings of a layer, from which a [`Registry`](crate::layer::Registry) creates it; files
//! contain it as JSON. [`Formula`] is the layer in mathematical notation. [`onnx`], [`rust`] and [`layout`] describe a
//! layer for ONNX, for generated Rust source, and for the weights of PyTorch and Keras. The methods of
//! [`Layer`](crate::layer::Layer) with these names return or fill them.

use crate::{Error, Result, Shape};

mod formula;
// Only files use all of them.
#[cfg_attr(not(feature = "files"), allow(dead_code))]
pub mod layout;
#[cfg_attr(not(feature = "files"), allow(dead_code))]
pub mod onnx;
#[cfg_attr(not(feature = "files"), allow(dead_code))]
pub mod rust;

pub use formula::{Formula, Written};

/// The kind and settings of a layer: together with the parameters, everything needed to create it.
///
/// ```
/// use neuropil::prelude::*;
/// use neuropil::spec::Spec;
///
/// let spec = Spec::new("elu").set("alpha", 1.5);
/// assert_eq!(Layer::<f32>::spec(&Elu::new(1.5)), Some(spec.clone()));
/// assert_eq!(spec.number("alpha")?, 1.5);
/// assert_eq!(spec.number("beta").unwrap_err().to_string(), "the layer elu: `beta` is missing; give it as a number");
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    kind: String,
    settings: Vec<(String, Setting)>,
}

/// A value in a [`Spec`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Setting {
    /// True or false.
    Flag(bool),
    /// A count or a size.
    Count(u64),
    /// Any other number.
    Number(f64),
    /// A string, such as the name of a mode.
    Text(String),
    /// A list of values.
    List(Vec<Setting>),
    /// A nested layer.
    Layer(Spec),
}

impl Spec {
    /// Creates a description of this kind, without settings.
    pub fn new(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), settings: Vec::new() }
    }

    /// Adds a setting.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl Into<Setting>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// The name of the layer's type in a [`Registry`](crate::layer::Registry).
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The settings, in insertion order.
    pub fn settings(&self) -> &[(String, Setting)] {
        &self.settings
    }

    /// The setting with this name, if there is one.
    pub fn get(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// Reads a setting, or returns an error with what was expected.
    fn read<'s, T>(&'s self, name: &str, wants: &str, read: impl Fn(&'s Setting) -> Option<T>) -> Result<T> {
        self.get(name).and_then(read).ok_or_else(|| {
            let wrong = if self.get(name).is_some() { "of another type" } else { "missing" };
            self.problem(format!("`{name}` is {wrong}; give it as {wants}"))
        })
    }

    /// Creates an error about this description.
    pub fn problem(&self, problem: String) -> Error {
        Error::Format { what: format!("the layer {}", self.kind), problem }
    }

    /// A setting that is true or false.
    ///
    /// # Errors
    /// [`Error::Format`] if it is missing or of another type.
    pub fn flag(&self, name: &str) -> Result<bool> {
        self.read(name, "true or false", |value| if let Setting::Flag(value) = value { Some(*value) } else { None })
    }

    /// A setting that is a count or a size.
    ///
    /// # Errors
    /// As [`flag`](Self::flag).
    pub fn count(&self, name: &str) -> Result<usize> {
        self.read(name, "an integer", Setting::as_count)
    }

    /// A setting that is a list of `N` counts or sizes.
    ///
    /// # Errors
    /// As [`flag`](Self::flag).
    pub fn counts<const N: usize>(&self, name: &str) -> Result<[usize; N]> {
        self.read(name, &format!("a list of {N} integers"), |value| {
            let counts: Option<Vec<usize>> = value.as_list()?.iter().map(Setting::as_count).collect();
            counts?.try_into().ok()
        })
    }

    /// A setting that is a list of numbers.
    ///
    /// # Errors
    /// As [`flag`](Self::flag).
    pub fn numbers(&self, name: &str) -> Result<Vec<f64>> {
        self.read(name, "a list of numbers", |value| value.as_list()?.iter().map(Setting::as_number).collect())
    }

    /// A setting that is the shape of a sample: its one, two or three sizes.
    ///
    /// # Errors
    /// As [`flag`](Self::flag).
    pub fn shape(&self, name: &str) -> Result<Shape> {
        self.read(name, "a list of one to three sizes", |value| {
            let sizes: Option<Vec<usize>> = value.as_list()?.iter().map(Setting::as_count).collect();
            match *sizes? {
                [features] => Some(features.into()),
                [steps, features] => Some([steps, features].into()),
                [channels, height, width] => Some([channels, height, width].into()),
                _ => None,
            }
        })
    }

    /// A setting that is a number.
    ///
    /// # Errors
    /// As [`flag`](Self::flag).
    pub fn number(&self, name: &str) -> Result<f64> {
        self.read(name, "a number", Setting::as_number)
    }

    /// A setting that is a string.
    ///
    /// # Errors
    /// As [`flag`](Self::flag).
    pub fn text(&self, name: &str) -> Result<&str> {
        self.read(name, "text", |value| if let Setting::Text(value) = value { Some(value.as_str()) } else { None })
    }

    /// A setting that is a list.
    ///
    /// # Errors
    /// As [`flag`](Self::flag).
    pub fn list(&self, name: &str) -> Result<&[Setting]> {
        self.read(name, "a list", Setting::as_list)
    }

    /// A setting that is a list of strings.
    ///
    /// # Errors
    /// As [`flag`](Self::flag).
    pub fn texts(&self, name: &str) -> Result<Vec<String>> {
        let text = |value: &Setting| if let Setting::Text(text) = value { Some(text.clone()) } else { None };
        self.read(name, "a list of words", |value| value.as_list()?.iter().map(text).collect())
    }

    /// A setting that is a layer.
    ///
    /// # Errors
    /// As [`flag`](Self::flag).
    pub fn layer(&self, name: &str) -> Result<&Self> {
        self.read(name, "a layer", Setting::as_layer)
    }

    /// A setting that is a list of layers.
    ///
    /// # Errors
    /// As [`flag`](Self::flag).
    pub fn layers(&self, name: &str) -> Result<Vec<&Self>> {
        self.read(name, "a list of layers", |value| value.as_list()?.iter().map(Setting::as_layer).collect())
    }
}

impl Setting {
    fn as_count(&self) -> Option<usize> {
        if let Self::Count(value) = *self { usize::try_from(value).ok() } else { None }
    }

    /// Numbers that JSON cannot represent, such as NaN, are written as words.
    fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(value) => Some(*value),
            Self::Count(value) => Some(*value as f64),
            Self::Text(word) => match word.as_str() {
                "inf" => Some(f64::INFINITY),
                "-inf" => Some(f64::NEG_INFINITY),
                "nan" => Some(f64::NAN),
                _ => None,
            },
            _ => None,
        }
    }

    fn as_list(&self) -> Option<&[Self]> {
        if let Self::List(values) = self { Some(values) } else { None }
    }

    fn as_layer(&self) -> Option<&Spec> {
        if let Self::Layer(spec) = self { Some(spec) } else { None }
    }
}

impl From<bool> for Setting {
    fn from(value: bool) -> Self {
        Self::Flag(value)
    }
}

impl From<usize> for Setting {
    fn from(value: usize) -> Self {
        Self::Count(value as u64)
    }
}

impl From<f64> for Setting {
    fn from(value: f64) -> Self {
        if value.is_finite() { Self::Number(value) } else { Self::Text(value.to_string().to_lowercase()) }
    }
}

impl From<&str> for Setting {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<Shape> for Setting {
    fn from(value: Shape) -> Self {
        value.with_sizes(|sizes| sizes.to_vec().into())
    }
}

impl From<Spec> for Setting {
    fn from(value: Spec) -> Self {
        Self::Layer(value)
    }
}

impl<T: Into<Setting>> From<Vec<T>> for Setting {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Setting>, const N: usize> From<[T; N]> for Setting {
    fn from(values: [T; N]) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}
