//! [`RmsNorm`]: divides each sample, or each step, by its root mean square.

use std::fmt;

use ndarray::Array1;

use super::layer_norm::{backward_runs, check_runs, forward_runs, runs_rust};
use super::shared::affine::Affine;
use crate::kernels::runs::Runs;
use crate::layer::{Backward, Layer, Parts, Pass, Restore, Steps, parameters};
use crate::spec::layout::{Piece, System};
use crate::spec::onnx::{Operators, dims};
use crate::spec::rust::Code;
use crate::spec::{Formula, Spec};
use crate::{Matrix, Result, Scalar, Shape};

/// Division by the root mean square, y = x/√(mean(x²) + ε)·w (Zhang and Sennrich, 2019).
///
/// A [`LayerNorm`](super::LayerNorm) without mean subtraction and bias, which is cheaper and common in language models.
/// Samples must have the layer's shape. w, (1, elements), has one entry for each element of it, initialized to 1. A
/// layer for flat features also takes sequences, and normalizes each step. By default, ε is the machine epsilon of the
/// type, as in `PyTorch`.
///
/// With x̂ = x/√(mean(x²) + ε), dx = (w·dy - x̂·mean(w·dy·x̂))/√(mean(x²) + ε) and dw = Σ dy·x̂.
///
/// # Errors
/// In a network: [`Error::Input`](crate::Error::Input) for samples of a different shape;
/// [`Error::Setting`](crate::Error::Setting) for an empty shape, or a non-positive ε.
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let network = Sequential::new(2).with(RmsNorm::new(2))?;
/// let y = network.predict(&array![[1.0_f64, 7.0]])?;
/// assert!((y[[0, 0]] - 0.2).abs() < 1e-9 && (y[[0, 1]] - 1.4).abs() < 1e-9);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct RmsNorm<A: Scalar> {
    shape: Shape,
    /// w, one entry per element of the shape.
    affine: Affine<A>,
    eps: f64,
}

impl<A: Scalar> RmsNorm<A> {
    /// Creates a layer for samples of this shape, or for steps with this number of features.
    pub fn new(shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        Self { shape, affine: Affine::new(shape).without_bias(), eps: A::EPSILON.to_f64() }
    }

    /// Creates a layer from w, with one entry per element of `shape`.
    ///
    /// # Errors
    /// [`Error::Dimensions`](crate::Error::Dimensions) if their lengths do not match the shape.
    pub fn from_parameters(shape: impl Into<Shape>, weight: Array1<A>) -> Result<Self> {
        let shape = shape.into();
        let affine = Affine::of(&format!("RmsNorm({shape})"), shape, weight, None)?;
        Ok(Self { shape, affine, eps: A::EPSILON.to_f64() })
    }

    /// Removes w: y = x/√(mean(x²) + ε).
    pub fn without_affine(mut self) -> Self {
        self.affine = Affine::NONE;
        self
    }

    /// Sets ε, which is added to mean(x²) for numerical stability; by default the machine epsilon of the type.
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// The normalization of x.
    fn runs(&self) -> Runs {
        Runs { centered: false, eps: self.eps }
    }
}

impl<A: Scalar> Layer<A> for RmsNorm<A> {
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
        let spec = Spec::new("rms_norm").set("shape", self.shape).set("eps", self.eps);
        Some(spec.set("affine", self.affine.has_weight()))
    }

    fn layout(&self, system: System, name: &str, dims: &[usize]) -> Vec<Piece> {
        vec![Piece::whole(if system == System::Keras { "scale" } else { name }, dims)]
    }

    /// x/√(mean(x²) + ε)·w over the last axes.
    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let (x, dims) = (operators.value(), dims(self.shape));
        let axes: Vec<i64> = (1..=dims.len() as i64).map(|i| -i).collect();
        let (axes, eps) = (operators.integers(&axes), operators.number(self.eps));
        operators.then("Mul", &[&x], []);
        operators.then("ReduceMean", &[&axes], []);
        operators.then("Add", &[&eps], []);
        operators.then("Sqrt", &[], []);
        let root = operators.value();
        operators.set_value(x);
        operators.then("Div", &[&root], []);
        self.affine.onnx(operators, &dims);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        runs_rust(code, self.runs(), self.shape.len(), &self.affine);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        Some(self.affine.formula("□/√(mean(□²) + ε)", "\\frac{□}{\\sqrt{\\text{mean}(□^2) + \\epsilon}}"))
    }
}

impl<A: Scalar> Restore<A> for RmsNorm<A> {
    const KIND: &'static str = "rms_norm";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let spec = parts.spec();
        let shape = spec.shape("shape")?;
        Ok(Self { shape, affine: Affine::restore(parts, shape, false)?, eps: spec.number("eps")? })
    }
}

impl<A: Scalar> fmt::Debug for RmsNorm<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RmsNorm({}{})", self.shape, self.affine.note())
    }
}
