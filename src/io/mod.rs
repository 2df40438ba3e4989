//! Models that travel: files that another program, or another language, can read.
//!
//! # Model files
//! [`Sequential::save`](crate::Sequential::save) writes one file that is all it takes to use the network elsewhere:
//! [`Sequential::load`](crate::Sequential::load) needs no code of the model, for the file says what the layers are.
//! It is a file in the safetensors format, so Python reads the arrays, too:
//!
//! ```python
//! from safetensors import safe_open
//! with safe_open("model.safetensors", "numpy") as file:
//!     print(file.metadata()["architecture"], file.get_tensor("0.weight"))
//! ```
//!
//! The texts in the header are:
//!
//! | name | what it is |
//! | --- | --- |
//! | `checksum` | the CRC-32 of the whole file without these eight digits: no flipped bit goes unnoticed |
//! | `format` | `neuropil model` |
//! | `format_version` | 1; files of older versions stay readable |
//! | `crate_version` | the version of this crate that wrote it |
//! | `scalar` | `f32` or `f64` |
//! | `architecture` | the network's [`Spec`](crate::spec::Spec) as JSON |
//!
//! A training that [`Trainer::save_state`](crate::train::Trainer::save_state) saved is such a file, too, with the text
//! `training` about it, and more arrays, whose names begin with `training.`; it loads as a network as well.
//!
//! A [`Model`] has the encoders and imputers beside the network in it, too, as the text `fitted`.
//!
//! The arrays of the network have the names that [`Layer::visit`](crate::layer::Layer::visit) shows, such as `0.weight`.
//!
//! Files are written whole or not at all, also if the program or the machine stops in the middle, and a file that is
//! replaced keeps its permissions. Loading executes nothing, trusts no size in the file, and either gives a network or
//! an [`Error`](crate::Error) that tells what is wrong.
//!
//! # Weights of other systems
//! [`Sequential::load_state_dict`](crate::Sequential::load_state_dict) takes a `PyTorch` state dict, or Keras's weights, in
//! the safetensors format by [`Names`], and [`Sequential::save_state_dict`](crate::Sequential::save_state_dict) writes one.
//!
//! # ONNX
//! [`Sequential::to_onnx`](crate::Sequential::to_onnx) writes a network for other runtimes, and
//! [`Sequential::from_onnx`](crate::Sequential::from_onnx) reads the same operators.
//!
//! # Rust
//! [`Sequential::export_rust`](crate::Sequential::export_rust) writes a network as one source file without dependencies.
//!
//! # Arrays
//! [`read_npy`] and [`write_npy`] exchange an array with `NumPy`, [`read_npz`] and [`write_npz`] several by name.

pub(crate) mod atomic;
#[cfg(feature = "files")]
mod bundle;
#[cfg(feature = "files")]
pub(crate) mod container;
mod half;
#[cfg(feature = "files")]
mod json;
#[cfg(feature = "files")]
pub(crate) mod model;
mod npy;
#[cfg(feature = "npz")]
mod npz;
#[cfg(feature = "files")]
mod onnx;
#[cfg(feature = "files")]
mod rust_source;
#[cfg(feature = "files")]
mod safetensors;
#[cfg(feature = "files")]
mod sequential;
#[cfg(feature = "files")]
mod state_dict;
#[cfg(feature = "npz")]
mod zip;

#[cfg(feature = "files")]
pub use bundle::Model;
pub use npy::{from_npy, read_npy, to_npy, write_npy};
#[cfg(feature = "npz")]
pub use npz::{from_npz, read_npz, write_npz};
#[cfg(feature = "files")]
pub use safetensors::SafeTensors;
#[cfg(feature = "files")]
pub use state_dict::{Names, Unmatched};
