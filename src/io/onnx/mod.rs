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

/// What [`read_onnx`] reads from a file.
#[derive(Debug, Clone)]
pub struct FromOnnx<A: Scalar> {
    /// The network.
    pub network: Network<A>,
    /// The class names of a scikit-learn classifier, in the order of its outputs; empty if there are none.
    pub classes: Vec<String>,
}

/// Imports an ONNX file like [`Network::from_onnx`], with its class names, and with only the chosen outputs, or all if
/// the list is empty.
///
/// Operators that only other outputs need are not read. Class labels are not outputs of the network: of a classifier
/// with a label and probabilities, only the probabilities remain.
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
/// Those of [`Network::from_onnx`]; [`Error::Format`] for an output that the file does not have.
pub fn read_onnx<A: Scalar>(path: impl AsRef<Path>, outputs: &[&str]) -> Result<FromOnnx<A>> {
    read_file(path.as_ref(), outputs, None)
}

/// Imports an ONNX file with a variable number of steps for one number, `steps`; otherwise like [`read_onnx`].
///
/// This is for files whose operators compute with the number of steps, so that each number gives a different network.
/// The network is valid for `steps` steps only. Where one network is valid for any number, [`read_onnx`] reads the
/// file.
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
/// Those of [`read_onnx`]; [`Error::Format`] for a file without a variable number of steps.
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
    /// Inputs and outputs keep their names. Their first axis is the batch and the others are those of a sample: (batch,
    /// features), (batch, steps, features) or (batch, channels, height, width). The opset is 20, and the numbers are
    /// `f32` for any `A`.
    ///
    /// If the network accepts any number of steps, their axis is variable, too, unless an operator depends on the
    /// number: in learned, sinusoidal and rotary positions; in convolutions and pooling of sequences that round the
    /// number of outputs up, or have a stride and [`Padding::Same`](crate::layers::Padding::Same); and in
    /// [`Glu`](crate::layers::Glu).
    ///
    /// # Errors
    /// Those of [`to_onnx_bytes`](Self::to_onnx_bytes); [`Error::Save`] if the file cannot be written.
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
    /// [`Error::Unsupported`] for a layer without ONNX export; [`Error::Graph`] if an input and an output have the same
    /// name.
    pub fn to_onnx_bytes(&self) -> Result<Vec<u8>> {
        export::write(self)
    }

    /// Imports an ONNX file of opset 6 to 28 as a graph, operator by operator: the files of [`to_onnx`](Self::to_onnx),
    /// and those that exporters of PyTorch, Keras and scikit-learn write. Inputs and outputs keep their names. External
    /// data must be in the folder of the file.
    ///
    /// The batch is the axis for which the file gives no size, or else the first; a fixed batch size is ignored. A
    /// second axis without a size is that of the steps: the network accepts any number of them. The shape of its input
    /// has as many steps as that of the network that [`to_onnx`](Self::to_onnx) exported, or 64 for other files. A file
    /// that gives a different network for each number of steps is rejected; [`read_onnx_steps`] reads it for one
    /// number. Samples of more than three axes become flat features. Class labels are not outputs: see [`read_onnx`].
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

    /// Imports the content of an ONNX file, like [`from_onnx`](Self::from_onnx).
    ///
    /// # Errors
    /// [`Error::Format`] as for [`from_onnx`](Self::from_onnx), and for external data.
    pub fn from_onnx_bytes(bytes: &[u8]) -> Result<Self> {
        import::read(bytes, "the ONNX file", None, &[], None).map(|(network, _)| network)
    }
}
