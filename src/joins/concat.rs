//! [`Concat`]: concatenation.

use crate::kernels::{flat, flat_mut};
use crate::layer::{Inputs, Join, JoinBackward, JoinPass, Parts, Restore, Steps};
use crate::spec::onnx::{Attribute, Operators, channel_axis};
use crate::spec::rust::{Code, functions};
use crate::spec::{Formula, Spec};
use crate::{Error, Matrix, Result, Scalar, Shape};

/// Concatenates values in order: along the features of flat samples or of each step, or along the channels of images.
///
/// dxᵢ is the part of dy that belongs to xᵢ. All other dimensions must be equal.
///
/// ```
/// use neuropil::prelude::*;
///
/// let mut g = Network::<f64>::new();
/// let (a, b) = (g.input("a", [2, 1]), g.input("b", [2, 2])); // two steps each
/// let both = g.join(Concat, [a, b])?;
/// g.output("both", both)?;
/// let x = ndarray::array![[1.0, 2.0, 10.0, 11.0, 20.0, 21.0]];
/// assert_eq!(g.predict(&x)?, ndarray::array![[1.0, 10.0, 11.0, 2.0, 20.0, 21.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Concat;

impl<A: Scalar> Join<A> for Concat {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape> {
        let first = inputs.first().copied().unwrap_or(Shape::Flat(0));
        inputs.iter().enumerate().skip(1).try_fold(first, |all, (at, &shape)| {
            appended(all, shape).ok_or_else(|| {
                let wants = format!("values that differ in features or channels only (value {at} cannot follow {all})");
                Error::Input { layer: "Concat".into(), wants, got: shape }
            })
        })
    }

    fn steps(&self) -> Steps {
        Steps::Each
    }

    fn forward(&self, inputs: Inputs<'_, A>, y: &mut Matrix<A>, pass: &mut JoinPass<'_>) -> Result<()> {
        let steps = steps(pass.inputs);
        let total = y.len() / (y.nrows() * steps).max(1);
        let mut from = 0;
        for x in inputs.iter() {
            let width = x.ncols() / steps;
            let parts = flat_mut(y).chunks_exact_mut(total.max(1)).map(|y| &mut y[from..from + width]);
            parts.zip(flat(x).chunks_exact(width.max(1))).for_each(|(y, x)| y.copy_from_slice(x));
            from += width;
        }
        Ok(())
    }

    fn backward(&self, at: JoinBackward<'_, A>, pass: &mut JoinPass<'_>) -> Result<()> {
        let steps = steps(pass.inputs);
        let total = at.dy.len() / (at.dy.nrows() * steps).max(1);
        let mut from = 0;
        for dx in at.dx {
            let width = dx.ncols() / steps;
            let parts = flat(at.dy).chunks_exact(total.max(1)).map(|dy| &dy[from..from + width]);
            parts.zip(flat_mut(dx).chunks_exact_mut(width.max(1))).for_each(|(dy, dx)| dx.copy_from_slice(dy));
            from += width;
        }
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("concat"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let names: Vec<String> = operators.inputs().iter().map(|(name, _)| name.clone()).collect();
        let rest: Vec<&str> = names[1..].iter().map(|name| &**name).collect();
        let axis = channel_axis(operators.input());
        operators.then("Concat", &rest, [("axis", Attribute::Int(axis))]);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let (inputs, shapes): (Vec<_>, Vec<_>) = code.inputs().iter().copied().unzip();
        let total = shapes.iter().map(|shape| shape.len()).sum();
        let joined = code.call_list(&functions::CONCAT, &inputs, total, &[&steps(&shapes)]);
        code.set_current(joined);
        Ok(())
    }

    fn formula(&self, inputs: usize) -> Option<Formula> {
        let list = super::separated(inputs, ", ");
        Some(Formula::new(format!("[{list}]"), format!("[{list}]")))
    }
}

/// The shape of `all` with the features or channels of `more` appended.
fn appended(all: Shape, more: Shape) -> Option<Shape> {
    use Shape::{Flat, Image, Sequence};
    match (all, more) {
        (Flat(a), Flat(b)) => Some(Flat(a.saturating_add(b))),
        (Sequence { steps, features }, Sequence { steps: same, features: more }) if steps == same => {
            Some(Sequence { steps, features: features.saturating_add(more) })
        }
        (Image { channels, height, width }, Image { channels: more, height: h, width: w })
            if (height, width) == (h, w) =>
        {
            Some(Image { channels: channels.saturating_add(more), height, width })
        }
        _ => None,
    }
}

/// The number of rows of features per sample: the steps of a sequence, else one.
fn steps(inputs: &[Shape]) -> usize {
    if let Some(Shape::Sequence { steps, .. }) = inputs.first() { (*steps).max(1) } else { 1 }
}

impl<A: Scalar> Restore<A> for Concat {
    const KIND: &'static str = "concat";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Self)
    }
}
