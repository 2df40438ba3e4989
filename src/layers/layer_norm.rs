//! [`LayerNorm`]: normalizes each sample, or each step.

use std::fmt;

use ndarray::Array1;

use super::shared::affine::{self, Affine, NORMALIZED, constant};
use crate::error::{NO_FORWARD, check_setting_of};
use crate::kernels::normalize::Plain;
use crate::kernels::runs::{Runs, RunsState};
use crate::kernels::{flat, flat_mut};
use crate::layer::{Backward, Layer, Parts, Pass, Restore, Steps, parameters};
use crate::spec::layout::{Piece, System};
use crate::spec::onnx::{Attribute, Operators, dims};
use crate::spec::rust::{Code, functions};
use crate::spec::{Formula, Spec};
use crate::{Error, Matrix, Result, Scalar, Shape};

/// Layer normalization, y = (x - μ)/√(σ² + ε)·w + b with the mean μ and variance σ² of a sample (Ba, Kiros and Hinton,
/// 2016).
///
/// Samples must have the layer's shape, `PyTorch`'s `normalized_shape`. w and b, (1, elements), have one entry for each
/// element of it, initialized to 1 and 0. A layer for flat features also takes sequences, and normalizes each step. The
/// variance is the biased one; ε is 10⁻⁵ by default. Samples do not affect each other, and predicting is the same as
/// training.
///
/// With x̂ = (x - μ)/√(σ² + ε), dx = (w·dy - mean(w·dy) - x̂·mean(w·dy·x̂))/√(σ² + ε), dw = Σ dy·x̂ and db = Σ dy, with
/// means over a sample or step and sums over all of them.
///
/// # Errors
/// In a network: [`Error::Input`] for samples of a different shape; [`Error::Setting`] for an empty shape, or a
/// non-positive ε.
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let network = Sequential::new([2, 3]).with(LayerNorm::new(3))?; // each of two steps
/// let y = network.predict(&array![[1.0, 1.0, 4.0, 10.0, 10.0, 40.0]])?;
/// assert!((y[[0, 0]] + 0.5_f64.sqrt()).abs() < 1e-5 && (y[[0, 2]] - 2.0_f64.sqrt()).abs() < 1e-5);
/// assert!((y[[0, 2]] - y[[0, 5]]).abs() < 1e-5);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct LayerNorm<A: Scalar> {
    shape: Shape,
    /// w and b, one entry per element of the shape.
    affine: Affine<A>,
    eps: f64,
}

impl<A: Scalar> LayerNorm<A> {
    /// Creates a layer for samples of this shape, or for steps with this number of features.
    pub fn new(shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        Self { shape, affine: Affine::new(shape), eps: 1e-5 }
    }

    /// Creates a layer from w and b, each with one entry per element of `shape`.
    ///
    /// # Errors
    /// [`Error::Dimensions`] if their lengths do not match the shape.
    pub fn from_parameters(shape: impl Into<Shape>, weight: Array1<A>, bias: Array1<A>) -> Result<Self> {
        let shape = shape.into();
        let affine = Affine::of(&format!("LayerNorm({shape})"), shape, weight, Some(bias))?;
        Ok(Self { shape, affine, eps: 1e-5 })
    }

    /// Removes w and b: y = (x - μ)/√(σ² + ε).
    pub fn without_affine(mut self) -> Self {
        self.affine = Affine::NONE;
        self
    }

    /// Removes b.
    pub fn without_bias(mut self) -> Self {
        self.affine = self.affine.without_bias();
        self
    }

    /// Sets ε, which is added to the variance for numerical stability; 10⁻⁵ by default.
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// The normalization of x.
    fn runs(&self) -> Runs {
        Runs { centered: true, eps: self.eps }
    }
}

/// The output shape of a layer that normalizes samples or steps of `shape`.
pub(super) fn check_runs(layer: &dyn fmt::Debug, shape: Shape, eps: f64, input: Shape) -> Result<Shape> {
    check_setting_of(layer, "numbers", shape.len() as f64, "at least 1", shape.len() > 0)?;
    check_setting_of(layer, "eps", eps, "positive and finite", eps > 0.0 && eps.is_finite())?;
    let fits = match (shape, input) {
        (Shape::Flat(n), Shape::Sequence { features, .. }) => n == features,
        _ => shape == input,
    };
    if fits {
        return Ok(input);
    }
    let wants = match shape {
        Shape::Flat(n) => format!("{n} features per sample or step"),
        shape => format!("samples of the shape {shape}"),
    };
    Err(Error::Input { layer: format!("{layer:?}"), wants, got: input })
}

