//! [`HardSigmoid`]: a piecewise linear sigmoid.

use crate::activations::{Activation, clamp, clamped};
use crate::layer::{Parts, Restore};
use crate::spec::onnx::{Attribute, Operators};
use crate::spec::{Formula, Spec};
use crate::{Result, Scalar};

/// The piecewise linear sigmoid: 0 for x <= -3, 1 for x >= 3, x/6 + 1/2 between.
///
/// Its derivative is 1/6 in (-3, 3), else 0. This is the form of `PyTorch` and `MobileNetV3`; older libraries use a
/// slope of 0.2.
///
/// ```
/// use neuropil::prelude::*;
///
/// assert_eq!([-3.0, 0.0, 1.5, 3.0].map(|x| HardSigmoid.apply(x)), [0.0, 0.5, 0.75, 1.0]);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HardSigmoid;

impl Activation for HardSigmoid {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        clamp(x + A::of(3.0), 0.0, 6.0) / A::of(6.0)
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, x: A, _: A) -> A {
        if x.abs() < A::of(3.0) { A::of(1.0 / 6.0) } else { A::ZERO }
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("hard_sigmoid"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        operators.then("HardSigmoid", &[], [("alpha", Attribute::Float(1.0 / 6.0)), ("beta", Attribute::Float(0.5))]);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise("min(max(□ + 3, 0), 6)/6", "\\min(\\max(□ + 3, 0), 6)/6"))
    }

    fn rust_expression(&self, number: &dyn Fn(f64) -> String) -> Option<String> {
        Some(format!("{} / 6.0", clamped("x + 3.0", 0.0, 6.0, number)))
    }
}

impl<A: Scalar> Restore<A> for HardSigmoid {
    const KIND: &'static str = "hard_sigmoid";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(HardSigmoid)
    }
}
