//! [`Celu`]: the continuously differentiable exponential linear unit.

use crate::activations::{Activation, bent};
use crate::error::check_setting;
use crate::layer::{Parts, Restore};
use crate::spec::onnx::{Attribute, Operators};
use crate::spec::{Formula, Spec};
use crate::{Result, Scalar};

/// The continuously differentiable exponential linear unit: x for x > 0, else α(e^(x/α) - 1) (Barron, 2017).
///
/// Its derivative is 1 for x > 0, else e^(x/α).
///
/// ```
/// use neuropil::prelude::*;
///
/// assert_eq!(Celu::new(2.0).apply(-100.0), -2.0);
/// assert_eq!(Celu::new(2.0).slope(0.0, 0.0), 1.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Celu {
    /// α > 0: the limit for x → -∞ is -α; 1 by default.
    pub alpha: f64,
}

impl Celu {
    /// Creates a unit with α = `alpha`.
    pub const fn new(alpha: f64) -> Self {
        Self { alpha }
    }
}

impl Default for Celu {
    fn default() -> Self {
        Self::new(1.0)
    }
}

impl Activation for Celu {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        let alpha = A::of(self.alpha);
        let bent = alpha * (x / alpha).exp_m1();
        if x > A::ZERO { x } else { bent }
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, x: A, _: A) -> A {
        let bent = (x / A::of(self.alpha)).exp();
        if x > A::ZERO { A::ONE } else { bent }
    }

    fn check(&self) -> Result<()> {
        let ok = self.alpha > 0.0 && self.alpha.is_finite();
        check_setting("Celu's alpha", self.alpha, "above 0 and finite", ok)
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("celu").set("alpha", self.alpha))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        operators.then("Celu", &[], [("alpha", Attribute::Float(self.alpha as f32))]);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise(
            "max(0, □) + min(0, α(e^(□/α) − 1))",
            "\\max(0, □) + \\min(0, \\alpha(e^{□/\\alpha} - 1))",
        ))
    }

    fn rust_expression(&self, number: &dyn Fn(f64) -> String) -> Option<String> {
        let alpha = number(self.alpha);
        Some(bent("x", &format!("{alpha} * math::exp_m1(x / ({alpha}))")))
    }
}

impl<A: Scalar> Restore<A> for Celu {
    const KIND: &'static str = "celu";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Celu { alpha: parts.spec().number("alpha")? })
    }
}
