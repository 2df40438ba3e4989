//! [`Erf`]: the error function.

use crate::activations::Activation;
use crate::layer::{Parts, Restore};
use crate::spec::onnx::Operators;
use crate::spec::{Formula, Spec};
use crate::{Result, Scalar};

/// The error function erf(x) = 2/√π·∫₀ˣ e^(-t²) dt, with values in (-1, 1).
///
/// Its derivative is 2/√π·e^(-x²).
///
/// ```
/// use neuropil::activations::Erf;
/// use neuropil::prelude::*;
///
/// assert!((Erf.apply(1.0_f64) - 0.842_700_792_949_715).abs() < 1e-15);
/// assert_eq!(Erf.apply(-100.0), -1.0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erf;

/// 2/√π.
const PEAK: f64 = std::f64::consts::FRAC_2_SQRT_PI;

impl Activation for Erf {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        x.erf()
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, x: A, _: A) -> A {
        A::of(PEAK) * (-x * x).exp()
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("erf"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        operators.then("Erf", &[], []);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise("erf(□)", "\\operatorname{erf}(□)"))
    }

    fn rust_expression(&self, _: &dyn Fn(f64) -> String) -> Option<String> {
        Some("math::erf(x)".into())
    }
}

impl<A: Scalar> Restore<A> for Erf {
    const KIND: &'static str = "erf";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Erf)
    }
}
