//! [`Abs`]: the absolute value.

use crate::activations::Activation;
use crate::layer::{Parts, Restore};
use crate::spec::onnx::Operators;
use crate::spec::{Formula, Spec};
use crate::{Result, Scalar};

/// The absolute value |x|.
///
/// Its derivative is the sign of x, and 0 at 0.
///
/// ```
/// use neuropil::activations::Abs;
/// use neuropil::prelude::*;
///
/// assert_eq!(Abs.apply(-2.0), 2.0);
/// assert_eq!(Abs.slope(-2.0, 2.0), -1.0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Abs;

impl Activation for Abs {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        x.abs()
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, x: A, _: A) -> A {
        let sign = if x < A::ZERO { -A::ONE } else { A::ZERO };
        if x > A::ZERO { A::ONE } else { sign }
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("abs"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        operators.then("Abs", &[], []);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise("|□|", "|□|"))
    }

    fn rust_expression(&self, _: &dyn Fn(f64) -> String) -> Option<String> {
        Some("x.abs()".into())
    }
}

impl<A: Scalar> Restore<A> for Abs {
    const KIND: &'static str = "abs";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Abs)
    }
}
