//! Neural networks in pure Rust on `ndarray`.

pub mod kernels;
mod scalar;

pub use scalar::Scalar;
