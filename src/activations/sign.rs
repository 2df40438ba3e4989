//! [`Sign`]: the sign function.

use crate::activations::Activation;
use crate::layer::{Parts, Restore};
use crate::spec::onnx::Operators;
use crate::spec::{Formula, Spec};
use crate::{Result, Scalar};

/// The sign function: -1 for x < 0, 0 for 0, 1 for x > 0.
///
/// Its derivative is 0 almost everywhere, so a network with parameters before it can predict, but not train.
/// [`Tanh`](crate::activations::Tanh) and [`HardTanh`](crate::activations::HardTanh) are trainable alternatives.
///
/// ```
/// use neuropil::activations::Sign;
/// use neuropil::prelude::*;
///
/// assert_eq!([-2.5, 0.0, 0.1].map(|x| Sign.apply(x)), [-1.0, 0.0, 1.0]);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sign;

impl Activation for Sign {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        // 0 and NaN are returned unchanged.
        let y = if x > A::ZERO { A::ONE } else { x };
        if x < A::ZERO { -A::ONE } else { y }
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, _: A, _: A) -> A {
        A::ZERO
    }

    fn differentiable(&self) -> bool {
        false
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("sign"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        operators.then("Sign", &[], []);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise("sign(□)", "\\text{sign}(□)"))
    }

    fn rust_expression(&self, _: &dyn Fn(f64) -> String) -> Option<String> {
        Some("{ let y = if x > 0.0 { 1.0 } else { x }; if x < 0.0 { -1.0 } else { y } }".into())
    }
}

impl<A: Scalar> Restore<A> for Sign {
    const KIND: &'static str = "sign";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Sign)
    }
}
