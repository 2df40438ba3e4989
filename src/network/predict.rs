//! Prediction with a [`Network`].

use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView2, Axis, aview1, s};
use rand::rngs::Xoshiro256PlusPlus;

use super::Network;
use super::plan::{Sizes, same_but_steps};
use crate::kernels::resize;
use crate::kernels::sequences::Sequences;
use crate::layer::{Cache, Layer, Needs, Pass};
use crate::{Error, Matrix, Result, Scalar, Shape, rng};

/// The approximate size of the largest value per chunk: enough for several threads, few enough for the CPU caches.
const NUMBERS: usize = 1 << 20;

impl<A: Scalar> Network<A> {
    /// Predicts the outputs for a batch, one sample per row.
    ///
    /// Where the only input is a sequence, or the indices of an embedding, a batch may have a different number of steps
    /// than declared, if no parameter depends on it. Where lengths of sequences are known, outputs in padding are 0:
    /// see [`Steps`](crate::layer::Steps).
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let network = Sequential::<f64>::new([24, 2]).with(Gru::new(2, 3, &mut rng(1)).last_state())?;
    /// assert_eq!(network.predict(&ndarray::Array2::zeros((5, 60 * 2)))?.dim(), (5, 3));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Width`] when a row does not have the network's input shape; [`Error::Empty`] without layers;
    /// [`Error::Graph`] when an input or a step is unused; [`Error::Memory`] when it would exceed the [memory
    /// limit](Self::set_memory_limit), or when the system has no more memory.
    pub fn predict(&self, x: &Matrix<A>) -> Result<Array2<A>> {
        let mut scratch = Scratch::default();
        self.predict_into(x, &mut scratch)?;
        Ok(scratch.output)
    }

    /// Predicts the outputs for one sample.
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

    /// Predicts the outputs for a batch into reusable buffers: calls after the first allocate nothing.
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
        let shape = self.shape_of_rows(x.ncols())?;
        let outputs = self.output_shape(shape)?;
        let width = outputs.len();
        let mut inferred = Sizes::default();
        let Sizes { widest, needs, .. } = self.plan()?.sizes(self, shape, &mut inferred)?;
        // Chunks of rows, so that intermediate values stay in the CPU cache; samples are independent.
        let rows = (NUMBERS / (*widest).max(1)).max(1);
        let results = Needs::once((x.nrows() as u64).saturating_mul(width as u64));
        let what = || format!("a prediction of {} samples", x.nrows());
        needs.and(results).afford::<A>(rows.min(x.nrows()), self.memory_limit(), what)?;
        let Scratch { input, output, lengths, steps, cache, rng } = scratch;
        lengths.clear();
        *steps = outputs.positions();
        let x = if x.is_standard_layout() {
            x
        } else {
            resize(input, x.nrows(), x.ncols())?;
            input.assign(x);
            input
        };
        resize(output, x.nrows(), width)?;
        let chunks = x.axis_chunks_iter(Axis(0), rows).zip(output.axis_chunks_iter_mut(Axis(0), rows));
        for (i, (x, mut y)) in chunks.enumerate() {
            let mut pass = Pass::new(shape, [false, false], cache, rng);
            pass.found = Some(&mut *lengths);
            self.forward(&x, &mut y, &mut pass).map_err(|error| error.map_row(|row| i * rows + row))?;
        }
        Ok(output)
    }

    /// The shape of an input row of `width` numbers: as declared, or with a different number of steps. A network that
    /// accepts any input treats rows as flat features.
    pub(crate) fn shape_of_rows(&self, width: usize) -> Result<Shape> {
        let Some([wants, _]) = self.plan()?.ends else { return Ok(width.into()) };
        if width == wants.len() {
            return Ok(wants);
        }
        let shape = match wants {
            Shape::Sequence { features, .. } if width.is_multiple_of(features) => [width / features, features].into(),
            _ => Shape::Flat(width),
        };
        if same_but_steps(self, wants, shape) { Ok(shape) } else { Err(Error::Width { wants, got: width }) }
    }

    /// Puts the batches of all inputs side by side, for [`predict`](Self::predict) and a tape. The names may be in any
    /// order.
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
    /// [`Error::Unknown`] for an unknown input; [`Error::Graph`] for a missing one; [`Error::Dimensions`] for one of
    /// the wrong width or number of rows.
    pub fn input_rows(&self, parts: &[(&str, &Matrix<A>)]) -> Result<Array2<A>> {
        if let Some((name, _)) = parts.iter().find(|(name, _)| !self.inputs().any(|(known, _)| known == *name)) {
            let known = self.inputs().map(|(name, _)| name.to_owned()).collect();
            return Err(Error::Unknown { what: "input", name: (*name).to_owned(), known });
        }
        let rows = parts.first().map_or(0, |(_, part)| part.nrows());
        let mut all = Array2::default((0, 0));
        resize(&mut all, rows, self.input_shape().len())?;
        let mut from = 0;
        for (name, shape) in self.inputs() {
            let (what, wants) = (format!("the input `{name}`"), [rows, shape.len()]);
            let Some((_, part)) = parts.iter().find(|(known, _)| *known == name) else {
                return Err(self.problem(&what, format!("it is missing; give its {} x {} matrix", wants[0], wants[1])));
            };
            if part.dim() != (wants[0], wants[1]) {
                return Err(Error::Dimensions { what, wants, got: part.dim().into() });
            }
            all.slice_mut(s![.., from..from + shape.len()]).assign(part);
            from += shape.len();
        }
        Ok(all)
    }

    /// The columns of the output with this name, in a prediction or its gradient.
    ///
    /// # Errors
    /// [`Error::Unknown`] for an unknown output; [`Error::Dimensions`] when `y` does not have the width of this
    /// network's outputs.
    pub fn output_of<'y>(&self, y: &'y Matrix<A>, name: &str) -> Result<ArrayView2<'y, A>> {
        let columns = self.output_columns(name)?;
        let (wants, got) = ([y.nrows(), self.prediction_shape().len()], y.dim().into());
        if wants != got {
            return Err(Error::Dimensions { what: "the outputs of the network".into(), wants, got });
        }
        Ok(y.view().slice_move(s![.., columns]))
    }

    /// The columns of the input with this name.
    ///
    /// # Errors
    /// [`Error::Unknown`] for an unknown input.
    pub fn input_columns(&self, name: &str) -> Result<Range<usize>> {
        columns("input", self.inputs().map(|(name, shape)| (name, shape.len())).collect::<Vec<_>>(), name)
    }

    /// The columns of the output with this name.
    ///
    /// # Errors
    /// [`Error::Unknown`] for an unknown output.
    pub fn output_columns(&self, name: &str) -> Result<Range<usize>> {
        columns("output", self.outputs().map(|(name, shape)| (name, shape.len())).collect::<Vec<_>>(), name)
    }
}

