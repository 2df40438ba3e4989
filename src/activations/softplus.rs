//! [`Softplus`]: a smooth rectifier.

use crate::activations::Activation;
use crate::error::check_setting;
use crate::layer::{Parts, Restore};
use crate::spec::onnx::Operators;
use crate::spec::{Formula, Spec};
use crate::{Result, Scalar};

/// The smooth rectifier ln(1 + e^(βx))/β (Dugas et al., 2001), replaced by x where βx exceeds a threshold.
///
/// Computed as max(0, x) + ln(1 + e^(-β|x|))/β, which cannot overflow. Its derivative is σ(βx), and 1 above the
/// threshold. `PyTorch` has the same threshold; at its default of 20, the two parts differ by 2·10⁻⁹.
///
/// ```
/// use neuropil::prelude::*;
///
/// assert_eq!(Softplus::default().apply(0.0_f64), std::f64::consts::LN_2);
/// assert_eq!(Softplus::new(2.0, 10.0).apply(5.5), 5.5);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Softplus {
    /// β > 0, the sharpness of the bend; 1 by default.
    pub beta: f64,
    /// The value of βx above which the result is x; 20 by default.
    pub threshold: f64,
}

impl Softplus {
    /// Creates a rectifier with β = `beta`, linear where βx exceeds `threshold`.
    pub const fn new(beta: f64, threshold: f64) -> Self {
        Self { beta, threshold }
    }
}

impl Default for Softplus {
    fn default() -> Self {
        Self::new(1.0, 20.0)
    }
}

impl Activation for Softplus {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        let z = A::of(self.beta) * x;
        let y = x.maximum(A::ZERO) + (-z.abs()).exp().ln_1p() / A::of(self.beta);
        if z > A::of(self.threshold) { x } else { y }
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, x: A, _: A) -> A {
        let z = A::of(self.beta) * x;
        let slope = z.sigmoid();
        if z > A::of(self.threshold) { A::ONE } else { slope }
    }

    fn check(&self) -> Result<()> {
        let ok = self.beta > 0.0 && self.beta.is_finite();
        check_setting("Softplus's beta", self.beta, "above 0 and finite", ok)?;
        check_setting("Softplus's threshold", self.threshold, "at least 0", self.threshold >= 0.0)
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("softplus").set("beta", self.beta).set("threshold", self.threshold))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let x = operators.value();
        let beta = (self.beta != 1.0).then(|| operators.number(self.beta));
        if let Some(beta) = &beta {
            operators.then("Mul", &[beta], []);
        }
        let scaled = operators.value();
        operators.then("Softplus", &[], []);
        if let Some(beta) = &beta {
            operators.then("Div", &[beta], []);
        }
        // Beyond 18, both parts are equal in `f32`.
        if self.threshold < 18.0 {
            let (y, threshold) = (operators.value(), operators.number(self.threshold));
            let beyond = operators.node("Greater", &[&scaled, &threshold], []);
            let y = operators.node("Where", &[&beyond, &x, &y], []);
            operators.set_value(y);
        }
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise("ln(1 + e^(β□))/β", "\\frac{1}{\\beta}\\ln(1 + e^{\\beta □})"))
    }

    fn rust_expression(&self, number: &dyn Fn(f64) -> String) -> Option<String> {
        let (beta, threshold) = (number(self.beta), number(self.threshold));
        Some(format!(
            "{{ let z = {beta} * x; let y = maximum(x, 0.0) + math::ln_1p(math::exp(-z.abs())) / ({beta}); \
             if z > {threshold} {{ x }} else {{ y }} }}"
        ))
    }
}

impl<A: Scalar> Restore<A> for Softplus {
    const KIND: &'static str = "softplus";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Softplus { beta: parts.spec().number("beta")?, threshold: parts.spec().number("threshold")? })
    }
}
