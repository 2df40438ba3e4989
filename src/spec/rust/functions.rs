//! The functions that the layers of this crate call, one file each in `kernels`; layers of other crates may call them,
//! too.

use super::Function;

macro_rules! functions {
    ($($doc:literal $constant:ident $name:ident $file:literal [$($needs:ident),*];)+) => {
        $(
            #[doc = $doc]
            pub const $constant: Function =
                Function::new(stringify!($name), include_str!(concat!("kernels/", $file, ".rs")))
                    .needs(&[$(&$needs),*]);
        )+
    };
}

functions! {
    "y += x·W for one row." PRODUCT product "product" [];
    "y = x·W + b for each row." DENSE dense "dense" [PRODUCT];
    "y = x·W + b with some columns of W." DENSE_PART dense_part "dense_part" [PRODUCT];
    "y = y·scale + shift per channel." SCALE_AND_SHIFT scale_and_shift "scale_and_shift" [];
    "Parametric ReLU: a slope per channel." P_RELU p_relu "p_relu" [];
    "Softmax." SOFTMAX softmax "softmax" [];
    "Log-softmax." LOG_SOFTMAX log_softmax "log_softmax" [];
    "Normalization to mean 0 and variance 1." NORMALIZE normalize "normalize" [];
    "A convolution of images." CONV2D conv2d "conv2d" [AXIS];
    "A transposed convolution of images." CONV_TRANSPOSE2D conv_transpose2d "conv_transpose2d" [AXIS];
    "A convolution of sequences." CONV1D conv1d "conv1d" [AXIS, PRODUCT];
    "Max pooling." MAX_POOL max_pool "max_pool" [AXIS];
    "Average pooling." AVG_POOL avg_pool "avg_pool" [AXIS];
    "Adaptive average pooling." ADAPTIVE_AVG_POOL adaptive_avg_pool "adaptive_avg_pool" [];
    "A recurrent layer." RECURRENT recurrent "recurrent" [PRODUCT, PADDING];
    "The number of steps before the padding." PADDING steps_before_padding "padding" [];
    "Zeros where another sequence has padding." CLEAR_PADDING clear_padding "clear_padding" [PADDING];
    "Adds positional encodings." ADD_CODES add_codes "add_codes" [PADDING];
    "Multi-head attention." ATTENTION attention "attention" [PADDING];
    "Rotary position embeddings." ROTATE rotate "rotate" [];
    "Embedding lookup." EMBEDDING embedding "embedding" [];
    "Image padding." PAD2D pad2d "pad2d" [];
    "Permutation of axes." PERMUTE permute "permute" [];
    "Pixel shuffle." PIXEL_SHUFFLE pixel_shuffle "pixel_shuffle" [];
    "Nearest-neighbor upsampling." UPSAMPLE_NEAREST upsample_nearest "upsample_nearest" [];
    "Bilinear upsampling." UPSAMPLE_BILINEAR upsample_bilinear "upsample_bilinear" [];
    "Resizing of images." RESIZE2D resize2d "resize2d" [];
    "Elements at strides." STRIDED strided "strided" [];
    "Concatenation of features." CONCAT concat "concat" [];
    "The elementwise product." MULTIPLY multiply "multiply" [];
    "The matrix product." MAT_MUL mat_mul "mat_mul" [PRODUCT];
    "The dot product." DOT dot "dot" [];
    "The Euclidean distance." DISTANCE distance "distance" [];
}

/// Windows on one axis.
pub const AXIS: Function = Function::new("Axis", include_str!("../../kernels/window/axis.rs"));
