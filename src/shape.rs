//! [`Shape`]: the shape of one sample.

use std::fmt;

/// The shape of one sample, a row of a batch.
///
/// A batch is always a matrix with one row per sample; the shape says how layers such as convolutions interpret a row.
/// Samples are row-major: images are `[channels, height, width]` (NCHW), sequences `[steps, features]`.
///
/// ```
/// use neuropil::Shape;
///
/// let flat: Shape = 784.into();
/// let image: Shape = [1, 28, 28].into();
/// assert_eq!(flat.len(), image.len());
/// assert_eq!(image.to_string(), "[1, 28, 28]");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// A flat vector of features.
    Flat(usize),
    /// A sequence of steps, each with features.
    Sequence {
        /// Number of steps.
        steps: usize,
        /// Number of features per step.
        features: usize,
    },
    /// An image or a stack of feature maps.
    Image {
        /// Number of channels (feature maps).
        channels: usize,
        /// Number of rows.
        height: usize,
        /// Number of columns.
        width: usize,
    },
}

impl Shape {
    /// The number of elements; `usize::MAX` if the product overflows.
    #[allow(clippy::len_without_is_empty)] // A shape is not a container.
    pub fn len(self) -> usize {
        match self {
            Self::Flat(features) => features,
            Self::Sequence { steps, features } => steps.saturating_mul(features),
            Self::Image { channels, height, width } => channels.saturating_mul(height).saturating_mul(width),
        }
    }
}

impl Shape {
    /// Calls `f` with its one, two or three dimensions.
    pub(crate) fn with_sizes<R>(self, f: impl FnOnce(&[usize]) -> R) -> R {
        match self {
            Self::Flat(features) => f(&[features]),
            Self::Sequence { steps, features } => f(&[steps, features]),
            Self::Image { channels, height, width } => f(&[channels, height, width]),
        }
    }

    /// The number of positions that share weights: steps, pixels, or one.
    pub(crate) fn positions(self) -> usize {
        match self {
            Self::Flat(_) => 1,
            Self::Sequence { steps, .. } => steps,
            Self::Image { height, width, .. } => height.saturating_mul(width),
        }
    }
}

impl From<usize> for Shape {
    fn from(features: usize) -> Self {
        Self::Flat(features)
    }
}

/// `[steps, features]`.
impl From<[usize; 2]> for Shape {
    fn from([steps, features]: [usize; 2]) -> Self {
        Self::Sequence { steps, features }
    }
}

/// `[channels, height, width]`.
impl From<[usize; 3]> for Shape {
    fn from([channels, height, width]: [usize; 3]) -> Self {
        Self::Image { channels, height, width }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Flat(features) => write!(f, "{features}"),
            Self::Sequence { steps, features } => write!(f, "[{steps}, {features}]"),
            Self::Image { channels, height, width } => write!(f, "[{channels}, {height}, {width}]"),
        }
    }
}
