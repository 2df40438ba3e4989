//! [`Power`]: a power with a fixed exponent.

use crate::activations::Activation;
use crate::error::check_setting;
use crate::layer::{Parts, Restore};
use crate::spec::onnx::Operators;
use crate::spec::{Formula, Spec};
use crate::{Result, Scalar};

/// The power x^p with a fixed exponent p: the square, the square root (p = 1/2), the reciprocal (p = -1).
///
/// Its derivative is p·x^(p - 1). For negative x it is NaN unless p is an integer.
///
/// ```
/// use neuropil::activations::Power;
/// use neuropil::prelude::*;
///
/// assert_eq!(Power::new(2.0).apply(-3.0), 9.0);
/// assert_eq!(Power::new(0.5).apply(9.0), 3.0);
/// assert_eq!(Power::new(-1.0).slope(2.0, 0.5), -0.25);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Power {
    /// p, any finite number.
    pub exponent: f64,
}

impl Power {
    /// Creates a power with the exponent p = `exponent`.
    pub const fn new(exponent: f64) -> Self {
        Self { exponent }
    }
}

/// x^p: exact for common exponents, by the logarithm for others.
#[inline(always)]
fn raise<A: Scalar>(x: A, p: f64) -> A {
    match p {
        0.0 => A::ONE,
        1.0 => x,
        2.0 => x * x,
        3.0 => x * x * x,
        0.5 => x.sqrt(),
        -0.5 => A::ONE / x.sqrt(),
        -1.0 => A::ONE / x,
        -2.0 => A::ONE / (x * x),
        _ => {
            let size = (A::of(p) * x.abs().ln()).exp();
            let below = match p.rem_euclid(2.0) {
                0.0 => size,
                1.0 => -size,
                _ => A::of(f64::NAN),
            };
            if x < A::ZERO { below } else { size }
        }
    }
}

impl Activation for Power {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        raise(x, self.exponent)
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, x: A, _: A) -> A {
        A::of(self.exponent) * raise(x, self.exponent - 1.0)
    }

    fn check(&self) -> Result<()> {
        check_setting("Power's exponent", self.exponent, "finite", self.exponent.is_finite())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("power").set("exponent", self.exponent))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        match self.exponent {
            0.5 => operators.then("Sqrt", &[], []),
            -1.0 => operators.then("Reciprocal", &[], []),
            exponent => {
                let exponent = operators.number(exponent);
                operators.then("Pow", &[&exponent], []);
            }
        }
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        let p = self.exponent;
        Some(Formula::elementwise(format!("□^{p}"), format!("□^{{{p}}}")))
    }

    fn rust_expression(&self, number: &dyn Fn(f64) -> String) -> Option<String> {
        let p = self.exponent;
        Some(match p {
            0.0 => "1.0".into(),
            1.0 => "x".into(),
            2.0 => "x * x".into(),
            3.0 => "x * x * x".into(),
            0.5 => "math::sqrt(x)".into(),
            -0.5 => "1.0 / math::sqrt(x)".into(),
            -1.0 => "1.0 / x".into(),
            -2.0 => "1.0 / (x * x)".into(),
            _ => {
                let below = match p.rem_euclid(2.0) {
                    0.0 => "size",
                    1.0 => "-size",
                    _ => "(x - x) / (x - x)",
                };
                let size = format!("math::exp({} * math::ln(x.abs()))", number(p));
                format!("{{ let size = {size}; if x < 0.0 {{ {below} }} else {{ size }} }}")
            }
        })
    }
}

impl<A: Scalar> Restore<A> for Power {
    const KIND: &'static str = "power";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Power { exponent: parts.spec().number("exponent")? })
    }
}
