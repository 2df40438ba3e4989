//! [`Steps`]: how a layer treats the steps of sequences, and with them padding.

/// How a layer treats the steps of a sequence: see [`Layer::steps`](super::Layer::steps).
///
/// Sequences of a batch may have different lengths; shorter ones are padded at the end. A network that knows the
/// lengths, from an [`Embedding`](crate::layers::Embedding) with a padding index or a join of
/// [`Lengths`](crate::joins::Lengths), leaves the padding out of every computation, by this rule of each layer. Padding
/// changes no bit of a result; the outputs and gradients of padding are 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Steps {
    /// Each step of the output depends only on the same step of the input. The layer is called with one step per row,
    /// without the padding.
    Each,
    /// No step of the output depends on a later step of the input, and the layer honours
    /// [`Pass::lengths`](super::Pass::lengths). It can be [streamed](crate::Network::stream): it honours
    /// [`Pass::stream`](super::Pass::stream), too.
    Causal,
    /// The layer honours [`Pass::lengths`](super::Pass::lengths). If its output is a sequence, it has the same steps.
    All,
    /// The layer combines steps without knowing their lengths: sequences with lengths are refused.
    Unknown,
}
