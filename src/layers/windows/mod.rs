//! The common parts of layers with a sliding window: convolution and pooling.
//!
//! A window has settings for rows and columns. A sequence is treated as an image with one column, whose rows are the
//! steps.
//!
//! | file | what |
//! |---|---|
//! | [`setters`] | macros for setters of windows and biases |
//! | [`fit`] | whether windows fit an input |
//! | [`pools`] | checks and passes of pooling layers |
//! | [`parameters`] | sizes, weights and biases of convolutions |
//! | [`terms`] | the matrix products of a convolution of sequences |
//! | [`spec`], [`text`], [`onnx`], [`rust`] | windows in a [`Spec`](crate::spec::Spec), as text, in ONNX and Rust |

#[macro_use]
mod setters;
mod fit;
mod onnx;
mod parameters;
mod pools;
mod rust;
mod spec;
mod terms;
mod text;

pub(super) use fit::not_image_of;
pub(super) use onnx::{avg_pool, convolve, group_attribute, max_pool, window_attributes};
pub(super) use parameters::{
    bias_parameter, bias_row, check_sizes, fan, restore_bias, restore_sizes, uniform, weight_rows,
};
pub(super) use pools::{
    max_backward, max_forward, mean_backward, mean_forward, pool_axes, pool_axes_of_steps, pooled, whole,
};
pub(super) use rust::{avg_pool_rust, axes_text, axis_text, max_pool_rust};
pub(super) use terms::{Term, in_parts, terms};
pub(super) use text::{write_end, write_steps};
