//! [`Threshold`]: replaces small values.

use crate::activations::Activation;
use crate::error::check_setting;
use crate::layer::{Parts, Restore};
use crate::spec::onnx::Operators;
use crate::spec::{Formula, Spec};
use crate::{Result, Scalar};

/// x above a threshold, a fixed value elsewhere, as in `PyTorch`.
///
/// Its derivative is 1 above the threshold, else 0.
///
/// ```
/// use neuropil::activations::Threshold;
/// use neuropil::prelude::*;
///
/// assert_eq!([0.5, 0.75].map(|x| Threshold::new(0.5, -2.0).apply(x)), [-2.0, 0.75]);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Threshold {
    /// The threshold; 0 by default.
    pub threshold: f64,
    /// The replacement value; 0 by default.
    pub value: f64,
}

impl Threshold {
    /// Creates a function that replaces values up to `threshold` with `value`.
    pub const fn new(threshold: f64, value: f64) -> Self {
        Self { threshold, value }
    }
}

impl Activation for Threshold {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        // In this order, NaN propagates.
        if x <= A::of(self.threshold) { A::of(self.value) } else { x }
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, x: A, _: A) -> A {
        if x > A::of(self.threshold) { A::ONE } else { A::ZERO }
    }

    fn check(&self) -> Result<()> {
        check_setting("Threshold's threshold", self.threshold, "finite", self.threshold.is_finite())?;
        check_setting("Threshold's value", self.value, "finite", self.value.is_finite())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("threshold").set("threshold", self.threshold).set("value", self.value))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let (x, threshold, value) = (operators.value(), operators.number(self.threshold), operators.number(self.value));
        let above = operators.node("Greater", &[&x, &threshold], []);
        let y = operators.node("Where", &[&above, &x, &value], []);
        operators.set_value(y);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise(
            "□ if □ > threshold, else value",
            "□ \\text{ if } □ > \\text{threshold} \\text{ else } \\text{value}",
        ))
    }

    fn rust_expression(&self, number: &dyn Fn(f64) -> String) -> Option<String> {
        Some(format!("if x <= {} {{ {} }} else {{ x }}", number(self.threshold), number(self.value)))
    }
}

impl<A: Scalar> Restore<A> for Threshold {
    const KIND: &'static str = "threshold";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Threshold { threshold: parts.spec().number("threshold")?, value: parts.spec().number("value")? })
    }
}
