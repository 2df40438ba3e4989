//! [`LearnedPositions`]: learned positional embeddings.

use std::fmt;

use ndarray::Array2;
use rand::Rng;

use super::sinusoidal_positions::{add_codes, write_onnx, write_rust};
use crate::error::NO_FORWARD;
use crate::kernels::{flat, flat_mut, steps_before_padding};
use crate::layer::{Backward, Layer, Parameter, Parts, Pass, Restore, Steps, parameters};
use crate::spec::onnx::Operators;
use crate::spec::rust::Code;
use crate::spec::{Formula, Spec};
use crate::{Error, Init, Matrix, Result, Scalar, Shape};

/// Adds row t of a learnable matrix to step t of a sequence, yₜ = xₜ + Wₜ (Gehring et al., 2017), for layers such as
/// [`MultiHeadAttention`](super::MultiHeadAttention) that ignore the order of the steps.
///
/// W is (steps, features), drawn from a normal distribution with standard deviation 0.02; shorter sequences use the
/// first rows. dx = dy, and dWₜ is the sum of dyₜ over the samples.
///
/// ```
/// use neuropil::prelude::*;
///
/// let network = Sequential::<f32>::new([10, 8]).with(LearnedPositions::new(16, 8, &mut rng(1)))?;
/// assert_eq!(network.parameter_count(), 16 * 8);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct LearnedPositions<A: Scalar> {
    /// W, (steps, features)
    weight: Parameter<A>,
    masked: bool,
}

impl<A: Scalar> LearnedPositions<A> {
    /// Creates a layer for sequences of at most `steps` steps.
    pub fn new(steps: usize, features: usize, rng: &mut impl Rng) -> Self {
        let weight = Init::Normal { mean: 0.0, std: 0.02 }.matrix(steps, features, rng);
        Self { weight: Parameter::weight("weight", &[steps, features], weight), masked: false }
    }

    /// Leaves trailing all-zero steps unchanged, so that later layers recognize them as padding.
    pub fn masked(mut self) -> Self {
        self.masked = true;
        self
    }

    /// W, (steps, features).
    pub fn weight(&self) -> &Array2<A> {
        &self.weight
    }
}

impl<A: Scalar> Layer<A> for LearnedPositions<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        let (most, width) = self.weight.dim();
        match input {
            Shape::Sequence { steps, features } if features == width && features > 0 && steps <= most => Ok(input),
            _ => {
                let wants = format!("sequences [steps, {width}] of up to {most} steps");
                Err(Error::Input { layer: format!("{self:?}"), wants, got: input })
            }
        }
    }

    fn steps(&self, _: Shape) -> Steps {
        if self.masked { Steps::All } else { Steps::Causal }
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let (mut codes, features) = (flat(&self.weight), self.weight.ncols());
        if pass.stream {
            let next = pass.cache.get::<usize>();
            let (first, steps) = (*next, *next + x.ncols() / features);
            // A stream cannot be longer than W.
            self.output_shape(Shape::Sequence { steps, features })?;
            (*next, codes) = (steps, &codes[first * features..]);
        }
        add_codes(x, codes, features, self.masked && pass.lengths.is_none(), y);
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let [dw] = at.dw else { return Err(NO_FORWARD) };
        // The sum over the samples, accumulated in `f64`. If lengths are known, dy is 0 in padding.
        let masked = self.masked && pass.lengths.is_none();
        let sums = pass.cache.get::<Vec<f64>>();
        sums.clear();
        sums.resize(at.x.ncols(), 0.0);
        let features = self.weight.ncols();
        for (x, dy) in at.x.rows().into_iter().zip(at.dy.rows()) {
            let steps = if masked { steps_before_padding(&x, features) } else { sums.len() / features };
            for (sum, &dy) in sums[..steps * features].iter_mut().zip(dy) {
                *sum += dy.to_f64();
            }
        }
        let (dw, rest) = flat_mut(dw).split_at_mut(sums.len());
        dw.iter_mut().zip(&*sums).for_each(|(dw, &sum)| *dw = A::of(sum));
        rest.fill(A::ZERO);
        if let Some(dx) = at.dx {
            flat_mut(dx).copy_from_slice(flat(at.dy));
        }
        Ok(())
    }

    parameters!(A: weight);

    fn spec(&self) -> Option<Spec> {
        let (steps, features) = self.weight.dim();
        let spec = Spec::new("learned_positions").set("steps", steps).set("features", features);
        Some(spec.set("masked", self.masked))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        write_onnx(operators, flat(&self.weight), self.masked);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let codes = code.parameter("weight")?;
        write_rust(code, codes, self.masked);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(Formula::new("□ + {weight}", "□ + {weight}"))
    }
}

impl<A: Scalar> Restore<A> for LearnedPositions<A> {
    const KIND: &'static str = "learned_positions";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let spec = parts.spec();
        let (steps, features) = (spec.count("steps")?, spec.count("features")?);
        let weight = parts.weight("weight", &[steps, features], steps, features)?;
        Ok(Self { weight, masked: spec.flag("masked")? })
    }
}

impl<A: Scalar> fmt::Debug for LearnedPositions<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (steps, features) = self.weight.dim();
        write!(f, "LearnedPositions({steps} steps, {features}{})", if self.masked { ", masked" } else { "" })
    }
}
