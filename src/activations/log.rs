//! [`Log`]: the natural logarithm.

use crate::activations::Activation;
use crate::layer::{Parts, Restore};
use crate::spec::onnx::Operators;
use crate::spec::{Formula, Spec};
use crate::{Result, Scalar};

/// The natural logarithm ln x: NaN for negative x, -∞ for 0.
///
/// Its derivative is 1/x.
///
/// ```
/// use neuropil::activations::Log;
/// use neuropil::prelude::*;
///
/// assert_eq!(Log.apply(1.0), 0.0);
/// assert_eq!(Log.slope(4.0, 4.0_f64.ln()), 0.25);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Log;

impl Activation for Log {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        x.ln()
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, x: A, _: A) -> A {
        A::ONE / x
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("log"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        operators.then("Log", &[], []);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise("ln □", "\\ln □"))
    }

    fn rust_expression(&self, _: &dyn Fn(f64) -> String) -> Option<String> {
        Some("math::ln(x)".into())
    }
}

impl<A: Scalar> Restore<A> for Log {
    const KIND: &'static str = "log";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Log)
    }
}
