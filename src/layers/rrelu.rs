//! [`RRelu`]: a rectifier with random negative slopes.

use rand_distr::{Distribution, StandardUniform};

use crate::activations::LeakyRelu;
use crate::error::check_setting;
use crate::kernels::{flat, flat_mut, simd::map2};
use crate::layer::{Backward, Layer, Parts, Pass, Restore, Steps};
use crate::spec::Spec;
use crate::spec::onnx::Operators;
use crate::spec::rust::Code;
use crate::{Matrix, Result, Scalar, Shape};

/// The randomized rectified linear unit: x for x > 0, else r·x (Xu, Wang, Chen and Li, 2015).
///
/// During training, r is drawn for each element from the uniform distribution on [lower, upper), and reused in the
/// backward pass. When predicting, it is the [`LeakyRelu`] with the mean slope (lower + upper)/2. The derivative at 0
/// is r. A slope is also drawn for positive elements, so the slope of an element does not depend on other elements.
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let network = Sequential::new(2).with(RRelu::new(0.0, 0.5))?;
/// assert_eq!(network.predict(&array![[3.0, -4.0]])?, array![[3.0, -1.0]]);
/// let mut tape = Tape::new(&network, 7);
/// let y = tape.forward(&network, &array![[3.0, -4.0]])?;
/// assert!(y[[0, 0]] == 3.0 && (-2.0..=0.0).contains(&y[[0, 1]]));
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RRelu {
    /// The smallest slope; 1/8 by default.
    pub lower: f64,
    /// The exclusive upper bound of the slopes; 1/3 by default.
    pub upper: f64,
}

impl RRelu {
    /// Creates a rectifier with slopes from `lower` to `upper`.
    pub const fn new(lower: f64, upper: f64) -> Self {
        Self { lower, upper }
    }

    /// The layer for prediction.
    const fn mean(self) -> LeakyRelu {
        LeakyRelu::new(self.lower.midpoint(self.upper))
    }
}

impl Default for RRelu {
    fn default() -> Self {
        Self::new(1.0 / 8.0, 1.0 / 3.0)
    }
}

impl<A: Scalar> Layer<A> for RRelu {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        check_setting("RRelu's lower slope", self.lower, "finite", self.lower.is_finite())?;
        let ok = self.upper >= self.lower && self.upper.is_finite();
        check_setting("RRelu's upper slope", self.upper, "finite and at least the lower one", ok)?;
        Ok(input)
    }

    fn steps(&self, _: Shape) -> Steps {
        Steps::Each
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        if !pass.training {
            return self.mean().forward(x, y, pass);
        }
        let slopes = pass.cache.get::<Vec<A>>();
        slopes.clear();
        slopes.extend(flat(x).iter().map(|&x| {
            let u: f64 = StandardUniform.sample(pass.rng);
            if x > A::ZERO { A::ONE } else { A::of(self.lower + (self.upper - self.lower) * u) }
        }));
        map2(flat(x), slopes, flat_mut(y), |x, slope| x * slope);
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        if !pass.training {
            return self.mean().backward(at, pass);
        }
        if let Some(dx) = at.dx {
            map2(flat(at.dy), pass.cache.get::<Vec<A>>(), flat_mut(dx), |dy, slope| dy * slope);
        }
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("r_relu").set("lower", self.lower).set("upper", self.upper))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        Layer::<A>::onnx(&self.mean(), operators)
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        Layer::<A>::rust(&self.mean(), code)
    }
}

impl<A: Scalar> Restore<A> for RRelu {
    const KIND: &'static str = "r_relu";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        Ok(RRelu::new(parts.spec().number("lower")?, parts.spec().number("upper")?))
    }
}
