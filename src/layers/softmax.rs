//! [`Softmax`]: logits to probabilities.

use crate::kernels::channels_of;
use crate::kernels::softmax::{gradient, normalize};
use crate::layer::{Backward, Layer, Parts, Pass, Restore, Steps};
use crate::spec::Spec;
use crate::spec::onnx::{Attribute, Operators, channel_axis};
use crate::spec::rust::{Code, functions};
use crate::{Matrix, Result, Scalar, Shape};

/// Turns logits x into probabilities, yᵢ = e^xᵢ / Σⱼ e^xⱼ (Bridle, 1990).
///
/// The sum is over the features of a sample or step, or over the channels of each pixel of an image (`PyTorch`'s
/// `dim=1`). The maximum is subtracted first, to avoid overflow. A logit of -∞ has probability exactly 0; logits that
/// are all -∞, or contain +∞ or NaN, give NaN.
///
/// The gradient uses the full Jacobian, dx = y ∘ (dy - Σ dy∘y). To train a classifier, omit this layer and use
/// [`CrossEntropy`](crate::losses::CrossEntropy) on the logits, which is numerically stable.
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let network = Sequential::new(3).with(Softmax)?;
/// let y = network.predict(&array![[0.0, 0.0, f64::NEG_INFINITY]])?;
/// assert_eq!(y, array![[0.5, 0.5, 0.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Softmax;

impl<A: Scalar> Layer<A> for Softmax {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        Ok(input)
    }

    fn steps(&self, _: Shape) -> Steps {
        Steps::Each
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        normalize(x, y, pass.input, |sum| A::ONE / sum, |_, e, scale| e * scale);
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        if let Some(dx) = at.dx {
            dx.assign(at.y);
            gradient(dx, at.dy, pass.input, |y, dy| y * dy, |y, dy, sum| y * (dy - sum));
        }
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("softmax"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let axis = Attribute::Int(channel_axis(operators.input()));
        operators.then("Softmax", &[], [("axis", axis)]);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let (size, stride) = channels_of(code.input());
        code.change(&functions::SOFTMAX, &[], &[&size, &stride]);
        Ok(())
    }
}

impl<A: Scalar> Restore<A> for Softmax {
    const KIND: &'static str = "softmax";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Softmax)
    }
}
