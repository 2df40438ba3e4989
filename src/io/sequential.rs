//! Loading files as a [`Sequential`].

use std::path::Path;

use crate::layer::Registry;
use crate::{Network, Result, Scalar, Sequential};

impl<A: Scalar> Sequential<A> {
    /// Like [`Network::load`], for a chain.
    ///
    /// # Errors
    /// As [`Network::load`]; [`Error::Graph`](crate::Error::Graph) for a network that is not a chain.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        Network::load(path)?.try_into()
    }

    /// Like [`Network::load_with`], for a chain.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_with(path: impl AsRef<Path>, registry: &Registry<A>) -> Result<Self> {
        Network::load_with(path, registry)?.try_into()
    }

    /// Like [`Network::from_bytes`], for a chain.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Network::from_bytes(bytes)?.try_into()
    }

    /// Like [`Network::from_bytes_with`], for a chain.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_bytes_with(bytes: &[u8], registry: &Registry<A>) -> Result<Self> {
        Network::from_bytes_with(bytes, registry)?.try_into()
    }

    /// Like [`Network::from_onnx`], for a chain.
    ///
    /// # Errors
    /// As [`Network::from_onnx`]; [`Error::Graph`](crate::Error::Graph) for a network that is not a chain.
    pub fn from_onnx(path: impl AsRef<Path>) -> Result<Self> {
        Network::from_onnx(path)?.try_into()
    }

    /// Like [`Network::from_onnx_bytes`], for a chain.
    ///
    /// # Errors
    /// As [`from_onnx`](Self::from_onnx).
    pub fn from_onnx_bytes(bytes: &[u8]) -> Result<Self> {
        Network::from_onnx_bytes(bytes)?.try_into()
    }
}
