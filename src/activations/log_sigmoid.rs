//! [`LogSigmoid`]: the logarithm of the logistic function.

use crate::activations::Activation;
use crate::layer::{Parts, Restore};
use crate::spec::onnx::Operators;
use crate::spec::{Formula, Spec};
use crate::{Result, Scalar};

/// The logarithm of the logistic function, ln σ(x) = -ln(1 + e⁻ˣ).
///
/// Computed as min(x, 0) - ln(1 + e^(-|x|)), which is numerically stable. Its derivative is σ(-x).
///
/// ```
/// use neuropil::prelude::*;
///
/// assert_eq!(LogSigmoid.apply(0.0), -std::f64::consts::LN_2);
/// assert_eq!(LogSigmoid.apply(-1000.0), -1000.0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogSigmoid;

impl Activation for LogSigmoid {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        x.minimum(A::ZERO) - (-x.abs()).exp().ln_1p()
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, x: A, _: A) -> A {
        (-x).sigmoid()
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("log_sigmoid"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        for op in ["Neg", "Softplus", "Neg"] {
            operators.then(op, &[], []);
        }
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise("−ln(1 + e^(−□))", "-\\ln(1 + e^{-□})"))
    }

    fn rust_expression(&self, _: &dyn Fn(f64) -> String) -> Option<String> {
        Some("minimum(x, 0.0) - math::ln_1p(math::exp(-x.abs()))".into())
    }
}

impl<A: Scalar> Restore<A> for LogSigmoid {
    const KIND: &'static str = "log_sigmoid";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(LogSigmoid)
    }
}
