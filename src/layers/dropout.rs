//! [`Dropout`]: zeroes random elements during training.

use rand::Rng;
use rand::rngs::Xoshiro256PlusPlus;

use crate::error::check_setting;
use crate::kernels::{flat, flat_mut, simd::map2};
use crate::layer::{Backward, Layer, Parts, Pass, Restore, Steps};
use crate::spec::Spec;
use crate::spec::onnx::Operators;
use crate::spec::rust::Code;
use crate::{Matrix, Result, Scalar, Shape};

/// Zeroes each element with probability p during training, and scales the others by 1/(1 - p) to preserve the mean
/// (inverted dropout; Srivastava et al., 2014).
///
/// y = m ∘ x and dx = m ∘ dy, where each element of m is 0 or 1/(1 - p), drawn in each forward pass from the seed of
/// the [`Tape`](crate::Tape). When predicting, y = x and dx = dy. With p = 1, y = 0. Accepts any shape.
///
/// # Errors
/// A probability outside 0 to 1 is an [`Error::Setting`](crate::Error::Setting) when the layer is added to a network.
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let network = Sequential::new(4).with(Dropout::new(0.5))?;
/// let x = array![[1.0, 2.0, 3.0, 4.0]];
/// assert_eq!(network.predict(&x)?, x);
/// let mut tape = Tape::new(&network, 7);
/// let y = tape.forward(&network, &x)?;
/// assert!(y.iter().zip(&x).all(|(&y, &x)| y == 0.0 || y == 2.0 * x));
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    /// The probability that an element is zeroed.
    pub probability: f64,
}

impl Dropout {
    /// Creates a layer that zeroes each element with this probability.
    pub const fn new(probability: f64) -> Self {
        Self { probability }
    }
}

/// Resizes `mask` to `len` and draws each element: 0 or 1/(1 - probability).
pub(super) fn draw<A: Scalar>(mask: &mut Vec<A>, len: usize, probability: f64, rng: &mut Xoshiro256PlusPlus) {
    mask.resize(len, A::ZERO);
    each_factor(mask, probability, rng, |element, factor| *element = factor);
}

/// Calls `f` with each element and its factor, drawn as 0 or 1/(1 - probability).
#[inline]
pub(super) fn each_factor<A: Scalar>(
    elements: &mut [A],
    probability: f64,
    rng: &mut Xoshiro256PlusPlus,
    f: impl Fn(&mut A, A),
) {
    const ALL: u64 = 1 << 32;
    // Each 64-bit random number decides two elements.
    let dropped = (probability * ALL as f64).round() as u64;
    let kept = if dropped < ALL { A::of(1.0 / (1.0 - probability)) } else { A::ZERO };
    for pair in elements.chunks_mut(2) {
        let mut bits = rng.next_u64();
        for element in pair {
            f(element, if bits % ALL < dropped { A::ZERO } else { kept });
            bits /= ALL;
        }
    }
}

/// Checks that the value is a probability.
pub(super) fn check_probability(what: &str, probability: f64) -> Result<()> {
    check_setting(what, probability, "from 0 to 1", (0.0..=1.0).contains(&probability))
}

impl<A: Scalar> Layer<A> for Dropout {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        check_probability("Dropout's probability", self.probability)?;
        Ok(input)
    }

    fn steps(&self, _: Shape) -> Steps {
        Steps::Each
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        if !pass.training {
            y.assign(x);
            return Ok(());
        }
        let mask = pass.cache.get::<Vec<A>>();
        draw(mask, x.len(), self.probability, pass.rng);
        map2(flat(x), mask, flat_mut(y), |x, m| x * m);
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let Some(dx) = at.dx else { return Ok(()) };
        if pass.training {
            map2(flat(at.dy), pass.cache.get::<Vec<A>>(), flat_mut(dx), |dy, m| dy * m);
        } else {
            dx.assign(at.dy);
        }
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("dropout").set("probability", self.probability))
    }

    fn onnx(&self, _: &mut Operators) -> Result<()> {
        Ok(())
    }

    fn rust(&self, _: &mut Code) -> Result<()> {
        Ok(())
    }
}

impl<A: Scalar> Restore<A> for Dropout {
    const KIND: &'static str = "dropout";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Dropout::new(parts.spec().number("probability")?))
    }
}
