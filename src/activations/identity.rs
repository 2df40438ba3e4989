//! [`Identity`]: the identity function.

use crate::activations::Activation;
use crate::layer::{Parts, Restore};
use crate::spec::onnx::Operators;
use crate::spec::{Formula, Spec};
use crate::{Result, Scalar};

/// The identity f(x) = x, with derivative 1, as a placeholder for an activation.
///
/// ```
/// use neuropil::prelude::*;
///
/// assert_eq!(Identity.apply(-1.5), -1.5);
/// assert_eq!(Identity.slope(-1.5, -1.5), 1.0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Identity;

impl Activation for Identity {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        x
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, _: A, _: A) -> A {
        A::ONE
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("identity"))
    }

    fn onnx(&self, _: &mut Operators) -> Result<()> {
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise("□", "□"))
    }

    fn rust_expression(&self, _: &dyn Fn(f64) -> String) -> Option<String> {
        Some("x".into())
    }
}

impl<A: Scalar> Restore<A> for Identity {
    const KIND: &'static str = "identity";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Identity)
    }
}
