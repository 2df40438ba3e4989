//! [`HardTanh`]: the identity, clamped to an interval.

use crate::activations::{Activation, clamp, clamped, clip};
use crate::error::check_setting;
use crate::layer::{Parts, Restore};
use crate::spec::onnx::Operators;
use crate::spec::{Formula, Spec};
use crate::{Result, Scalar};

/// Clamps x to [`min`, `max`] (Collobert, 2004).
///
/// Its derivative is 1 in (`min`, `max`), else 0.
///
/// ```
/// use neuropil::prelude::*;
///
/// assert_eq!([-2.0, 0.5, 2.0].map(|x| HardTanh::default().apply(x)), [-1.0, 0.5, 1.0]);
/// assert_eq!(HardTanh::new(0.0, 3.0).apply(2.0), 2.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HardTanh {
    /// The lower bound; -1 by default.
    pub min: f64,
    /// The upper bound, above `min`; 1 by default.
    pub max: f64,
}

impl HardTanh {
    /// Creates a function that clamps to [`min`, `max`].
    pub const fn new(min: f64, max: f64) -> Self {
        Self { min, max }
    }
}

impl Default for HardTanh {
    fn default() -> Self {
        Self::new(-1.0, 1.0)
    }
}

impl Activation for HardTanh {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        clamp(x, self.min, self.max)
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, x: A, _: A) -> A {
        let below_max = if x < A::of(self.max) { A::ONE } else { A::ZERO };
        if x > A::of(self.min) { below_max } else { A::ZERO }
    }

    fn check(&self) -> Result<()> {
        check_setting("HardTanh's max", self.max, "above its min", self.max > self.min)
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("hard_tanh").set("min", self.min).set("max", self.max))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        clip(operators, self.min, self.max);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise("min(max(□, min), max)", "\\min(\\max(□, \\text{min}), \\text{max})"))
    }

    fn rust_expression(&self, number: &dyn Fn(f64) -> String) -> Option<String> {
        Some(clamped("x", self.min, self.max, number))
    }
}

impl<A: Scalar> Restore<A> for HardTanh {
    const KIND: &'static str = "hard_tanh";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        Ok(HardTanh { min: parts.spec().number("min")?, max: parts.spec().number("max")? })
    }
}
