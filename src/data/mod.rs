//! Data to learn from: small made-up sets, handwritten digits, patients with diabetes, and a reader for MNIST.
//!
//! Data are [`Samples`]: a matrix with one row a sample, and a matrix with the target of each. Class indices are numbers
//! in one column: 0, 1, 2 and so on.
//!
//! ```
//! use neuropil::data;
//! use neuropil::prelude::*;
//!
//! let mut rng = rng(7);
//! let moons = data::moons::<f32>(200, 0.1, &mut rng);
//! let (train, test) = moons.split(0.25, &mut rng)?;
//! assert_eq!((train.len(), test.len()), (150, 50));
//! for batch in train.batches(32, &mut rng) {
//!     assert_eq!(batch.x.nrows(), batch.target.nrows());
//! }
//! # Ok::<(), Error>(())
//! ```
//!
//! A [`Dataset`] is anything that samples can be gathered from: [`Samples`], a pair of matrices, or your own.
//!
//! Generators draw from the random numbers they are given, in `f64`, and round at the end: the same seed makes the same
//! points in `f32` and in `f64`. Sample i is of class i modulo the number of classes, so any first part is balanced.

mod blobs;
mod circles;
mod dataset;
mod diabetes;
mod digits;
mod idx;
mod mnist;
mod moons;
mod samples;
mod spirals;
mod xor;

pub use blobs::blobs;
pub use circles::circles;
pub use dataset::Dataset;
pub use diabetes::diabetes;
pub use digits::digits;
pub use idx::{Idx, parse_idx, read_idx};
pub use mnist::Mnist;
pub use moons::moons;
pub use samples::Samples;
pub use spirals::spirals;
pub use xor::xor;
