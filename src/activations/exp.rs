//! [`Exp`]: the exponential function.

use crate::activations::Activation;
use crate::layer::{Parts, Restore};
use crate::spec::onnx::Operators;
use crate::spec::{Formula, Spec};
use crate::{Result, Scalar};

/// The exponential function eˣ, which is its own derivative.
///
/// ```
/// use neuropil::activations::Exp;
/// use neuropil::prelude::*;
///
/// assert_eq!(Exp.apply(0.0), 1.0);
/// assert_eq!(Exp.apply(f64::NEG_INFINITY), 0.0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exp;

impl Activation for Exp {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        x.exp()
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, _: A, y: A) -> A {
        y
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("exp"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        operators.then("Exp", &[], []);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise("e^□", "e^{□}"))
    }

    fn rust_expression(&self, _: &dyn Fn(f64) -> String) -> Option<String> {
        Some("math::exp(x)".into())
    }
}

impl<A: Scalar> Restore<A> for Exp {
    const KIND: &'static str = "exp";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Exp)
    }
}
