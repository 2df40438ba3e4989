//! [`Network::export_rust`]: a network as one Rust source file.
//!
//! | file | what |
//! |---|---|
//! | [`walk`] | collects the calls of all steps: each layer adds its own, by `Layer::rust` |
//! | [`storage`] | assigns buffers to the arrays between the calls |
//! | [`text`] | writes the source |
//! | [`int8`] | quantizes weights to eight bits, and measures the loss of accuracy |

use std::path::Path;

use ndarray::Array2;

use super::atomic;
use crate::{Error, Init, Matrix, Network, Result, Scalar, rng};

mod int8;
mod storage;
mod text;
mod walk;

pub use int8::Int8Loss;

/// The number of samples in the generated test.
const SAMPLES: usize = 4;

impl<A: Scalar> Network<A> {
    /// Writes the network as one Rust source file, which needs neither `std` nor `alloc`, for a program or a
    /// microcontroller that only predicts.
    ///
    /// Parameters are constants, and nothing is allocated: the caller provides the buffers.
    ///
    /// ```text
    /// pub fn predict(input: &[Number; N], output: &mut [Number; M], scratch: &mut [Number; S])
    /// ```
    ///
    /// The head of the file lists the memory it needs. Batch norm and rescaling are folded into a dense or
    /// convolutional layer before them. The outputs are those of [`predict`](Self::predict) up to rounding, because
    /// multiply-adds are not fused: the error is at most 1e-5 for `f32` and 1e-12 for `f64`, relative to a sample's
    /// largest output or to 1, whichever is larger, unless the network amplifies rounding errors. A test in the file
    /// checks that for a few samples. Where `predict` returns an error, for an index that an embedding does not have,
    /// the outputs are NaN.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a layer or join of another crate without [`rust`](crate::layer::Layer::rust), which
    /// it names, and where a result depends on the lengths of sequences, because of an embedding with a padding index
    /// or a [`Lengths`](crate::joins::Lengths) join; [`Error::Save`] if the file cannot be written.
    pub fn export_rust(&self, path: impl AsRef<Path>) -> Result<()> {
        atomic::write_whole(path.as_ref(), self.to_rust()?.as_bytes())
    }

    /// The content of the file written by [`export_rust`](Self::export_rust).
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let network = Sequential::<f32>::mlp(&[2, 4, 1], Tanh, &mut rng(1))?;
    /// let source = network.to_rust()?;
    /// assert!(source.contains(
    ///     "pub fn predict(input: &[Number; 2], output: &mut [Number; 1], scratch: &mut [Number; 4])"
    /// ));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Unsupported`] as for [`export_rust`](Self::export_rust).
    pub fn to_rust(&self) -> Result<String> {
        let (code, outputs) = walk::write(self, false)?;
        let (x, y) = self.samples()?;
        Ok(text::write(&code.program, &outputs, "", false, &int8::cases(&x, &y, SAMPLES)))
    }

    /// Like [`to_rust`](Self::to_rust), with weights quantized to eight bits, scaled per output channel: a quarter of
    /// the memory of `f32` weights, an eighth of `f64`. Also returns the loss of accuracy on the samples `x`, some of
    /// which are used for the test in the file.
    ///
    /// The weights of dense, convolutional, recurrent and attention layers and of embeddings are quantized; biases and
    /// all other parameters are not.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let network = Sequential::<f32>::mlp(&[2, 40, 3], Tanh, &mut rng(1))?;
    /// let x = Init::STANDARD_NORMAL.matrix(100, 2, &mut rng(2));
    /// let (source, loss) = network.to_rust_int8(&x)?;
    /// assert!(source.contains("static C0: [i8; 80]"));
    /// assert!(loss.largest < 0.02 && loss.samples == 100, "{loss}");
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`to_rust`](Self::to_rust) and of [`predict`](Self::predict) for `x`.
    pub fn to_rust_int8(&self, x: &Matrix<A>) -> Result<(String, Int8Loss)> {
        let (code, outputs) = walk::write(self, true)?;
        let rounded = int8::rounded(self, &code)?.predict(x)?;
        let loss = Int8Loss::of(&self.predict(x)?, &rounded);
        let cases = int8::cases(&x.to_owned(), &rounded, SAMPLES);
        Ok((
            text::write(
                &code.program,
                &outputs,
                &format!("//!\n//! On {} samples, {loss}.\n", x.nrows()),
                true,
                &cases,
            ),
            loss,
        ))
    }

    /// A few samples, of random numbers or of indices for an embedding, and the network's predictions for them.
    fn samples(&self) -> Result<(Array2<A>, Array2<A>)> {
        let numbers =
            Init::Uniform { low: -2.0, high: 2.0 }.matrix::<A>(SAMPLES, self.input_shape().len(), &mut rng(0));
        let indices = |most: usize| Array2::from_shape_fn(numbers.dim(), |(i, j)| A::of(((i + j) % (most + 1)) as f64));
        let tries = std::iter::once(numbers.clone()).chain([2, 1, 0].map(indices));
        let mut last = Err(Error::Empty);
        for x in tries {
            match self.predict(&x) {
                Ok(y) => return Ok((x, y)),
                Err(error) => last = Err(error),
            }
        }
        last
    }
}
