//! [`Softsign`]: a sigmoid with polynomial tails.

use crate::activations::{Activation, clamp, clamped};
use crate::layer::{Parts, Restore};
use crate::spec::onnx::Operators;
use crate::spec::{Formula, Spec};
use crate::{Result, Scalar};

/// The sigmoid x/(1 + |x|), with values in (-1, 1) and heavier tails than tanh (Bergstra et al., 2009).
///
/// Its derivative is 1/(1 + |x|)².
///
/// ```
/// use neuropil::prelude::*;
///
/// assert_eq!(Softsign.apply(-1.0), -0.5);
/// assert_eq!(Softsign.slope(-1.0, -0.5), 0.25);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Softsign;

/// Beyond ±`FAR`, the result is exactly ±1. Clamping x there avoids ∞/∞.
const FAR: f64 = 1e30;

impl Activation for Softsign {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        let x = clamp(x, -FAR, FAR);
        x / (A::ONE + x.abs())
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, x: A, _: A) -> A {
        let r = A::ONE / (A::ONE + x.abs());
        r * r
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("softsign"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        operators.then("Softsign", &[], []);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise("□/(1 + |□|)", "\\frac{□}{1 + |□|}"))
    }

    fn rust_expression(&self, number: &dyn Fn(f64) -> String) -> Option<String> {
        Some(format!("{{ let x = {}; x / (1.0 + x.abs()) }}", clamped("x", -FAR, FAR, number)))
    }
}

impl<A: Scalar> Restore<A> for Softsign {
    const KIND: &'static str = "softsign";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Softsign)
    }
}
