//! [`Padding`]: the padding of an image.

/// The padding added around an image.
///
/// Converts from integers: `1` is one pixel on each side, `[1, 2]` one row above and below and two columns left and
/// right, `[[1, 0], [2, 2]]` is `[[above, below], [left, right]]`.
///
/// ```
/// use neuropil::layers::Padding;
/// use neuropil::prelude::*;
///
/// let conv = |padding: Padding| {
///     Conv2d::<f32>::new(1, 4, [3, 3], &mut rng(0)).padding(padding).output_shape([1, 9, 9].into())
/// };
/// assert_eq!(conv(0.into())?, [4, 7, 7].into());
/// assert_eq!(conv(Padding::Same)?, [4, 9, 9].into());
/// assert_eq!(conv([[1, 0], [2, 2]].into())?, [4, 8, 11].into());
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// Explicit padding, `[[above, below], [left, right]]`.
    Each([[usize; 2]; 2]),
    /// The padding with which an input of length n gives ⌈n / stride⌉ positions; if it is odd, the larger part comes
    /// after the image.
    ///
    /// This is Keras' rule, and `PyTorch`'s, which only allows stride 1.
    Same,
}

impl Padding {
    /// No padding.
    pub const NONE: Self = Self::Each([[0, 0], [0, 0]]);
}

impl From<usize> for Padding {
    fn from(padding: usize) -> Self {
        [padding, padding].into()
    }
}

impl From<[usize; 2]> for Padding {
    fn from([rows, columns]: [usize; 2]) -> Self {
        Self::Each([[rows, rows], [columns, columns]])
    }
}

impl From<[[usize; 2]; 2]> for Padding {
    fn from(padding: [[usize; 2]; 2]) -> Self {
        Self::Each(padding)
    }
}
