//! [`Gelu`] and [`GeluTanh`]: the Gaussian error linear unit, exact and approximated.

use crate::activations::{Activation, clamp};
use crate::layer::{Parts, Restore};
use crate::spec::onnx::{Attribute, Operators};
use crate::spec::{Formula, Spec};
use crate::{Result, Scalar};

/// The Gaussian error linear unit x·Φ(x), where Φ(x) = erfc(-x/√2)/2 is the cumulative distribution function of the
/// standard normal distribution (Hendrycks and Gimpel, 2016).
///
/// Its derivative is Φ(x) + x·φ(x), where φ(x) = e^(-x²/2)/√(2π) is its density.
///
/// ```
/// use neuropil::prelude::*;
///
/// assert!((Gelu.apply(1.0_f64) - 0.841344746068543).abs() < 1e-15);
/// assert_eq!(Gelu.apply(f64::NEG_INFINITY), 0.0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gelu;

/// Beyond ±`FAR`, the distribution functions here are exactly 0 or 1, and the densities 0. Clamping x there avoids ∞·0.
const FAR: f64 = 40.0;

impl Activation for Gelu {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        x.gelu()
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, x: A, _: A) -> A {
        x.gelu_slope()
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("gelu"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        operators.then("Gelu", &[], []);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise("□·Φ(□)", "□\\,\\Phi(□)"))
    }

    fn rust_expression(&self, _: &dyn Fn(f64) -> String) -> Option<String> {
        Some("math::gelu(x)".into())
    }
}

impl<A: Scalar> Restore<A> for Gelu {
    const KIND: &'static str = "gelu";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Gelu)
    }
}

/// [`Gelu`] with Φ(x) ≈ σ(2u) = (1 + tanh u)/2, u = √(2/π)·(x + 0.044715·x³): within 0.0005 of the exact function.
///
/// This is the form of BERT and GPT-2, `gelu(approximate="tanh")` in `PyTorch`.
///
/// ```
/// use neuropil::prelude::*;
///
/// assert!((GeluTanh.apply(1.0_f64) - Gelu.apply(1.0_f64)).abs() < 5e-4);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GeluTanh;

/// 2√(2/π).
const SLOPE: f64 = 1.595_769_121_605_730_8;
const CUBE: f64 = 0.044_715;

impl Activation for GeluTanh {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        x.maximum(A::of(-FAR)) * twice_u(x).sigmoid()
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, x: A, _: A) -> A {
        let x = clamp(x, -FAR, FAR);
        let z = twice_u(x);
        let dz = A::of(SLOPE) + A::of(3.0 * SLOPE * CUBE) * (x * x);
        let s = z.sigmoid();
        s + x * s * (-z).sigmoid() * dz
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("gelu_tanh"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        operators.then("Gelu", &[], [("approximate", Attribute::Text("tanh".into()))]);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise(
            "□/2·(1 + tanh(√(2/π)(□ + 0.044715 □³)))",
            "\\frac{□}{2}(1 + \\tanh(\\sqrt{2/\\pi}(□ + 0.044715\\,□^3)))",
        ))
    }

    fn rust_expression(&self, number: &dyn Fn(f64) -> String) -> Option<String> {
        let twice_u = format!("x * ({} + {} * (x * x))", number(SLOPE), number(SLOPE * CUBE));
        Some(format!("maximum(x, {}) * math::sigmoid({twice_u})", number(-FAR)))
    }
}

impl<A: Scalar> Restore<A> for GeluTanh {
    const KIND: &'static str = "gelu_tanh";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(GeluTanh)
    }
}

#[inline(always)]
fn twice_u<A: Scalar>(x: A) -> A {
    x * (A::of(SLOPE) + A::of(SLOPE * CUBE) * (x * x))
}
