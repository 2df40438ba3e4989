//! [`Relu`]: the rectified linear unit.

use crate::activations::Activation;
use crate::layer::{Parts, Restore};
use crate::spec::onnx::Operators;
use crate::spec::{Formula, Spec};
use crate::{Result, Scalar};

/// The rectified linear unit max(0, x) (Nair and Hinton, 2010).
///
/// Its derivative is 1 for x > 0, else 0.
///
/// ```
/// use neuropil::prelude::*;
///
/// assert_eq!([-2.0, 0.0, 3.0].map(|x| Relu.apply(x)), [0.0, 0.0, 3.0]);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Relu;

impl Activation for Relu {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        x.maximum(A::ZERO)
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, x: A, _: A) -> A {
        if x > A::ZERO { A::ONE } else { A::ZERO }
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("relu"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        operators.then("Relu", &[], []);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise("max(0, □)", "\\max(0, □)"))
    }

    fn rust_expression(&self, _: &dyn Fn(f64) -> String) -> Option<String> {
        Some("maximum(x, 0.0)".into())
    }
}

impl<A: Scalar> Restore<A> for Relu {
    const KIND: &'static str = "relu";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Relu)
    }
}
