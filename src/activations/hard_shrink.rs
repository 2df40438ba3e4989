//! [`HardShrink`]: hard thresholding.

use crate::activations::Activation;
use crate::error::check_setting;
use crate::layer::{Parts, Restore};
use crate::spec::onnx::{Attribute, Operators};
use crate::spec::{Formula, Spec};
use crate::{Result, Scalar};

/// x for |x| > λ, else 0 (Donoho and Johnstone, 1994).
///
/// Its derivative is 1 for |x| > λ, else 0.
///
/// ```
/// use neuropil::prelude::*;
///
/// assert_eq!([-2.0, 0.25, 0.75].map(|x| HardShrink::new(0.5).apply(x)), [-2.0, 0.0, 0.75]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HardShrink {
    /// λ, at least 0; 0.5 by default.
    pub lambda: f64,
}

impl HardShrink {
    /// Creates a function with λ = `lambda`.
    pub const fn new(lambda: f64) -> Self {
        Self { lambda }
    }
}

impl Default for HardShrink {
    fn default() -> Self {
        Self::new(0.5)
    }
}

impl Activation for HardShrink {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        // In this order, NaN propagates.
        if x.abs() <= A::of(self.lambda) { A::ZERO } else { x }
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, x: A, _: A) -> A {
        if x.abs() > A::of(self.lambda) { A::ONE } else { A::ZERO }
    }

    fn check(&self) -> Result<()> {
        let ok = self.lambda >= 0.0 && self.lambda.is_finite();
        check_setting("HardShrink's lambda", self.lambda, "at least 0 and finite", ok)
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("hard_shrink").set("lambda", self.lambda))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        operators.then("Shrink", &[], [("lambd", Attribute::Float(self.lambda as f32))]);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise("□ if |□| > λ, else 0", "□ \\text{ if } |□| > \\lambda \\text{ else } 0"))
    }

    fn rust_expression(&self, number: &dyn Fn(f64) -> String) -> Option<String> {
        Some(format!("if x.abs() <= {} {{ 0.0 }} else {{ x }}", number(self.lambda)))
    }
}

impl<A: Scalar> Restore<A> for HardShrink {
    const KIND: &'static str = "hard_shrink";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        Ok(HardShrink { lambda: parts.spec().number("lambda")? })
    }
}
