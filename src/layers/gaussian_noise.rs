//! [`GaussianNoise`]: adds Gaussian noise during training.

use rand_distr::{Distribution, StandardNormal};

use crate::error::check_setting;
use crate::kernels::flat_mut;
use crate::layer::{Backward, Layer, Parts, Pass, Restore, Steps};
use crate::spec::Spec;
use crate::spec::onnx::Operators;
use crate::spec::rust::Code;
use crate::{Matrix, Result, Scalar, Shape};

/// Adds noise during training, y = x + σ·n, with each n drawn from the standard normal distribution, like Keras'
/// `GaussianNoise`.
///
/// dx = dy. When predicting, y = x. The noise is drawn from the seed of the [`Tape`](crate::Tape). Accepts any shape.
///
/// # Errors
/// A negative or non-finite σ is an [`Error::Setting`](crate::Error::Setting) when the layer is added to a network.
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let network = Sequential::new(2).with(GaussianNoise::new(0.1))?;
/// let x = array![[1.0, -1.0]];
/// assert_eq!(network.predict(&x)?, x);
/// assert_ne!(Tape::new(&network, 7).forward(&network, &x)?, &x);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GaussianNoise {
    /// The standard deviation σ.
    pub deviation: f64,
}

impl GaussianNoise {
    /// Creates a layer that adds noise of this standard deviation.
    pub const fn new(deviation: f64) -> Self {
        Self { deviation }
    }
}

impl<A: Scalar> Layer<A> for GaussianNoise {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        let ok = self.deviation >= 0.0 && self.deviation.is_finite();
        check_setting("GaussianNoise's deviation", self.deviation, "at least 0 and finite", ok)?;
        Ok(input)
    }

    fn steps(&self, _: Shape) -> Steps {
        Steps::Each
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        y.assign(x);
        if pass.training {
            for y in flat_mut(y) {
                let n: f64 = StandardNormal.sample(pass.rng);
                *y += A::of(self.deviation * n);
            }
        }
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, _: &mut Pass<'_>) -> Result<()> {
        if let Some(dx) = at.dx {
            dx.assign(at.dy);
        }
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("gaussian_noise").set("deviation", self.deviation))
    }

    fn onnx(&self, _: &mut Operators) -> Result<()> {
        Ok(())
    }

    fn rust(&self, _: &mut Code) -> Result<()> {
        Ok(())
    }
}

impl<A: Scalar> Restore<A> for GaussianNoise {
    const KIND: &'static str = "gaussian_noise";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        Ok(GaussianNoise::new(parts.spec().number("deviation")?))
    }
}
