//! [`Silu`]: the sigmoid linear unit, or swish.

use crate::activations::Activation;
use crate::layer::{Parts, Restore};
use crate::spec::onnx::Operators;
use crate::spec::{Formula, Spec};
use crate::{Result, Scalar};

/// The sigmoid linear unit x·σ(x), also called swish (Elfwing, Uchibe and Doya, 2018).
///
/// Its derivative is σ(x)·(1 + x·σ(-x)).
///
/// ```
/// use neuropil::prelude::*;
///
/// assert_eq!(Silu.apply(0.0), 0.0);
/// assert_eq!(Silu.slope(0.0, 0.0), 0.5);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Silu;

impl Activation for Silu {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        x.silu()
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, x: A, _: A) -> A {
        x.silu_slope()
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("silu"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let x = operators.value();
        let gate = operators.node("Sigmoid", &[&x], []);
        operators.then("Mul", &[&gate], []);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise("□/(1 + e^(−□))", "\\frac{□}{1 + e^{-□}}"))
    }

    fn rust_expression(&self, _: &dyn Fn(f64) -> String) -> Option<String> {
        Some("math::silu(x)".into())
    }
}

impl<A: Scalar> Restore<A> for Silu {
    const KIND: &'static str = "silu";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Silu)
    }
}
