//! [`Relu6`]: a rectifier clamped at 6.

use crate::activations::{Activation, clamp, clamped, clip};
use crate::layer::{Parts, Restore};
use crate::spec::onnx::Operators;
use crate::spec::{Formula, Spec};
use crate::{Result, Scalar};

/// The rectifier clamped at 6: min(max(0, x), 6) (Krizhevsky, 2010).
///
/// Its derivative is 1 in (0, 6), else 0.
///
/// ```
/// use neuropil::prelude::*;
///
/// assert_eq!([-1.0, 3.0, 7.0].map(|x| Relu6.apply(x)), [0.0, 3.0, 6.0]);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Relu6;

impl Activation for Relu6 {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        clamp(x, 0.0, 6.0)
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, x: A, _: A) -> A {
        let below_six = if x < A::of(6.0) { A::ONE } else { A::ZERO };
        if x > A::ZERO { below_six } else { A::ZERO }
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("relu6"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        clip(operators, 0.0, 6.0);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise("min(max(□, 0), 6)", "\\min(\\max(□, 0), 6)"))
    }

    fn rust_expression(&self, number: &dyn Fn(f64) -> String) -> Option<String> {
        Some(clamped("x", 0.0, 6.0, number))
    }
}

impl<A: Scalar> Restore<A> for Relu6 {
    const KIND: &'static str = "relu6";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Relu6)
    }
}
