//! [`HardSwish`]: a piecewise approximation of swish.

use crate::activations::{Activation, HardSigmoid};
use crate::layer::{Parts, Restore};
use crate::spec::onnx::Operators;
use crate::spec::{Formula, Spec};
use crate::{Result, Scalar};

/// x times [`HardSigmoid`] of x: 0 for x <= -3, x for x >= 3, x(x + 3)/6 between (`MobileNetV3`; Howard et al., 2019).
///
/// Its derivative is 0 for x <= -3, 1 for x >= 3, x/3 + 1/2 between.
///
/// ```
/// use neuropil::prelude::*;
///
/// assert_eq!([-3.0, 0.0, 1.0, 3.0].map(|x| HardSwish.apply(x)), [0.0, 0.0, 4.0 / 6.0, 3.0]);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HardSwish;

impl Activation for HardSwish {
    #[inline(always)]
    fn apply<A: Scalar>(&self, x: A) -> A {
        // Clamps x where the other factor is 0, to avoid -∞·0.
        x.maximum(A::of(-3.0)) * HardSigmoid.apply(x)
    }

    #[inline(always)]
    fn slope<A: Scalar>(&self, x: A, _: A) -> A {
        let middle = x / A::of(3.0) + A::of(0.5);
        let slope = if x <= A::of(-3.0) { A::ZERO } else { middle };
        if x >= A::of(3.0) { A::ONE } else { slope }
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("hard_swish"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        operators.then("HardSwish", &[], []);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::elementwise("□·min(max(□ + 3, 0), 6)/6", "□\\min(\\max(□ + 3, 0), 6)/6"))
    }

    fn rust_expression(&self, number: &dyn Fn(f64) -> String) -> Option<String> {
        let hard_sigmoid = HardSigmoid.rust_expression(number)?;
        Some(format!("maximum(x, -3.0) * ({hard_sigmoid})"))
    }
}

impl<A: Scalar> Restore<A> for HardSwish {
    const KIND: &'static str = "hard_swish";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(HardSwish)
    }
}
