//! What a network makes of a batch on the way: the output of every layer, and what the input has to do with a class.

use ndarray::Array2;

use crate::layers::{Cache, Pass};
use crate::{Error, Matrix, Result, Scalar, Sequential, Tape, rng};

impl<A: Scalar> Sequential<A> {
    /// The outputs of every layer for a batch, in the mode in which a network predicts.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let network = Sequential::<f64>::mlp(&[2, 4, 1], Tanh, &mut rng(1))?;
    /// let outputs = network.layer_outputs(&ndarray::array![[0.5, -1.0]])?;
    /// assert_eq!(outputs.iter().map(|y| y.ncols()).collect::<Vec<_>>(), [4, 4, 1]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Width`] when the rows are not of the network's input shape; errors of the layers.
    pub fn layer_outputs(&self, x: &Matrix<A>) -> Result<Vec<Array2<A>>> {
        if x.ncols() != self.input().len() {
            return Err(Error::Width { wants: self.input(), got: x.ncols() });
        }
        let (mut shape, mut outputs) = (self.input(), Vec::<Array2<A>>::new());
        let x = x.as_standard_layout();
        for (i, layer) in self.layers().enumerate() {
            let output = layer.output_shape(shape).map_err(|error| error.at(i))?;
            let mut y = Array2::from_elem((x.nrows(), output.len()), A::ZERO);
            let mut pass = Pass { training: false, input: shape, cache: &mut Cache::default(), rng: &mut rng(0) };
            let before: &Matrix<A> = outputs.last().map_or(&*x, |y| y);
            layer.forward(before, &mut y, &mut pass).map_err(|error| error.at(i))?;
            outputs.push(y);
            shape = output;
        }
        Ok(outputs)
    }

    /// How much each input number has to do with output `class` of each sample: |dy/dx|, a matrix like `x`.
    ///
    /// The derivative is that of a training pass: with dropout it is noisy, and batch norm looks at the batch. (Simonyan,
    /// Vedaldi, Zisserman, Deep inside convolutional networks, 2013.)
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
    /// Those of [`Tape::forward`]; [`Error::Setting`] for a class that there is not.
    pub fn saliency(&self, x: &Matrix<A>, class: usize) -> Result<Array2<A>> {
        let mut tape = Tape::new(self, 0);
        let (rows, classes) = tape.forward(self, x)?.dim();
        if class >= classes {
            let (what, wants) = ("the class".into(), "below the number of outputs");
            return Err(Error::Setting { what, wants, got: class as f64 });
        }
        let one = Array2::from_shape_fn((rows, classes), |(_, c)| if c == class { A::ONE } else { A::ZERO });
        Ok(tape.backward_from(self, &one)?.input.mapv(A::abs))
    }
}
