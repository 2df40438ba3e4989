//! [`Selu`]: the scaled exponential linear unit.

use crate::activations::{Activation, bent};
use crate::layer::{Parts, Restore};
use crate::spec::onnx::Operators;
use crate::spec::{Formula, Spec};
use crate::{Result, Scalar};

/// The scaled exponential linear unit: λx for x > 0, else λα(eˣ - 1), with λ ≈ 1.0507 and α ≈ 1.6733.
///
/// With these constants, layers with `LeCun` normal weights preserve mean 0 and variance 1 (Klambauer et al., 2017).
/// Its derivative is λ for x > 0, else λαeˣ.
///
/// ```
/// use neuropil::prelude::*;
///
/// assert_eq!(Selu.apply(1.0), 1.0507009873554805);
/// assert_eq!(Selu.apply(-100.0), -1.7580993408473766);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Selu;

const LAMBDA: f64 = 1.050_700_987_355_480_5;
const LAMBDA_ALPHA: f64 = 1.758_099_340_847_376_6;

impl Activation for Selu {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        let bent = A::of(LAMBDA_ALPHA) * x.exp_m1();
        if x > A::ZERO { A::of(LAMBDA) * x } else { bent }
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, x: A, _: A) -> A {
        let bent = A::of(LAMBDA_ALPHA) * x.exp();
        if x > A::ZERO { A::of(LAMBDA) } else { bent }
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("selu"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        operators.then("Selu", &[], []);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise(
            "λ·□ if □ > 0, else λα(e^□ − 1)",
            "\\lambda □ \\text{ if } □ > 0 \\text{ else } \\lambda\\alpha(e^{□} - 1)",
        ))
    }

    fn rust_expression(&self, number: &dyn Fn(f64) -> String) -> Option<String> {
        let (straight, curved) = (number(LAMBDA), number(LAMBDA_ALPHA));
        Some(bent(&format!("{straight} * x"), &format!("{curved} * math::exp_m1(x)")))
    }
}

impl<A: Scalar> Restore<A> for Selu {
    const KIND: &'static str = "selu";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Selu)
    }
}
