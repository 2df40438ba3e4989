//! The functions that the layers of this crate call, one file each in `kernels`; layers of other crates may, too.

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
    "The leaky rectifier with a slope per channel." P_RELU p_relu "p_relu" [];
    "Probabilities." SOFTMAX softmax "softmax" [];
    "Logarithms of probabilities." LOG_SOFTMAX log_softmax "log_softmax" [];
    "Subtracts means and divides by deviations." NORMALIZE normalize "normalize" [];
    "A convolution of images." CONV2D conv2d "conv2d" [AXIS];
    "A transposed convolution of images." CONV_TRANSPOSE2D conv_transpose2d "conv_transpose2d" [AXIS];
    "A convolution of sequences." CONV1D conv1d "conv1d" [AXIS, PRODUCT];
    "A max pool." MAX_POOL max_pool "max_pool" [AXIS];
    "An average pool." AVG_POOL avg_pool "avg_pool" [AXIS];
    "An average pool to a given size." ADAPTIVE_AVG_POOL adaptive_avg_pool "adaptive_avg_pool" [];
    "One layer of a recurrent network." RECURRENT recurrent "recurrent" [PRODUCT, PADDING];
    "The steps before trailing zeros." PADDING steps_before_padding "padding" [];
    "Zeros where another sequence has trailing zeros." CLEAR_PADDING clear_padding "clear_padding" [PADDING];
    "Adds codes of positions." ADD_CODES add_codes "add_codes" [PADDING];
    "Attention in several heads." ATTENTION attention "attention" [PADDING];
    "Rows of a table." EMBEDDING embedding "embedding" [];
    "Padding of images." PAD2D pad2d "pad2d" [];
    "Another order of axes." PERMUTE permute "permute" [];
    "Channels become pixels." PIXEL_SHUFFLE pixel_shuffle "pixel_shuffle" [];
    "Repeated pixels." UPSAMPLE_NEAREST upsample_nearest "upsample_nearest" [];
    "Interpolated pixels." UPSAMPLE_BILINEAR upsample_bilinear "upsample_bilinear" [];
    "Features next to each other." CONCAT concat "concat" [];
    "A dot product." DOT dot "dot" [];
    "A distance." DISTANCE distance "distance" [];
}

/// Windows on one axis.
pub const AXIS: Function = Function::new("Axis", include_str!("../../kernels/window/axis.rs"));
