//! [`Padding`]: how many zeros go around an image.

/// How many cells are added around an image before a window moves over it.
///
/// Numbers convert: `1` is one cell on each side, `[1, 2]` one row above and below and two columns left and right,
/// `[[1, 0], [2, 2]]` is (above, below) and (left, right).
///
/// ```
/// use neuropil::prelude::*;
///
/// let conv = |padding: Padding| Conv2d::<f32>::new(1, 4, [3, 3], &mut rng(0))?.padding(padding).output_shape([1, 9,
/// 9].into()); assert_eq!(conv(0.into())?, [4, 7, 7].into()); assert_eq!(conv(Padding::Same)?, [4, 9, 9].into());
/// assert_eq!(conv([[1, 0], [2, 2]].into())?, [4, 8, 11].into());
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// As many cells on each side as the numbers say: (above, below) and (left, right).
    Each([[usize; 2]; 2]),
    /// The cells with which an input of n cells gives ⌈n / stride⌉; of an odd number the larger part comes after the
    /// image.
    ///
    /// This is Keras' rule; with stride 1 it is `PyTorch`'s, too, which refuses other strides.
    Same,
}

impl Padding {
    /// No padding.
    pub const NONE: Self = Self::Each([[0, 0], [0, 0]]);
}

impl From<usize> for Padding {
    fn from(cells: usize) -> Self {
        [cells, cells].into()
    }
}

impl From<[usize; 2]> for Padding {
    fn from([rows, columns]: [usize; 2]) -> Self {
        Self::Each([[rows, rows], [columns, columns]])
    }
}

impl From<[[usize; 2]; 2]> for Padding {
    fn from(cells: [[usize; 2]; 2]) -> Self {
        Self::Each(cells)
    }
}
