//! [`Lengths`]: gives sequences their lengths.

use crate::error::NO_FORWARD;
use crate::kernels::sequences::Sequences;
use crate::layer::{Inputs, Join, JoinBackward, JoinPass, Parts, Restore, Steps};
use crate::spec::Spec;
use crate::spec::onnx::Operators;
use crate::{Error, Matrix, Result, Scalar, Shape};

/// Gives sequences their lengths: the first input holds the sequences, the second their lengths, one number per row.
///
/// Steps after the length are padding. They may hold anything; the output is 0 there, and later layers leave them out:
/// see [`Steps`]. The lengths are integers from 0 to the number of steps, such as those of `data::pad`. They are an
/// ordinary input, so data sets, batches and files hold them beside the sequences.
///
/// ```
/// use neuropil::joins::Lengths;
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let mut g = Network::<f64>::new();
/// let (series, length) = (g.input("series", [3, 1]), g.input("length", 1));
/// let series = g.join(Lengths, [series, length])?;
/// let mean = g.add(series, GlobalAvgPool)?;
/// g.output("mean", mean)?;
/// let x = g.input_rows(&[("series", &array![[2.0, 4.0, 100.0]]), ("length", &array![[2.0]])])?;
/// assert_eq!(g.predict(&x)?, array![[3.0]]);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// In a network: [`Error::Input`] unless the values are a sequence and one number. In a pass: [`Error::Values`] for a
/// length that is not an integer from 0 to the number of steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lengths;

/// The steps and features of the sequence.
fn sizes(inputs: &[Shape]) -> Result<[usize; 2]> {
    let wrong = |wants: &str, got| Err(Error::Input { layer: "Lengths".into(), wants: wants.into(), got });
    match *inputs {
        [Shape::Sequence { steps, features }, length] if length.len() == 1 => Ok([steps, features]),
        [Shape::Sequence { .. }, other] => wrong("one number, the length, as its second value", other),
        [other, ..] => wrong("a sequence [steps, features] and one number, its length", other),
        [] => wrong("a sequence [steps, features] and one number, its length", Shape::Flat(0)),
    }
}

/// The length of each row.
type Found = Vec<usize>;

impl<A: Scalar> Join<A> for Lengths {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape> {
        sizes(inputs).map(Into::into)
    }

    fn steps(&self) -> Steps {
        Steps::Each
    }

    fn finds_lengths(&self) -> bool {
        true
    }

    fn forward(&self, inputs: Inputs<'_, A>, y: &mut Matrix<A>, pass: &mut JoinPass<'_>) -> Result<()> {
        let [steps, _] = sizes(pass.inputs)?;
        let own = pass.cache.get::<Found>();
        own.clear();
        for (row, length) in inputs.get(1).iter().enumerate() {
            let count = length.to_f64();
            if !(count >= 0.0 && count <= steps as f64 && count.fract() == 0.0) {
                let (layer, wants) = ("Lengths".into(), format!("lengths that are integers from 0 to {steps}"));
                return Err(Error::Values { layer, wants, got: length.to_string(), row: Some(row) });
            }
            own.push(count as usize);
        }
        y.assign(inputs.get(0));
        Sequences::each_step(own, steps).clear_padding(y);
        if let Some(found) = &mut pass.found {
            found.extend_from_slice(own);
        }
        Ok(())
    }

    /// The gradient with respect to the lengths is 0.
    fn backward(&self, at: JoinBackward<'_, A>, pass: &mut JoinPass<'_>) -> Result<()> {
        let [steps, _] = sizes(pass.inputs)?;
        let [dx, dlength] = at.dx else { return Err(NO_FORWARD) };
        dx.assign(at.dy);
        Sequences::each_step(pass.cache.get::<Found>(), steps).clear_padding(dx);
        dlength.fill(A::ZERO);
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("lengths"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let flat = operators.integers(&[-1]);
        let length = operators.inputs()[1].0.clone();
        let lengths = operators.node("Reshape", &[&length, &flat], []);
        let x = operators.value();
        let (seen, zero) = (operators.before_padding(&lengths, &x, false), operators.number(0.0));
        let value = operators.node("Where", &[&seen, &x, &zero], []);
        operators.cleared.insert(value.clone());
        operators.set_value(value);
        operators.set_found(lengths);
        Ok(())
    }
}

impl<A: Scalar> Restore<A> for Lengths {
    const KIND: &'static str = "lengths";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Self)
    }
}