/// The forward pass of a norm of samples or steps.
pub(super) fn forward_runs<A: Scalar>(
    runs: Runs,
    size: usize,
    affine: &Affine<A>,
    (x, y): (&Matrix<A>, &mut Matrix<A>),
    pass: &mut Pass<'_>,
) {
    runs.forward((flat(x), flat_mut(y)), size, affine.values(), pass.cache.get::<RunsState<A>>());
}

/// The backward pass of a norm of samples or steps.
pub(super) fn backward_runs<A: Scalar>(
    runs: Runs,
    size: usize,
    affine: &Affine<A>,
    at: Backward<'_, A>,
    pass: &mut Pass<'_>,
) -> Result<()> {
    let state = pass.cache.get::<RunsState<A>>();
    let (x, dy, dx) = (flat(at.x), flat(at.dy), at.dx.map(flat_mut));
    if !Runs::fits(x, size, state) {
        return Err(NO_FORWARD);
    }
    runs.backward((x, dy, dx), size, affine.values(), affine.gradients(at.dw)?, state);
    Ok(())
}

/// A norm of samples or steps as calls to Rust functions.
pub(super) fn runs_rust<A: Scalar>(code: &mut Code, runs: Runs, size: usize, affine: &Affine<A>) {
    let (groups, eps) = (code.current().len() / size, code.number(runs.eps));
    code.change(&functions::NORMALIZE, &[], &[&1, &groups, &runs.centered, &eps]);
    affine.rust(code, (size, 1));
}

impl<A: Scalar> Layer<A> for LayerNorm<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        check_runs(self, self.shape, self.eps, input)
    }

    fn steps(&self, _: Shape) -> Steps {
        Steps::Each
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        forward_runs(self.runs(), self.shape.len(), &self.affine, (x, y), pass);
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        backward_runs(self.runs(), self.shape.len(), &self.affine, at, pass)
    }

    parameters!(A: affine);

    fn spec(&self) -> Option<Spec> {
        let affine = self.affine.has_weight();
        let spec = Spec::new("layer_norm").set("shape", self.shape).set("eps", self.eps).set("affine", affine);
        Some(spec.set("bias", self.affine.has_bias() || !affine))
    }

    fn layout(&self, system: System, name: &str, dims: &[usize]) -> Vec<Piece> {
        affine::layout(system, name, dims)
    }

    /// Over the last axes of a sample: those of the layer's own shape.
    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let dims = dims(self.shape);
        let axis = ("axis", Attribute::Int(-(dims.len() as i64)));
        let epsilon = ("epsilon", Attribute::Float(self.eps as f32));
        let mut plain = Plain::default();
        let (weight, bias) = plain.or(self.affine.values(), self.shape.len());
        let weight = constant(operators, "weight", &dims, weight);
        if self.affine.has_bias() {
            let bias = constant(operators, "bias", &dims, bias);
            operators.then("LayerNormalization", &[&weight, &bias], [axis, epsilon]);
        } else {
            operators.then("LayerNormalization", &[&weight], [axis, epsilon]);
        }
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        runs_rust(code, self.runs(), self.shape.len(), &self.affine);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        let [text, latex] = NORMALIZED;
        Some(self.affine.formula(text, latex))
    }
}

impl<A: Scalar> Restore<A> for LayerNorm<A> {
    const KIND: &'static str = "layer_norm";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let spec = parts.spec();
        let shape = spec.shape("shape")?;
        let affine = Affine::restore(parts, shape, spec.flag("bias")?)?;
        Ok(Self { shape, affine, eps: spec.number("eps")? })
    }
}

impl<A: Scalar> fmt::Debug for LayerNorm<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let no_bias = self.affine.has_weight() && !self.affine.has_bias();
        write!(f, "LayerNorm({}{})", self.shape, if no_bias { ", no bias" } else { self.affine.note() })
    }
}
