//! ONNX files: [`Sequential::to_onnx`] and [`Sequential::from_onnx`].

// Sizes of what is in memory become the format's signed integers.
#![allow(clippy::cast_possible_wrap)]

use std::fs;
use std::path::Path;

use super::atomic;
use crate::{Error, Network, Result, Scalar};

mod export;
mod external;
mod graph;
mod import;
mod protobuf;

impl<A: Scalar> Network<A> {
    /// Writes the network as it predicts to an ONNX file, which other runtimes execute.
    ///
    /// The graph has the network's inputs and outputs by their names. Their first axis is the batch and the others are
    /// those of a sample: (batch, features), (batch, steps, features) or (batch, channels, height, width). It is of opset
    /// 20, and computes in `f32` whatever `A` is.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a layer that ONNX export does not know; [`Error::Save`] if the file cannot be written.
    pub fn to_onnx(&self, path: impl AsRef<Path>) -> Result<()> {
        atomic::write_whole(path.as_ref(), &self.to_onnx_bytes()?)
    }

    /// The content of the file that [`to_onnx`](Self::to_onnx) writes.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let network = Sequential::<f32>::mlp(&[3, 5, 2], Tanh, &mut rng(1))?.with(Softmax)?;
    /// let again = Sequential::<f32>::from_onnx_bytes(&network.to_onnx_bytes()?)?;
    /// assert_eq!(again.predict_one(&[1.0, 2.0, 3.0]), network.predict_one(&[1.0, 2.0, 3.0]));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a layer that ONNX export does not know.
    pub fn to_onnx_bytes(&self) -> Result<Vec<u8>> {
        export::write(self)
    }

    /// Makes a network of an ONNX file of opset 7 to 25: of the operators that [`to_onnx`](Self::to_onnx) writes, also as
    /// `PyTorch` and others write them, with inputs and outputs of the names in the file. Numbers that the file keeps in
    /// others must be in its own folder.
    ///
    /// What is not certain to mean the same here is refused, so that a network that is read predicts what the file says.
    ///
    /// # Errors
    /// [`Error::File`] if the file cannot be read; [`Error::Format`] if it is damaged, or something in it is no layer of
    /// this crate.
    pub fn from_onnx(path: impl AsRef<Path>) -> Result<Self> {
        let name = || path.as_ref().display().to_string();
        let bytes = fs::read(&path).map_err(|error| Error::File { path: name(), error: error.to_string() })?;
        let folder = path.as_ref().parent().unwrap_or_else(|| Path::new(""));
        import::read(&bytes, &name(), Some(folder))
    }

    /// Makes a network of the content of an ONNX file: as [`from_onnx`](Self::from_onnx).
    ///
    /// # Errors
    /// As [`from_onnx`](Self::from_onnx).
    pub fn from_onnx_bytes(bytes: &[u8]) -> Result<Self> {
        import::read(bytes, "the ONNX file", None)
    }
}