/// The columns of the part with this name; `parts` are the names and widths, side by side.
pub(crate) fn columns(what: &'static str, parts: Vec<(&str, usize)>, name: &str) -> Result<Range<usize>> {
    let mut from = 0;
    for &(known, width) in &parts {
        if known == name {
            return Ok(from..from.saturating_add(width));
        }
        from = from.saturating_add(width);
    }
    let known = parts.into_iter().map(|(name, _)| name.to_owned()).collect();
    Err(Error::Unknown { what, name: name.to_owned(), known })
}

/// Reusable memory for [`Network::predict_into`]; each thread needs its own.
#[derive(Debug)]
pub struct Scratch<A: Scalar> {
    /// A row-major copy of the input, if it needs one.
    input: Array2<A>,
    output: Array2<A>,
    /// The lengths of the sequences in the output, if known.
    lengths: Vec<usize>,
    /// The number of steps of a sequence in the output, padding included.
    steps: usize,
    cache: Cache,
    rng: Xoshiro256PlusPlus,
}

impl<A: Scalar> Scratch<A> {
    /// The length of each sequence in the last prediction, if the lengths of its output are known; otherwise empty.
    pub fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// The sequences in the last prediction, if their lengths are known.
    pub(crate) fn sequences(&self) -> Option<Sequences<'_>> {
        (!self.lengths.is_empty()).then(|| Sequences::each_step(&self.lengths, self.steps))
    }

    /// The outputs of the last prediction.
    pub fn output(&self) -> &Array2<A> {
        &self.output
    }
}

impl<A: Scalar> Default for Scratch<A> {
    fn default() -> Self {
        let (input, output) = (Array2::default((0, 0)), Array2::default((0, 0)));
        Self { input, output, lengths: Vec::new(), steps: 0, cache: Cache::default(), rng: rng(0) }
    }
}
