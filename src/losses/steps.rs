//! Losses over the steps of padded sequences.

use std::fmt::Debug;

use ndarray::Array2;

use super::{Loss, Scratch};
use crate::error::target_shape;
use crate::kernels::resize;
use crate::kernels::sequences::Sequences;
use crate::{Error, Matrix, Result, Scalar};

/// The steps of outputs and targets without padding, each in a row of its own.
#[derive(Debug, Clone, Default)]
pub(crate) struct StepRows<A> {
    pub(crate) y: Array2<A>,
    pub(crate) target: Array2<A>,
    dy: Array2<A>,
    /// A row-major copy of the target, if it needs one.
    row_major: Array2<A>,
    weights: Vec<A>,
}

impl<A: Scalar> StepRows<A> {
    /// Gathers the steps of these sequences.
    ///
    /// # Errors
    /// [`Error::Target`] unless the target has a row for each sample, and equally many numbers for each step.
    pub(crate) fn gather(
        &mut self,
        who: &dyn Debug,
        y: &Matrix<A>,
        target: &Matrix<A>,
        sequences: Sequences<'_>,
    ) -> Result<()> {
        let steps = sequences.steps();
        if target.nrows() != y.nrows() || !target.ncols().is_multiple_of(steps) || target.ncols() == 0 {
            let wants = format!("a target for each of {steps} steps, padding included");
            let got = target_shape(y.nrows(), target.dim());
            return Err(Error::Target { who: format!("{who:?}"), wants, got, row: None });
        }
        sequences.gather(y, &mut self.y)?;
        if target.is_standard_layout() {
            return sequences.gather(target, &mut self.target);
        }
        resize(&mut self.row_major, target.nrows(), target.ncols())?;
        self.row_major.assign(target);
        sequences.gather(&self.row_major, &mut self.target)
    }
}

impl<A: Scalar> Scratch<A> {
    /// [`reduce`](Self::reduce) over each step of these sequences, as if each were a sample; the gradient of padding
    /// is 0.
    pub(crate) fn reduce_steps(
        &mut self,
        loss: &dyn Loss<A>,
        [y, target]: [&Matrix<A>; 2],
        sequences: Sequences<'_>,
        weights: Option<&[A]>,
        dy: Option<&mut Matrix<A>>,
    ) -> Result<A> {
        let mut own = std::mem::take(&mut self.steps);
        let result = own.gather(&loss, y, target, sequences).and_then(|()| {
            own.weights.clear();
            if let Some(weights) = weights {
                let each = sequences.lengths().iter().zip(weights);
                own.weights.extend(each.flat_map(|(&length, &weight)| std::iter::repeat_n(weight, length)));
            }
            let weights = weights.is_some().then_some(&*own.weights);
            let Some(dy) = dy else { return self.reduce(loss, &own.y, &own.target, weights, None) };
            resize(&mut own.dy, own.y.nrows(), own.y.ncols())?;
            let value = self.reduce(loss, &own.y, &own.target, weights, Some(&mut own.dy))?;
            sequences.scatter(&own.dy, dy);
            Ok(value)
        });
        self.steps = own;
        result.map_err(|error| error.map_row(|row| sequences.row_of(row)))
    }
}
