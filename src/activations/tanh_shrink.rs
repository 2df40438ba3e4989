//! [`TanhShrink`]: x - tanh(x).

use crate::activations::Activation;
use crate::layer::{Parts, Restore};
use crate::spec::onnx::Operators;
use crate::spec::{Formula, Spec};
use crate::{Result, Scalar};

/// The function x - tanh(x), as in `PyTorch`.
///
/// Its derivative is tanh²(x). Near 0, the difference cancels, and its absolute error is the rounding error of x.
///
/// ```
/// use neuropil::prelude::*;
///
/// assert_eq!(TanhShrink.apply(0.0), 0.0);
/// assert_eq!(TanhShrink.apply(100.0), 99.0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TanhShrink;

impl Activation for TanhShrink {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        x - x.tanh()
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, x: A, _: A) -> A {
        let t = x.tanh();
        t * t
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("tanh_shrink"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let x = operators.value();
        let tanh = operators.node("Tanh", &[&x], []);
        operators.then("Sub", &[&tanh], []);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise("□ − tanh(□)", "□ - \\tanh(□)"))
    }

    fn rust_expression(&self, _: &dyn Fn(f64) -> String) -> Option<String> {
        Some("x - math::tanh(x)".into())
    }
}

impl<A: Scalar> Restore<A> for TanhShrink {
    const KIND: &'static str = "tanh_shrink";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(TanhShrink)
    }
}
