//! [`LayerNorm`]: each sample, or each step, gets the mean and the spread of a standard distribution.

use std::fmt;

use ndarray::{Array1, Array2, Axis};

use crate::error::check_setting_of;
use crate::kernels::runs::{Runs, RunsState};
use crate::kernels::{flat, flat_mut};
use crate::layer::{Backward, Info, Layer, Parts, Pass, Restore, Role};
use crate::spec::Spec;
use crate::{Error, Matrix, Result, Scalar, Shape};

/// Layer normalisation, y = (x - μ)/√(σ² + ε)·w + b with the mean μ and variance σ² of a sample (Ba, Kiros and Hinton,
/// 2016).
///
/// The layer is made for a shape, `PyTorch`'s `normalized_shape`, and w and b have a number for each place in it, (1,
/// numbers), 1 and 0 at first. It takes samples of that shape; made for plain features, also sequences of steps with as
/// many, and then each step has its own mean and variance. The variance is the biased one; ε is 10⁻⁵ by default. A sample's
/// output does not depend on others, and predicting is no different from training.
///
/// With x̂ = (x - μ)/√(σ² + ε), dx = (w·dy - mean(w·dy) - x̂·mean(w·dy·x̂))/√(σ² + ε), dw = Σ dy·x̂ and db = Σ dy, where
/// means are over a sample or step and sums over all of them.
///
/// # Errors
/// In a network: [`Error::Input`] for samples of another shape; [`Error::Setting`] for a shape without numbers, or an ε
/// that is not positive.
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
    /// w and b.
    affine: Option<[Array2<A>; 2]>,
    /// Whether b is trained; else it is 0, and nobody sees it.
    biased: bool,
    eps: f64,
}

impl<A: Scalar> LayerNorm<A> {
    /// A layer for samples of this shape, or for steps of so many features.
    pub fn new(shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        let row = |value| Array2::from_elem((1, shape.len()), value);
        Self { shape, affine: Some([row(A::ONE), row(A::ZERO)]), biased: true, eps: 1e-5 }
    }

    /// A layer with this w and b, each with a number for each place in `shape`.
    ///
    /// # Errors
    /// [`Error::Dimensions`] if there are not as many.
    pub fn from_parameters(shape: impl Into<Shape>, weight: Array1<A>, bias: Array1<A>) -> Result<Self> {
        let shape = shape.into();
        let row =
            |values: Array1<A>, name: &str| values_of(shape, values, &format!("the {name} of LayerNorm({shape})"));
        let affine = Some([row(weight, "weight")?, row(bias, "bias")?]);
        Ok(Self { shape, affine, biased: true, eps: 1e-5 })
    }

    /// The same layer without w and b: y = (x - μ)/√(σ² + ε).
    pub fn without_affine(mut self) -> Self {
        self.affine = None;
        self
    }

    /// The same layer with w and without b.
    pub fn without_bias(mut self) -> Self {
        if let Some([_, bias]) = &mut self.affine {
            bias.fill(A::ZERO);
        }
        self.biased = false;
        self
    }

    /// The same layer with this ε, which keeps a sample without spread from being divided by 0.
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// How x is normalised.
    fn runs(&self) -> Runs {
        Runs { centered: true, eps: self.eps }
    }
}

/// A parameter with a number for each place in `shape`, as a row.
pub(super) fn values_of<A: Scalar>(shape: Shape, values: Array1<A>, what: &str) -> Result<Array2<A>> {
    let (wants, got) = ([1, shape.len()], [1, values.len()]);
    if wants != got {
        return Err(Error::Dimensions { what: what.to_owned(), wants, got });
    }
    Ok(Array1::from_iter(values).insert_axis(Axis(0)))
}

/// The shape of samples after a layer that normalises whole samples of `shape`, or steps of it.
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
        Shape::Flat(n) => format!("{n} features a sample or step"),
        shape => format!("samples of the shape {shape}"),
    };
    Err(Error::Input { layer: format!("{layer:?}"), wants, got: input })
}

/// w and b as slices.
pub(super) fn parameters<A>(affine: Option<&[Array2<A>; 2]>) -> Option<(&[A], &[A])> {
    affine.map(|[weight, bias]| (flat(weight), flat(bias)))
}

impl<A: Scalar> Layer<A> for LayerNorm<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        check_runs(self, self.shape, self.eps, input)
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let state = pass.cache.get::<RunsState<A>>();
        self.runs().forward((flat(x), flat_mut(y)), self.shape.len(), parameters(self.affine.as_ref()), state);
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let (x, dy, dx) = (flat(at.x), flat(at.dy), at.dx.map(flat_mut));
        let mut dw = at.dw.iter_mut().map(|dw| flat_mut(dw));
        let (dw, state) = ([dw.next(), dw.next()], pass.cache.get::<RunsState<A>>());
        self.runs().backward((x, dy, dx), self.shape.len(), parameters(self.affine.as_ref()), dw, state);
        Ok(())
    }

    fn visit(&self, f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {
        let Some([weight, bias]) = &self.affine else { return };
        self.shape.with_sizes(|dims| {
            f(Info { name: &"weight", role: Role::Bias, dims }, weight);
            if self.biased {
                f(Info { name: &"bias", role: Role::Bias, dims }, bias);
            }
        });
    }

    fn visit_mut(&mut self, f: &mut dyn FnMut(Info<'_>, &mut Array2<A>)) {
        let Some([weight, bias]) = &mut self.affine else { return };
        self.shape.with_sizes(|dims| {
            f(Info { name: &"weight", role: Role::Bias, dims }, weight);
            if self.biased {
                f(Info { name: &"bias", role: Role::Bias, dims }, bias);
            }
        });
    }

    fn spec(&self) -> Option<Spec> {
        let spec = Spec::new("layer_norm").set("shape", self.shape).set("eps", self.eps);
        Some(spec.set("affine", self.affine.is_some()).set("bias", self.biased))
    }
}

impl<A: Scalar> Restore<A> for LayerNorm<A> {
    const KIND: &'static str = "layer_norm";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let spec = parts.spec();
        let (shape, biased) = (spec.shape("shape")?, spec.flag("bias")?);
        let affine = if spec.flag("affine")? {
            let weight = parts.array("weight", 1, shape.len())?;
            let bias = if biased { parts.array("bias", 1, shape.len())? } else { Array2::default(weight.dim()) };
            Some([weight, bias])
        } else {
            None
        };
        Ok(Self { shape, affine, biased, eps: spec.number("eps")? })
    }
}

impl<A: Scalar> fmt::Debug for LayerNorm<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let less = match (&self.affine, self.biased) {
            (None, _) => ", not affine",
            (_, false) => ", no bias",
            _ => "",
        };
        write!(f, "LayerNorm({}{less})", self.shape)
    }
}
