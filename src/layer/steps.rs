//! [`Steps`]: how a layer treats the steps of sequences, and so their padding.

/// How a layer treats the steps of a sequence: see [`Layer::steps`](super::Layer::steps).
///
/// Sequences of a batch may have different lengths; shorter ones are padded at the end. If the lengths are known, from
/// an [`Embedding`](crate::layers::Embedding) with a padding index or a [`Lengths`](crate::joins::Lengths) join, the
/// network leaves the padding out of every computation, by the rule of each layer. Padding does not change a single bit
/// of a result; its outputs and gradients are 0.
///
/// ```
/// use neuropil::layer::{Backward, Layer, Pass, Steps};
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// /// y = 2x, at each step alone.
/// #[derive(Debug, Clone)]
/// struct Double;
///
/// impl<A: Scalar> Layer<A> for Double {
///     fn output_shape(&self, input: Shape) -> Result<Shape> {
///         Ok(input)
///     }
///     fn steps(&self, _: Shape) -> Steps {
///         Steps::Each
///     }
///     fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, _: &mut Pass<'_>) -> Result<()> {
///         y.assign(&(x * A::of(2.0)));
///         Ok(())
///     }
///     fn backward(&self, at: Backward<'_, A>, _: &mut Pass<'_>) -> Result<()> {
///         if let Some(dx) = at.dx {
///             dx.assign(&(at.dy * A::of(2.0)));
///         }
///         Ok(())
///     }
/// }
///
/// let words = Embedding::from_parameters(array![[9.0], [1.0], [2.0]]).padding(0)?;
/// let network = Sequential::new(4).with(words)?.with(Double)?;
/// let mut scratch = Scratch::default();
/// assert_eq!(network.predict_into(&array![[1.0, 2.0, 0.0, 0.0]], &mut scratch)?, &array![[2.0, 4.0, 0.0, 0.0]]);
/// assert_eq!(scratch.lengths(), [2]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Steps {
    /// Each step of the output depends only on the same step of the input. The layer is called with one step per row,
    /// without the padding.
    Each,
    /// No step of the output depends on a later step of the input, and the layer honors
    /// [`Pass::lengths`](super::Pass::lengths). It can be [streamed](crate::Network::stream): it also honors
    /// [`Pass::stream`](super::Pass::stream).
    Causal,
    /// The layer honors [`Pass::lengths`](super::Pass::lengths). If its output is a sequence, it has the same steps.
    All,
    /// The layer combines steps without using the lengths: sequences with lengths are rejected.
    Unknown,
}
