//! The layers, one file each.
//!
//! | kind | layers |
//! |---|---|
//! | dense | [`Dense`]; [`Embedding`] of indices |
//! | convolution | [`Conv1d`], [`Conv2d`], [`ConvTranspose2d`] |
//! | pooling | [`MaxPool1d`], [`MaxPool2d`], [`AvgPool1d`], [`AvgPool2d`], [`AdaptiveAvgPool2d`], [`GlobalAvgPool`], [`GlobalMaxPool`] |
//! | recurrent | [`Lstm`], [`Gru`], [`Rnn`], all with the methods of [`Recurrent`]; [`LastStep`] |
//! | attention | [`MultiHeadAttention`]; [`SinusoidalPositions`], [`LearnedPositions`], [`LearnedTokens`] |
//! | normalization | [`BatchNorm`], [`LayerNorm`], [`GroupNorm`], [`InstanceNorm`], [`RmsNorm`] |
//! | regularization | [`Dropout`], [`SpatialDropout`], [`GaussianNoise`] |
//! | activation | [`Softmax`], [`LogSoftmax`], [`Glu`], [`PRelu`], [`RRelu`]; the elementwise ones are in [`activations`](crate::activations) |
//! | shape | [`Flatten`], [`Reshape`], [`Permute`], [`Strided`], [`Pad2d`], [`Upsample`], [`Resize2d`], [`PixelShuffle`] |
//! | preprocessing | [`Rescale`], [`Impute`] |
//! | blocks of layers | [`Residual`](crate::Residual), [`Parallel`](crate::Parallel), [`TransformerLayer`](crate::TransformerLayer), and any [`Network`](crate::Network) |
//!
//! Layers of your own implement [`Layer`](crate::layer::Layer), which has an example; elementwise functions implement
//! [`Activation`](crate::activations::Activation).
//!
//! A constructor that takes sizes never fails: when the layer is added, a network checks the sizes, and whether the
//! parameters could be allocated. A constructor that takes arrays, such as `from_parameters`, returns a
//! [`Result`](crate::Result) if their sizes can be wrong.

#[macro_use]
mod windows;

mod recurrent;
mod shared;

pub use crate::kernels::window::Padding;
pub use recurrent::{Cell, Recurrent, RecurrentGradients, RecurrentState};

/// Declares layers: the file, the layer in it, and the other exports of the file.
macro_rules! layers {
    ($($file:ident: $layer:ident $(<$scalar:ident>)? $(, $more:ident)*;)+) => {
        $(
            mod $file;
            pub use $file::{$layer $(, $more)*};
        )+

        /// Registers how each layer is restored.
        pub(crate) fn register<A: crate::Scalar>(registry: &mut crate::layer::Registry<A>) {
            $(registry.register::<$layer $(<$scalar>)?>();)+
        }
    };
}

layers! {
    adaptive_avg_pool2d: AdaptiveAvgPool2d;
    avg_pool1d: AvgPool1d;
    avg_pool2d: AvgPool2d;
    batch_norm: BatchNorm<A>;
    conv1d: Conv1d<A>;
    conv2d: Conv2d<A>;
    conv_transpose2d: ConvTranspose2d<A>;
    dense: Dense<A>;
    dropout: Dropout;
    embedding: Embedding<A>;
    flatten: Flatten;
    gaussian_noise: GaussianNoise;
    global_avg_pool: GlobalAvgPool;
    global_max_pool: GlobalMaxPool;
    glu: Glu<A>;
    group_norm: GroupNorm<A>;
    gru: Gru<A>, GruCell;
    impute: Impute<A>;
    instance_norm: InstanceNorm<A>;
    last_step: LastStep;
    layer_norm: LayerNorm<A>;
    learned_positions: LearnedPositions<A>;
    learned_tokens: LearnedTokens<A>;
    log_softmax: LogSoftmax;
    lstm: Lstm<A>, LstmCell;
    max_pool1d: MaxPool1d;
    max_pool2d: MaxPool2d;
    multi_head_attention: MultiHeadAttention<A>, Attention, AttentionGradients;
    pad2d: Pad2d;
    permute: Permute;
    pixel_shuffle: PixelShuffle;
    prelu: PRelu<A>;
    rescale: Rescale<A>;
    reshape: Reshape;
    resize2d: Resize2d;
    rms_norm: RmsNorm<A>;
    rnn: Rnn<A>, RnnCell;
    rrelu: RRelu;
    sinusoidal_positions: SinusoidalPositions;
    softmax: Softmax;
    spatial_dropout: SpatialDropout;
    strided: Strided;
    upsample: Upsample;
}
