//! [`LogSoftmax`]: logits to log-probabilities.

use crate::kernels::channels_of;
use crate::kernels::map;
use crate::kernels::softmax::{gradient, normalize};
use crate::layer::{Backward, Layer, Parts, Pass, Restore, Steps};
use crate::spec::Spec;
use crate::spec::onnx::{Attribute, Operators, channel_axis};
use crate::spec::rust::{Code, functions};
use crate::{Matrix, Result, Scalar, Shape};

/// Turns logits x into log-probabilities, yᵢ = xᵢ - ln Σⱼ e^xⱼ.
///
/// The sum is over the same axis as in [`Softmax`](crate::layers::Softmax). The maximum is subtracted first, so the sum
/// neither overflows nor vanishes. A logit of -∞ stays -∞; logits that are all -∞, or contain +∞ or NaN, give NaN.
///
/// The gradient uses the full Jacobian, dx = dy - e^y · Σ dy.
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let network = Sequential::new(2).with(LogSoftmax)?;
/// assert_eq!(network.predict(&array![[0.0, -1000.0]])?, array![[0.0, -1000.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogSoftmax;

impl<A: Scalar> Layer<A> for LogSoftmax {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        Ok(input)
    }

    fn steps(&self, _: Shape) -> Steps {
        Steps::Each
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        normalize(x, y, pass.input, A::ln, |shifted, _, log| shifted - log);
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        if let Some(dx) = at.dx {
            // The probabilities, turned into the gradient in place.
            map(at.y, dx, A::exp);
            gradient(dx, at.dy, pass.input, |_, dy| dy, |p, dy, sum| dy - p * sum);
        }
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("log_softmax"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let axis = Attribute::Int(channel_axis(operators.input()));
        operators.then("LogSoftmax", &[], [("axis", axis)]);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let (size, stride) = channels_of(code.input());
        code.change(&functions::LOG_SOFTMAX, &[], &[&size, &stride]);
        Ok(())
    }
}

impl<A: Scalar> Restore<A> for LogSoftmax {
    const KIND: &'static str = "log_softmax";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(LogSoftmax)
    }
}
