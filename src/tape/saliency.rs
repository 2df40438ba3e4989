//! The sensitivity of an output to the input: [`Network::saliency`].

use ndarray::Array2;

use super::Tape;
use crate::{Error, Matrix, Network, Result, Scalar};

impl<A: Scalar> Network<A> {
    /// The saliency of each input for the output `class` of each sample: |dy/dx|, of the shape of `x`.
    ///
    /// The derivative is taken in evaluation mode. (Simonyan, Vedaldi, Zisserman, Deep inside convolutional networks,
    /// 2013.)
    ///
    /// ```
    /// use neuropil::prelude::*;
    /// use ndarray::array;
    ///
    /// let layer = Dense::from_parameters(array![[2.0, 0.0], [-3.0, 1.0]], array![0.0, 0.0])?;
    /// let network = Sequential::<f64>::new(2).with(layer)?;
    /// assert_eq!(network.saliency(&array![[1.0, 1.0]], 0)?, array![[2.0, 3.0]]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Tape::forward`]; [`Error::Setting`] if `class` is not below the number of outputs.
    pub fn saliency(&self, x: &Matrix<A>, class: usize) -> Result<Array2<A>> {
        let mut tape = Tape::new(self, 0).predicting();
        let (rows, classes) = tape.forward(self, x)?.dim();
        if class >= classes {
            let (what, wants) = ("the class".into(), "below the number of outputs");
            return Err(Error::Setting { what, wants, got: class as f64 });
        }
        let one = Array2::from_shape_fn((rows, classes), |(_, c)| if c == class { A::ONE } else { A::ZERO });
        Ok(tape.backward_from(self, &one)?.input.mapv(A::abs))
    }
}
