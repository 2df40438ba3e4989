//! [`LeakyRelu`]: a rectifier with a small negative slope.

use crate::activations::{Activation, bent};
use crate::error::check_setting;
use crate::layer::{Parts, Restore};
use crate::spec::onnx::{Attribute, Operators};
use crate::spec::{Formula, Spec};
use crate::{Result, Scalar};

/// The leaky rectifier: x for x > 0, else slope·x (Maas, Hannun and Ng, 2013).
///
/// Its derivative is 1 for x > 0, else the slope.
///
/// ```
/// use neuropil::prelude::*;
///
/// assert_eq!(LeakyRelu::new(0.1).apply(-2.0), -0.2);
/// assert_eq!(LeakyRelu::default().slope, 0.01);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LeakyRelu {
    /// The slope for x <= 0; 0.01 by default.
    pub slope: f64,
}

impl LeakyRelu {
    /// Creates a rectifier with `slope` for x <= 0.
    pub const fn new(slope: f64) -> Self {
        Self { slope }
    }
}

impl Default for LeakyRelu {
    fn default() -> Self {
        Self::new(0.01)
    }
}

impl Activation for LeakyRelu {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        let leak = A::of(self.slope) * x;
        if x > A::ZERO { x } else { leak }
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, x: A, _: A) -> A {
        if x > A::ZERO { A::ONE } else { A::of(self.slope) }
    }

    fn check(&self) -> Result<()> {
        check_setting("LeakyRelu's slope", self.slope, "finite", self.slope.is_finite())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("leaky_relu").set("slope", self.slope))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        operators.then("LeakyRelu", &[], [("alpha", Attribute::Float(self.slope as f32))]);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise("□ if □ > 0, else slope·□", "□ \\text{ if } □ > 0 \\text{ else } \\text{slope}\\,□"))
    }

    fn rust_expression(&self, number: &dyn Fn(f64) -> String) -> Option<String> {
        Some(bent("x", &format!("{} * x", number(self.slope))))
    }
}

impl<A: Scalar> Restore<A> for LeakyRelu {
    const KIND: &'static str = "leaky_relu";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        Ok(LeakyRelu { slope: parts.spec().number("slope")? })
    }
}
