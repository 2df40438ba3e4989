//! [`Tanh`]: the hyperbolic tangent.

use crate::activations::Activation;
use crate::layer::{Parts, Restore};
use crate::spec::onnx::Operators;
use crate::spec::{Formula, Spec};
use crate::{Result, Scalar};

/// The hyperbolic tangent tanh(x) = 2/(1 + e⁻²ˣ) - 1, with values in (-1, 1).
///
/// Its derivative is (1 - tanh x)(1 + tanh x) = 2σ(-2|x|)(1 + |tanh x|).
///
/// ```
/// use neuropil::prelude::*;
///
/// assert_eq!(Tanh.apply(0.0), 0.0);
/// assert_eq!(Tanh.slope(0.0, 0.0), 1.0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tanh;

impl Activation for Tanh {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        x.tanh()
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, x: A, y: A) -> A {
        // 1 - |tanh x| would cancel; 2σ(-2|x|) is equal.
        let two = A::of(2.0);
        (A::ONE + y.abs()) * (two * (-two * x.abs()).sigmoid())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("tanh"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        operators.then("Tanh", &[], []);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise("tanh(□)", "\\tanh(□)"))
    }

    fn rust_expression(&self, _: &dyn Fn(f64) -> String) -> Option<String> {
        Some("math::tanh(x)".into())
    }
}

impl<A: Scalar> Restore<A> for Tanh {
    const KIND: &'static str = "tanh";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Tanh)
    }
}
