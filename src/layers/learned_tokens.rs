//! [`LearnedTokens`]: learned tokens before or after a sequence.

use std::fmt;

use ndarray::Array2;
use rand::Rng;

use crate::error::NO_FORWARD;
use crate::kernels::rows::{Rows, each_row};
use crate::kernels::{flat, flat_mut};
use crate::layer::{Backward, Layer, Parameter, Parts, Pass, Restore, parameters};
use crate::spec::onnx::{Attribute, Operators, Tensor};
use crate::spec::rust::{Code, Function};
use crate::spec::{Formula, Spec};
use crate::{Error, Init, Matrix, Result, Scalar, Shape};

/// Prepends learned tokens to each sequence, Y = \[W; X\], such as the class token of a vision transformer (Dosovitskiy
/// et al., 2021).
///
/// W is (tokens, features), drawn from a normal distribution with standard deviation 0.02; X is (steps, features), Y
/// (tokens + steps, features).
///
/// ```
/// use neuropil::layers::LearnedTokens;
/// use neuropil::prelude::*;
///
/// let network = Sequential::<f32>::new([16, 8]).with(LearnedTokens::new(1, 8, &mut rng(1)))?;
/// assert_eq!(network.output(), [17, 8].into());
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct LearnedTokens<A: Scalar> {
    /// W, (tokens, features)
    weight: Parameter<A>,
    last: bool,
}

impl<A: Scalar> LearnedTokens<A> {
    /// Creates a layer that prepends `tokens` tokens.
    pub fn new(tokens: usize, features: usize, rng: &mut impl Rng) -> Self {
        let weight = Init::Normal { mean: 0.0, std: 0.02 }.matrix(tokens, features, rng);
        Self { weight: Parameter::weight("weight", &[tokens, features], weight), last: false }
    }

    /// Appends the tokens instead, Y = \[X; W\].
    pub fn last(mut self) -> Self {
        self.last = true;
        self
    }

    /// W, (tokens, features).
    pub fn weight(&self) -> &Array2<A> {
        &self.weight
    }

    /// The offsets of the tokens and of the sequence in an output, for an input of `len` elements.
    fn starts(&self, len: usize) -> [usize; 2] {
        if self.last { [len, 0] } else { [0, self.weight.len()] }
    }
}

const ADD_TOKENS: Function = Function::new(
    "add_tokens",
    "\
pub fn add_tokens(x: &[Number], y: &mut [Number], tokens: &[Number], last: bool) {
    let (first, second) = if last { (x, tokens) } else { (tokens, x) };
    y[..first.len()].copy_from_slice(first);
    y[first.len()..].copy_from_slice(second);
}
",
);

impl<A: Scalar> Layer<A> for LearnedTokens<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        let (tokens, width) = self.weight.dim();
        match input {
            Shape::Sequence { steps, features } if features == width && tokens > 0 && width > 0 => {
                Ok([steps.saturating_add(tokens), features].into())
            }
            _ => {
                let wants = format!("sequences [steps, {width}], for at least one token");
                Err(Error::Input { layer: format!("{self:?}"), wants, got: input })
            }
        }
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, _: &mut Pass<'_>) -> Result<()> {
        let (size, weight) = (x.ncols(), flat(&self.weight));
        let ([tokens, sequence], width) = (self.starts(size), size + weight.len());
        each_row((Rows(flat(x), size), Rows(flat_mut(y), width)), width, move |(x, y)| {
            y[tokens..][..weight.len()].copy_from_slice(weight);
            y[sequence..][..size].copy_from_slice(x);
        });
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let [dw] = at.dw else { return Err(NO_FORWARD) };
        let size = at.x.ncols();
        let ([tokens, sequence], width) = (self.starts(size), size + self.weight.len());
        // The sum over the samples, accumulated in `f64`.
        let sums = pass.cache.get::<Vec<f64>>();
        sums.clear();
        sums.resize(self.weight.len(), 0.0);
        for dy in flat(at.dy).chunks_exact(width) {
            sums.iter_mut().zip(&dy[tokens..]).for_each(|(sum, dy)| *sum += dy.to_f64());
        }
        flat_mut(dw).iter_mut().zip(&*sums).for_each(|(dw, &sum)| *dw = A::of(sum));
        if let Some(dx) = at.dx {
            each_row((Rows(flat_mut(dx), size), Rows(flat(at.dy), width)), width, move |(dx, dy)| {
                dx.copy_from_slice(&dy[sequence..][..size]);
            });
        }
        Ok(())
    }

    parameters!(A: weight);

    fn spec(&self) -> Option<Spec> {
        let (tokens, features) = self.weight.dim();
        Some(Spec::new("learned_tokens").set("tokens", tokens).set("features", features).set("last", self.last))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let (tokens, features) = self.weight.dim();
        let weight = operators.parameter_constant("weight", Some(&[1, tokens, features]))?;
        // Broadcasts the tokens over the batch: the sizes are (batch, 1, 1).
        let value = operators.value();
        let sizes = operators.node("Shape", &[&value], [("end", Attribute::Int(1))]);
        let ones = operators.unnamed(Tensor::ints(&[2], &[1, 1]));
        let sizes = operators.node("Concat", &[&sizes, &ones], [("axis", Attribute::Int(0))]);
        let tokens = operators.node("Expand", &[&weight, &sizes], []);
        let both = if self.last { [&*value, &*tokens] } else { [&*tokens, &*value] };
        let joined = operators.node("Concat", &both, [("axis", Attribute::Int(1))]);
        operators.set_value(joined);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let tokens = code.optional("weight");
        code.then(&ADD_TOKENS, code.input().len() + self.weight.len(), &[&tokens, &self.last]);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        let text = if self.last { "[□; {weight}]" } else { "[{weight}; □]" };
        Some(Formula::new(text, text))
    }
}

impl<A: Scalar> Restore<A> for LearnedTokens<A> {
    const KIND: &'static str = "learned_tokens";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let spec = parts.spec();
        let (tokens, features) = (spec.count("tokens")?, spec.count("features")?);
        let weight = parts.weight("weight", &[tokens, features], tokens, features)?;
        Ok(Self { weight, last: spec.flag("last")? })
    }
}

impl<A: Scalar> fmt::Debug for LearnedTokens<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tokens, features) = self.weight.dim();
        write!(f, "LearnedTokens({tokens} x {features}{})", if self.last { ", last" } else { "" })
    }
}
