//! Files: saving and loading models, and exchanging them with other programs and languages.
//!
//! # Model files
//! [`Network::save`](crate::Network::save) writes one file with everything needed to use the network elsewhere:
//! [`Sequential::load`](crate::Sequential::load) needs no code that builds the model, as the architecture is in the
//! file. The format is safetensors, so Python can read the arrays, too:
//!
//! ```python
//! from safetensors import safe_open
//! with safe_open("model.safetensors", "numpy") as file:
//!     print(file.metadata()["architecture"], file.get_tensor("0.weight"))
//! ```
//!
//! `docs/read_model.py` in the repository reads it with NumPy alone, in twenty lines.
//!
//! The metadata in the header, in any order, are:
//!
//! | name | what it is |
//! | --- | --- |
//! | `checksum` | the CRC-32 of the whole file except these eight digits, which detects any flipped bit |
//! | `format` | `neuropil model` |
//! | `format_version` | 1; files of older versions stay readable |
//! | `crate_version` | the version of this crate that wrote it |
//! | `scalar` | `f32` or `f64` |
//! | `architecture` | the network's [`Spec`](crate::spec::Spec) as JSON |
//!
//! A training state saved by [`Trainer::save_state`](crate::train::Trainer::save_state) is such a file, too, with the
//! metadata `training` and more arrays, whose names start with `training.`; it can be loaded as a network.
//!
//! A [`Model`] also contains the encoders and imputers of the network, as the metadata `fitted`, and the
//! [`Record`](crate::train::Record) of its training, as the metadata `record`.
//!
//! The arrays of the network have the names from [`Layer::visit`](crate::layer::Layer::visit), such as `0.weight`.
//!
//! Writing is atomic, even if the program or the machine crashes, and a replaced file keeps its permissions. Loading
//! executes no code, trusts no size in the file, and returns either a network or an [`Error`](crate::Error) that says
//! what is wrong.
//!
//! # Weights of other systems
//! [`Network::load_state_dict`](crate::Network::load_state_dict) reads a state dict of PyTorch, as `torch.save` writes
//! it or in the safetensors format, or Keras weights in the latter, with names mapped by [`Names`];
//! [`Network::save_state_dict`](crate::Network::save_state_dict) writes one. [`SafeTensors`] reads single arrays of
//! such a file.
//!
//! # ONNX
//! [`Network::to_onnx`](crate::Network::to_onnx) exports a network for other runtimes;
//! [`Network::from_onnx`](crate::Network::from_onnx) imports one, and [`read_onnx`] also returns its class names.
//!
//! # Rust
//! [`Network::export_rust`](crate::Network::export_rust) writes a network as one source file that needs neither `std`
//! nor `alloc`; [`Network::to_rust_int8`](crate::Network::to_rust_int8) quantizes the weights to eight bits.
//!
//! # Arrays
//! [`read_npy`] and [`write_npy`] exchange one array with NumPy; [`read_npz`] and [`write_npz`], with the feature
//! `npz`, several by name.

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
#[cfg(feature = "files")]
mod torch;
#[cfg(any(feature = "files", feature = "npz"))]
mod zip;

#[cfg(feature = "files")]
pub use bundle::Model;
pub use npy::{from_npy, read_npy, to_npy, write_npy};
#[cfg(feature = "npz")]
pub use npz::{from_npz, read_npz, write_npz};
#[cfg(feature = "files")]
pub use onnx::{FromOnnx, read_onnx, read_onnx_steps};
#[cfg(feature = "files")]
pub use rust_source::Int8Loss;
#[cfg(feature = "files")]
pub use safetensors::SafeTensors;
#[cfg(feature = "files")]
pub use state_dict::{Names, Unmatched};
