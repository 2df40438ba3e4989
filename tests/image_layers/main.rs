//! Convolutions and pads: against reference values, finite differences, definitions written out as plain loops, and
//! every way to build them wrong.

mod convolution;
mod convolution1d;
#[cfg(feature = "files")]
mod exchange;
mod goldens;
mod pads;
mod random;
mod transposed;
