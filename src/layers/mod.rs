//! The layers, one file each, with everything specific to the layer.
//!
//! # A new layer
//! Add one file here and one entry in the list below; in another crate, one file is enough. See
//! [`Layer`](crate::layer::Layer) for an example, and `examples/own_layer.rs`. An elementwise function is an
//! [`Activation`](crate::activations::Activation) instead.
//!
//! A constructor that takes sizes never fails: a network checks them when the layer is added, and whether its
//! parameters could be allocated. A constructor that takes arrays (`from_parameters`) returns a
//! [`Result`](crate::Result).

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
