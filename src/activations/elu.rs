//! [`Elu`]: the exponential linear unit.

use crate::activations::{Activation, bent};
use crate::error::check_setting;
use crate::layer::{Parts, Restore};
use crate::spec::onnx::{Attribute, Operators};
use crate::spec::{Formula, Spec};
use crate::{Result, Scalar};

/// The exponential linear unit: x for x > 0, else α(eˣ - 1) (Clevert, Unterthiner and Hochreiter, 2016).
///
/// Its derivative is 1 for x > 0, else αeˣ.
///
/// ```
/// use neuropil::prelude::*;
///
/// assert_eq!(Elu::new(2.0).apply(-100.0), -2.0);
/// assert_eq!(Elu::default().alpha, 1.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Elu {
    /// α: the limit for x → -∞ is -α; 1 by default.
    pub alpha: f64,
}

impl Elu {
    /// Creates a unit with α = `alpha`.
    pub const fn new(alpha: f64) -> Self {
        Self { alpha }
    }
}

impl Default for Elu {
    fn default() -> Self {
        Self::new(1.0)
    }
}

impl Activation for Elu {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        let bent = A::of(self.alpha) * x.exp_m1();
        if x > A::ZERO { x } else { bent }
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, x: A, _: A) -> A {
        // Not f(x) + α, which cancels where the slope is small.
        let bent = A::of(self.alpha) * x.exp();
        if x > A::ZERO { A::ONE } else { bent }
    }

    fn check(&self) -> Result<()> {
        check_setting("Elu's alpha", self.alpha, "finite", self.alpha.is_finite())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("elu").set("alpha", self.alpha))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        operators.then("Elu", &[], [("alpha", Attribute::Float(self.alpha as f32))]);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise(
            "□ if □ > 0, else α(e^□ − 1)",
            "□ \\text{ if } □ > 0 \\text{ else } \\alpha(e^{□} - 1)",
        ))
    }

    fn rust_expression(&self, number: &dyn Fn(f64) -> String) -> Option<String> {
        Some(bent("x", &format!("{} * math::exp_m1(x)", number(self.alpha))))
    }
}

impl<A: Scalar> Restore<A> for Elu {
    const KIND: &'static str = "elu";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Elu { alpha: parts.spec().number("alpha")? })
    }
}
