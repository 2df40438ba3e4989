//! Sequences of several lengths: padding changes nothing, any number of steps, streams.

mod any_length;
mod packed;
mod padding;
mod rotary;
mod stream;
mod transformer;

use crate::sequence_zoo::{layers, series, words};
