//! [`Step`]: the step function.

use crate::activations::Activation;
use crate::error::check_setting;
use crate::layer::{Parts, Restore};
use crate::spec::onnx::{Attribute, FLOAT, Operators};
use crate::spec::{Formula, Spec};
use crate::{Result, Scalar};

/// The step function: 1 for x >= b, else 0, where b is the threshold (`McCulloch` and Pitts, 1943).
///
/// Its derivative is 0 almost everywhere, so a network with parameters before a step can predict, but not train.
///
/// ```
/// use neuropil::activations::Step;
/// use neuropil::prelude::*;
///
/// let step = Step::new(0.5);
/// assert_eq!([0.4, 0.5, 0.6].map(|x| step.apply(x)), [0.0, 1.0, 1.0]);
/// assert!(!Activation::differentiable(&step));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Step {
    /// The smallest x with result 1; 0 by default.
    pub threshold: f64,
}

impl Step {
    /// Creates a step at `threshold`.
    pub const fn new(threshold: f64) -> Self {
        Self { threshold }
    }
}

impl Activation for Step {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        let y = if x >= A::of(self.threshold) { A::ONE } else { A::ZERO };
        if x.is_nan() { x } else { y }
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, _: A, _: A) -> A {
        A::ZERO
    }

    fn differentiable(&self) -> bool {
        false
    }

    fn check(&self) -> Result<()> {
        check_setting("Step's threshold", self.threshold, "finite", self.threshold.is_finite())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("step").set("threshold", self.threshold))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let threshold = operators.number(self.threshold);
        operators.then("GreaterOrEqual", &[&threshold], []);
        operators.then("Cast", &[], [("to", Attribute::Int(FLOAT))]);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise(
            "1 if □ ≥ threshold, else 0",
            "1 \\text{ if } □ \\ge \\text{threshold} \\text{ else } 0",
        ))
    }

    fn rust_expression(&self, number: &dyn Fn(f64) -> String) -> Option<String> {
        let step = format!("if x >= {} {{ 1.0 }} else {{ 0.0 }}", number(self.threshold));
        Some(format!("if x.is_nan() {{ x }} else {{ {step} }}"))
    }
}

impl<A: Scalar> Restore<A> for Step {
    const KIND: &'static str = "step";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Step { threshold: parts.spec().number("threshold")? })
    }
}
