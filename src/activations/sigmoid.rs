//! [`Sigmoid`]: the logistic function.

use crate::activations::Activation;
use crate::layer::{Parts, Restore};
use crate::spec::onnx::Operators;
use crate::spec::{Formula, Spec};
use crate::{Result, Scalar};

/// The logistic function σ(x) = 1/(1 + e⁻ˣ), with values in (0, 1).
///
/// Its derivative is σ(x)·σ(-x), which is accurate in both tails, where σ(1 - σ) would round to 0.
///
/// ```
/// use neuropil::prelude::*;
///
/// assert_eq!(Sigmoid.apply(0.0), 0.5);
/// assert_eq!(Sigmoid.slope(0.0, 0.5), 0.25);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sigmoid;

impl Activation for Sigmoid {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        x.sigmoid()
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, x: A, y: A) -> A {
        y * (-x).sigmoid()
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("sigmoid"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        operators.then("Sigmoid", &[], []);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise("1/(1 + e^(−□))", "\\frac{1}{1 + e^{-□}}"))
    }

    fn rust_expression(&self, _: &dyn Fn(f64) -> String) -> Option<String> {
        Some("math::sigmoid(x)".into())
    }
}

impl<A: Scalar> Restore<A> for Sigmoid {
    const KIND: &'static str = "sigmoid";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Sigmoid)
    }
}
