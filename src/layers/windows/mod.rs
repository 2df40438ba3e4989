//! What the layers with a window that moves over images or sequences have in common: convolutions and pools.
//!
//! A window has settings for rows and columns. On sequences it moves over the steps as over the rows of an image of one
//! column.
//!
//! | file | what |
//! |---|---|
//! | [`setters`] | macros for the methods that change a layer's window or bias |
//! | [`fit`] | whether windows fit on an input |
//! | [`pools`] | the same for pools, whose windows must see a pixel |
//! | [`parameters`] | sizes, weights and biases of convolutions |
//! | [`terms`] | the products that make up a convolution of sequences |
//! | [`spec`], [`text`] | windows in a [`Spec`](crate::spec::Spec), and as text |

#[macro_use]
mod setters;
mod fit;
mod parameters;
mod pools;
mod spec;
mod terms;
mod text;

pub(super) use parameters::{bias_row, check_sizes, restore_bias, restore_sizes, uniform, weight_rows};
pub(super) use pools::{pool_axes, pool_axes_of_steps, pooled, whole};
pub(super) use terms::{Term, in_parts, terms};
pub(super) use text::{write_end, write_steps};
