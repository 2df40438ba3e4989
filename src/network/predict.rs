//! Predicting with a [`Network`].

use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView2, Axis, aview1, s};
use rand::rngs::Xoshiro256PlusPlus;

use super::Network;
use crate::kernels::resize;
use crate::layer::{Cache, Layer, Pass};
use crate::{Error, Matrix, Result, Scalar, rng};

/// Rows are predicted in chunks of about this many input numbers: enough for several threads, and few enough for the
/// caches.
const NUMBERS: usize = 1 << 20;

impl<A: Scalar> Network<A> {
    /// The outputs for a batch, one sample per row.
    ///
    /// # Errors
    /// [`Error::Width`] when the rows are not of the network's input shape; [`Error::Empty`] without layers;
    /// [`Error::Graph`] when an input or a step is left unused.
    pub fn predict(&self, x: &Matrix<A>) -> Result<Array2<A>> {
        let mut scratch = Scratch::default();
        self.predict_into(x, &mut scratch)?;
        Ok(scratch.output)
    }

    /// The outputs for one sample.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let network = Sequential::<f64>::mlp(&[3, 2], Tanh, &mut rng(1))?;
    /// assert_eq!(network.predict_one(&[1.0, 2.0, 3.0])?.len(), 2);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`predict`](Self::predict).
    pub fn predict_one(&self, x: &[A]) -> Result<Array1<A>> {
        Ok(self.predict(&aview1(x).insert_axis(Axis(0)))?.into_flat())
    }

    /// The outputs for a batch, in memory that is kept for the next call: once the buffers have their size, a call
    /// allocates nothing.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let network = Sequential::<f64>::mlp(&[3, 2], Tanh, &mut rng(1))?;
    /// let mut scratch = Scratch::default();
    /// let y = network.predict_into(&ndarray::array![[1.0, 2.0, 3.0]], &mut scratch)?;
    /// assert_eq!(y.dim(), (1, 2));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`predict`](Self::predict).
    pub fn predict_into<'s>(&self, x: &Matrix<A>, scratch: &'s mut Scratch<A>) -> Result<&'s Array2<A>> {
        // A network that takes any input takes rows as plain features.
        let shape = self.plan()?.ends.map_or(x.ncols().into(), |[input, _]| input);
        if x.ncols() != shape.len() {
            return Err(Error::Width { wants: shape, got: x.ncols() });
        }
        let Scratch { input, output, cache, rng } = scratch;
        let x = if x.is_standard_layout() {
            x
        } else {
            resize(input, x.nrows(), x.ncols());
            input.assign(x);
            input
        };
        resize(output, x.nrows(), self.output_shape(shape)?.len());
        // Some rows at a time, whose values between the layers stay in the cache; no sample depends on another.
        let rows = (NUMBERS / x.ncols().max(1)).max(1);
        let chunks = x.axis_chunks_iter(Axis(0), rows).zip(output.axis_chunks_iter_mut(Axis(0), rows));
        for (i, (x, mut y)) in chunks.enumerate() {
            let mut pass = Pass { training: false, recording: false, input: shape, cache, rng };
            self.forward(&x, &mut y, &mut pass).map_err(|error| error.map_row(|row| i * rows + row))?;
        }
        Ok(output)
    }

    /// Puts batches for all inputs side by side, as [`predict`](Self::predict) and a tape take them; the names may come
    /// in any order.
    ///
    /// ```
    /// use neuropil::prelude::*;
    /// use ndarray::array;
    ///
    /// let mut g = Network::<f64>::new();
    /// let (a, b) = (g.input("a", 2), g.input("b", 1));
    /// let both = g.join(Concat, [b, a])?;
    /// g.output("both", both)?;
    /// let x = g.input_rows(&[("b", &array![[3.0]]), ("a", &array![[1.0, 2.0]])])?;
    /// assert_eq!(x, array![[1.0, 2.0, 3.0]]);
    /// assert_eq!(g.predict(&x)?, array![[3.0, 1.0, 2.0]]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Unknown`] for a name that no input has; [`Error::Dimensions`] for an input that is missing, has another
    /// width, or another number of rows than the others.
    pub fn input_rows(&self, parts: &[(&str, &Matrix<A>)]) -> Result<Array2<A>> {
        if let Some((name, _)) = parts.iter().find(|(name, _)| !self.inputs().any(|(known, _)| known == *name)) {
            let known = self.inputs().map(|(name, _)| name.to_owned()).collect();
            return Err(Error::Unknown { what: "input", name: (*name).to_owned(), known });
        }
        let rows = parts.first().map_or(0, |(_, part)| part.nrows());
        let mut all = Array2::from_elem((rows, self.input_shape().len()), A::ZERO);
        let mut from = 0;
        for (name, shape) in self.inputs() {
            let part = parts.iter().find(|(known, _)| *known == name).map(|(_, part)| part);
            let got = part.map_or([0, 0], |part| part.dim().into());
            let Some(part) = part.filter(|_| got == [rows, shape.len()]) else {
                return Err(Error::Dimensions { what: format!("the input {name}"), wants: [rows, shape.len()], got });
            };
            all.slice_mut(s![.., from..from + shape.len()]).assign(part);
            from += shape.len();
        }
        Ok(all)
    }

    /// The part of a prediction, or of its gradient, that belongs to the output of this name.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a name that no output has; [`Error::Dimensions`] when `y` is no output of this network.
    pub fn output_of<'y>(&self, y: &'y Matrix<A>, name: &str) -> Result<ArrayView2<'y, A>> {
        let columns = self.output_columns(name)?;
        let (wants, got) = ([y.nrows(), self.prediction_shape().len()], y.dim().into());
        if wants != got {
            return Err(Error::Dimensions { what: "the outputs of the network".into(), wants, got });
        }
        Ok(y.view().slice_move(s![.., columns]))
    }

    /// Where the input of this name lies in a row.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a name that no input has.
    pub fn input_columns(&self, name: &str) -> Result<Range<usize>> {
        columns("input", self.inputs().map(|(name, shape)| (name, shape.len())).collect::<Vec<_>>(), name)
    }

    /// Where the output of this name lies in a row.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a name that no output has.
    pub fn output_columns(&self, name: &str) -> Result<Range<usize>> {
        columns("output", self.outputs().map(|(name, shape)| (name, shape.len())).collect::<Vec<_>>(), name)
    }
}

/// Where the part of this name lies among parts side by side.
pub(crate) fn columns(what: &'static str, parts: Vec<(&str, usize)>, name: &str) -> Result<Range<usize>> {
    let mut from = 0;
    for &(known, width) in &parts {
        if known == name {
            return Ok(from..from + width);
        }
        from += width;
    }
    let known = parts.into_iter().map(|(name, _)| name.to_owned()).collect();
    Err(Error::Unknown { what, name: name.to_owned(), known })
}

/// Memory for [`Network::predict_into`], one for each thread that predicts.
#[derive(Debug)]
pub struct Scratch<A: Scalar> {
    /// A row-major copy of the input, if it needs one.
    input: Array2<A>,
    output: Array2<A>,
    cache: Cache,
    rng: Xoshiro256PlusPlus,
}

impl<A: Scalar> Default for Scratch<A> {
    fn default() -> Self {
        Self { input: Array2::default((0, 0)), output: Array2::default((0, 0)), cache: Cache::default(), rng: rng(0) }
    }
}
