//! [`Mish`]: a self-gated smooth rectifier.

use crate::activations::Activation;
use crate::layer::{Parts, Restore};
use crate::spec::onnx::Operators;
use crate::spec::{Formula, Spec};
use crate::{Result, Scalar};

/// x·tanh(softplus(x)), with softplus(x) = ln(1 + eˣ) (Misra, 2019).
///
/// With e = eˣ and n = e(e + 2), tanh(softplus(x)) is n/(n + 2), which takes a single exponential. The derivative is
/// n/(n + 2) + x·4e(e + 1)/(n + 2)².
///
/// ```
/// use neuropil::prelude::*;
///
/// assert!((Mish.apply(1.0_f64) - 1.0_f64.exp().ln_1p().tanh()).abs() < 1e-15);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mish;

impl Activation for Mish {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        x.mish()
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, x: A, _: A) -> A {
        x.mish_slope()
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("mish"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        operators.then("Mish", &[], []);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise("□·tanh(ln(1 + e^□))", "□\\tanh(\\ln(1 + e^{□}))"))
    }

    fn rust_expression(&self, _: &dyn Fn(f64) -> String) -> Option<String> {
        Some("math::mish(x)".into())
    }
}

impl<A: Scalar> Restore<A> for Mish {
    const KIND: &'static str = "mish";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Mish)
    }
}
