//! Data sets and their preparation: generators of small data sets, handwritten digits, diabetes patients, readers for
//! MNIST and tables, scalers and encoders.
//!
//! Data are [`Samples`]: a matrix with one sample per row, and a matrix with their targets. Class indices are one
//! column of 0, 1, 2 and so on.
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
//! A [`Dataset`] is any source of samples: [`Samples`], a pair of matrices, or your own.
//!
//! # Sequences
//! [`pad`] writes sequences of different lengths into a matrix, [`batches_by_length`] deals them to batches of similar
//! length, [`windows()`] cuts a series into samples for forecasts, and a [`Vocabulary`] numbers the characters or words of
//! texts.
//!
//! # Preparing data
//! [`StandardScaler`] and [`MinMaxScaler`] scale columns, [`Imputer`] and [`TextImputer`] fill in missing values (NaN,
//! or an empty text), [`OneHot`] and [`LabelEncoder`] encode categories and labels. Each is created by fitting it to
//! the training data, so an unfitted one does not exist, and test data cannot leak in by accident. Their parameters can
//! be read, and used to create an equal one. [`Split`] selects test samples, optionally stratified or in folds. With
//! the feature `csv`, `Csv` reads tables.
//!
//! ```
//! use neuropil::data::{self, StandardScaler};
//! use neuropil::prelude::*;
//!
//! let (mut train, mut test) = data::digits::<f32>().stratified_split(0.2, &mut rng(7))?;
//! let scaler = StandardScaler::fit(&train.x)?;
//! for samples in [&mut train, &mut test] {
//!     samples.x = scaler.transform(&samples.x)?;
//! }
//! # Ok::<(), Error>(())
//! ```
//!
//! # Sequences
//! [`pad`] writes sequences of different lengths into a matrix, [`batches_by_length`] deals them to batches of similar
//! length, [`windows()`] cuts a series into samples for forecasts, and a [`Vocabulary`] numbers the characters or words of
//! texts.
//!
//! # Synthetic data
//! Generators compute in `f64` and round at the end, so a seed gives the same points in `f32` and `f64`. Sample i is of
//! class i modulo the number of classes, so the first n samples are balanced for any n.

mod blobs;
mod by_length;
mod categories;
mod circles;
mod columns;
#[cfg(feature = "csv")]
mod csv;
mod dataset;
mod diabetes;
mod digits;
mod fitted;
mod gzip;
mod idx;
mod imputer;
mod label_encoder;
mod min_max_scaler;
mod mnist;
mod moons;
mod named;
mod one_hot;
mod pad;
mod samples;
mod spirals;
mod split;
mod standard_scaler;
mod text_imputer;
mod vocabulary;
mod windows;
mod xor;

pub use blobs::blobs;
pub use by_length::batches_by_length;
pub(crate) use by_length::shuffle_by_length;
pub use circles::circles;
#[cfg(feature = "csv")]
pub use csv::{Csv, Table};
pub use dataset::Dataset;
pub use diabetes::diabetes;
pub use digits::digits;
pub use fitted::Fitted;
pub use idx::{Idx, parse_idx, read_idx};
pub use imputer::Imputer;
pub use label_encoder::LabelEncoder;
pub use min_max_scaler::MinMaxScaler;
pub use mnist::Mnist;
pub use moons::moons;
pub use named::NamedSamples;
pub use one_hot::OneHot;
pub use pad::pad;
pub use samples::Samples;
pub use spirals::spirals;
pub use split::Split;
pub use standard_scaler::StandardScaler;
pub use text_imputer::TextImputer;
pub use vocabulary::{Token, Vocabulary};
pub use windows::{Windows, windows};
pub use xor::xor;
