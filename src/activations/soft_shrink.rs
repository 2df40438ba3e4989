//! [`SoftShrink`]: soft thresholding.

use crate::activations::{Activation, clamp, clamped};
use crate::error::check_setting;
use crate::layer::{Parts, Restore};
use crate::spec::onnx::{Attribute, Operators};
use crate::spec::{Formula, Spec};
use crate::{Result, Scalar};

/// Soft thresholding, sign(x)·max(0, |x| - λ) (Donoho and Johnstone, 1994).
///
/// Its derivative is 1 for |x| > λ, else 0.
///
/// ```
/// use neuropil::prelude::*;
///
/// assert_eq!([-2.0, 0.25, 0.75].map(|x| SoftShrink::new(0.5).apply(x)), [-1.5, 0.0, 0.25]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SoftShrink {
    /// λ, at least 0; 0.5 by default.
    pub lambda: f64,
}

impl SoftShrink {
    /// Creates a function with λ = `lambda`.
    pub const fn new(lambda: f64) -> Self {
        Self { lambda }
    }
}

impl Default for SoftShrink {
    fn default() -> Self {
        Self::new(0.5)
    }
}

impl Activation for SoftShrink {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        x - clamp(x, -self.lambda, self.lambda)
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, x: A, _: A) -> A {
        if x.abs() > A::of(self.lambda) { A::ONE } else { A::ZERO }
    }

    fn check(&self) -> Result<()> {
        let ok = self.lambda >= 0.0 && self.lambda.is_finite();
        check_setting("SoftShrink's lambda", self.lambda, "at least 0 and finite", ok)
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("soft_shrink").set("lambda", self.lambda))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let lambda = self.lambda as f32;
        operators.then("Shrink", &[], [("lambd", Attribute::Float(lambda)), ("bias", Attribute::Float(lambda))]);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise("sign(□)·max(|□| − λ, 0)", "\\text{sign}(□)\\max(|□| - \\lambda, 0)"))
    }

    fn rust_expression(&self, number: &dyn Fn(f64) -> String) -> Option<String> {
        Some(format!("x - {}", clamped("x", -self.lambda, self.lambda, number)))
    }
}

impl<A: Scalar> Restore<A> for SoftShrink {
    const KIND: &'static str = "soft_shrink";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        Ok(SoftShrink { lambda: parts.spec().number("lambda")? })
    }
}
