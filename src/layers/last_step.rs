//! [`LastStep`]: the last step of a sequence.

use super::shared::masked;
use crate::kernels::rows::{Rows, each_row};
use crate::kernels::{flat, flat_mut};
use crate::layer::{Backward, Layer, Parts, Pass, Restore, Steps};
use crate::spec::Spec;
use crate::spec::onnx::{Attribute, Operators, Tensor};
use crate::spec::rust::Code;
use crate::{Error, Matrix, Result, Scalar, Shape};

/// The features of the last step of a sequence, such as the final hidden state of a recurrent layer.
///
/// x is (samples, `[steps, features]`), y is (samples, features). If lengths are known, it is the last step before the
/// padding; 0 for a sequence of length 0.
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let network = Sequential::new([3, 2]).with(LastStep)?;
/// assert_eq!(network.predict(&array![[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])?, array![[5.0, 6.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LastStep;

impl<A: Scalar> Layer<A> for LastStep {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        match input {
            Shape::Sequence { steps, features } if steps > 0 => Ok(features.into()),
            _ => {
                let wants = "sequences [steps, features] of at least one step".into();
                Err(Error::Input { layer: "LastStep".into(), wants, got: input })
            }
        }
    }

    fn steps(&self, _: Shape) -> Steps {
        Steps::Causal
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let (size, features) = (x.ncols(), y.ncols());
        if let Some(lengths) = pass.lengths {
            for ((x, y), &length) in flat(x).chunks_exact(size).zip(flat_mut(y).chunks_exact_mut(features)).zip(lengths)
            {
                match length {
                    0 => y.fill(A::ZERO),
                    _ => y.copy_from_slice(&x[(length - 1) * features..][..features]),
                }
            }
            return Ok(());
        }
        each_row((Rows(flat(x), size), Rows(flat_mut(y), features)), features, move |(x, y)| {
            y.copy_from_slice(&x[size - features..]);
        });
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let Some(dx) = at.dx else { return Ok(()) };
        let (size, features) = (dx.ncols(), at.dy.ncols());
        if let Some(lengths) = pass.lengths {
            dx.fill(A::ZERO);
            let rows = flat_mut(dx).chunks_exact_mut(size).zip(flat(at.dy).chunks_exact(features)).zip(lengths);
            for ((dx, dy), &length) in rows.filter(|(_, length)| **length > 0) {
                dx[(length - 1) * features..][..features].copy_from_slice(dy);
            }
            return Ok(());
        }
        each_row((Rows(flat_mut(dx), size), Rows(flat(at.dy), features)), size, move |(dx, dy)| {
            let (before, last) = dx.split_at_mut(size - features);
            before.fill(A::ZERO);
            last.copy_from_slice(dy);
        });
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("last_step"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let x = operators.value();
        if let (Some(lengths), Shape::Sequence { .. }) = (operators.lengths_of(&x), operators.input()) {
            // The sum of all steps times whether each is the last.
            let sizes = operators.integers(&[0, 1, 1]);
            let lengths = operators.node("Reshape", &[&lengths, &sizes], []);
            let (counts, second) = (masked::counts(operators, &x), operators.integers(&[1]));
            let counts = operators.node("Unsqueeze", &[&counts, &second], []);
            let (is_last, zero) = (operators.node("Equal", &[&counts, &lengths], []), operators.number(0.0));
            let kept = operators.node("Where", &[&is_last, &x, &zero], []);
            operators.set_value(kept);
            let axes = operators.integers(&[1]);
            operators.then("ReduceSum", &[&axes], [("keepdims", Attribute::Int(0))]);
            return Ok(());
        }
        let last = operators.unnamed(Tensor::ints(&[], &[-1]));
        operators.then("Gather", &[&last], [("axis", Attribute::Int(1))]);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let (all, features) = (code.current(), code.input().len() / code.input().positions().max(1));
        code.set_current(all.part(all.len() - features, features));
        Ok(())
    }
}

impl<A: Scalar> Restore<A> for LastStep {
    const KIND: &'static str = "last_step";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(LastStep)
    }
}
