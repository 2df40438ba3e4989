//! ONNX files: [`Sequential::to_onnx`] and [`Sequential::from_onnx`].

// Sizes in memory become the format's signed integers.
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

/// What [`read_onnx`] finds in a file.
#[derive(Debug, Clone)]
pub struct FromOnnx<A: Scalar> {
    /// The network.
    pub network: Network<A>,
    /// The names of the classes of a classifier of scikit-learn, in the order of its output; empty if there are none.
    pub classes: Vec<String>,
}

/// Imports an ONNX file as [`Network::from_onnx`], with the names of its classes, and with the chosen outputs only, or all
/// if the list is empty.
///
/// Operators that only other outputs need are not read. Labels are not outputs of a network: of a classifier with a
/// label and probabilities, the probabilities remain.
///
/// ```no_run
/// use neuropil::io::read_onnx;
///
/// let iris = read_onnx::<f32>("iris.onnx", &["probabilities"])?;
/// println!("{:?} of {:?}", iris.network, iris.classes);
/// # Ok::<(), neuropil::Error>(())
/// ```
///
/// # Errors
/// As [`Network::from_onnx`], and [`Error::Format`] for an output that the file does not have.
pub fn read_onnx<A: Scalar>(path: impl AsRef<Path>, outputs: &[&str]) -> Result<FromOnnx<A>> {
    read_file(path.as_ref(), outputs, None)
}

/// Imports an ONNX file with sequences of any number of steps as [`read_onnx`], for this number of them.
///
/// This is for a file whose operators compute with the number of steps, so that it is another network for each number.
/// The network is right for this number only. [`read_onnx`] reads files of which one network has any number of steps.
///
/// ```no_run
/// use neuropil::io::read_onnx_steps;
///
/// let network = read_onnx_steps::<f32>("summary.onnx", &[], 24)?.network;
/// println!("{}", network.input_shape()); // [24, …]
/// # Ok::<(), neuropil::Error>(())
/// ```
///
/// # Errors
/// As [`read_onnx`], and [`Error::Format`] for a file that has no variable number of steps.
pub fn read_onnx_steps<A: Scalar>(path: impl AsRef<Path>, outputs: &[&str], steps: usize) -> Result<FromOnnx<A>> {
    read_file(path.as_ref(), outputs, Some(steps))
}

fn read_file<A: Scalar>(path: &Path, outputs: &[&str], steps: Option<usize>) -> Result<FromOnnx<A>> {
    let bytes = fs::read(path).map_err(|error| Error::file(path, error))?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let (network, classes) = import::read(&bytes, &path.display().to_string(), Some(folder), outputs, steps)?;
    Ok(FromOnnx { network, classes })
}

impl<A: Scalar> Network<A> {
    /// Exports the network, in evaluation mode, to an ONNX file for other runtimes.
    ///
    /// The graph has the network's inputs and outputs by their names. Their first axis is the batch and the others are
    /// those of a sample: (batch, features), (batch, steps, features) or (batch, channels, height, width). The opset is
    /// 20, and the numbers are `f32` whatever `A` is.
    ///
    /// If the network accepts any number of steps, their axis is variable, too, except where an operator depends on it:
    /// positions that are added, learned or not, and windows of sequences that round up or have a stride and padding as
    /// in [`Padding::Same`](crate::layers::Padding::Same).
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a layer without ONNX export; [`Error::Save`] if the file cannot be written.
    pub fn to_onnx(&self, path: impl AsRef<Path>) -> Result<()> {
        atomic::write_whole(path.as_ref(), &self.to_onnx_bytes()?)
    }

    /// The content of the file written by [`to_onnx`](Self::to_onnx).
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
    /// [`Error::Unsupported`] for a layer without ONNX export.
    pub fn to_onnx_bytes(&self) -> Result<Vec<u8>> {
        export::write(self)
    }

    /// Imports an ONNX file of opset 6 to 28 as a graph, operator by operator: the files of [`to_onnx`](Self::to_onnx),
    /// and those that exporters of PyTorch, Keras and scikit-learn write. Inputs and outputs keep their names. External
    /// data must be in the folder of the file.
    ///
    /// The batch is the axis for which the file gives no size, or else the first; a fixed batch size is ignored. A second
    /// axis without a size is that of the steps: the network accepts any number of them. It is declared with as many as
    /// the network that [`to_onnx`](Self::to_onnx) wrote, or with 64. A file that is another network for each number is
    /// refused; [`read_onnx_steps`] reads it for one number. Samples of more than three axes become plain features.
    /// Labels of a classifier are not outputs: see [`read_onnx`].
    ///
    /// Anything whose meaning might differ here is rejected, so that an imported network predicts what the file
    /// specifies. It can be fine-tuned: see `examples/fine_tune.rs`. Recurrent layers that an exporter unrolled have a
    /// copy of their weights for each step.
    ///
    /// # Errors
    /// [`Error::File`] if the file cannot be read; [`Error::Format`] if it is damaged, or an operator is not supported.
    pub fn from_onnx(path: impl AsRef<Path>) -> Result<Self> {
        read_onnx(path, &[]).map(|file| file.network)
    }

    /// Imports the content of an ONNX file: as [`from_onnx`](Self::from_onnx).
    ///
    /// # Errors
    /// As [`from_onnx`](Self::from_onnx).
    pub fn from_onnx_bytes(bytes: &[u8]) -> Result<Self> {
        import::read(bytes, "the ONNX file", None, &[], None).map(|(network, _)| network)
    }
}
