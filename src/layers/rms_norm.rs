//! [`RmsNorm`]: each sample, or each step, is divided by its root mean square.

use std::fmt;

use ndarray::{Array1, Array2};

use crate::kernels::runs::{Runs, RunsState};
use crate::kernels::{flat, flat_mut};
use crate::layer::{Backward, Info, Layer, Parts, Pass, Restore, Role};
use crate::layers::layer_norm::{check_runs, parameters, values_of};
use crate::spec::Spec;
use crate::{Matrix, Result, Scalar, Shape};

/// Division by the root mean square, y = x/√(mean(x²) + ε)·w (Zhang and Sennrich, 2019).
///
/// A [`LayerNorm`](super::LayerNorm) that leaves the mean where it is, which costs less and trains language models as
/// well. The layer is made for a shape; w has a number for each place in it, (1, numbers), 1 at first. It takes samples of
/// that shape; made for plain features, also sequences of steps with as many, and then each step is divided by its own
/// root. ε is the distance from 1 to the next number of the type by default, as in `PyTorch`.
///
/// With x̂ = x/√(mean(x²) + ε), dx = (w·dy - x̂·mean(w·dy·x̂))/√(mean(x²) + ε) and dw = Σ dy·x̂.
///
/// # Errors
/// In a network: [`Error::Input`](crate::Error::Input) for samples of another shape;
/// [`Error::Setting`](crate::Error::Setting) for a shape without numbers, or an ε that is not positive.
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
    /// w, and zeros in place of a b.
    affine: Option<[Array2<A>; 2]>,
    eps: f64,
}

impl<A: Scalar> RmsNorm<A> {
    /// A layer for samples of this shape, or for steps of so many features.
    pub fn new(shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        let row = |value| Array2::from_elem((1, shape.len()), value);
        Self { shape, affine: Some([row(A::ONE), row(A::ZERO)]), eps: A::EPSILON.to_f64() }
    }

    /// A layer with this w, a number for each place in `shape`.
    ///
    /// # Errors
    /// [`Error::Dimensions`](crate::Error::Dimensions) if there are not as many.
    pub fn from_parameters(shape: impl Into<Shape>, weight: Array1<A>) -> Result<Self> {
        let shape = shape.into();
        let weight = values_of(shape, weight, &format!("the weight of RmsNorm({shape})"))?;
        let none = Array2::default(weight.dim());
        Ok(Self { shape, affine: Some([weight, none]), eps: A::EPSILON.to_f64() })
    }

    /// The same layer without w: y = x/√(mean(x²) + ε).
    pub fn without_affine(mut self) -> Self {
        self.affine = None;
        self
    }

    /// The same layer with this ε, which keeps a sample of zeros from being divided by 0.
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// How x is normalised.
    fn runs(&self) -> Runs {
        Runs { centered: false, eps: self.eps }
    }
}

impl<A: Scalar> Layer<A> for RmsNorm<A> {
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
        let (dw, state) = ([at.dw.first_mut().map(|dw| flat_mut(dw)), None], pass.cache.get::<RunsState<A>>());
        self.runs().backward((x, dy, dx), self.shape.len(), parameters(self.affine.as_ref()), dw, state);
        Ok(())
    }

    fn visit(&self, f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {
        if let Some([weight, _]) = &self.affine {
            self.shape.with_sizes(|dims| f(Info { name: &"weight", role: Role::Bias, dims }, weight));
        }
    }

    fn visit_mut(&mut self, f: &mut dyn FnMut(Info<'_>, &mut Array2<A>)) {
        if let Some([weight, _]) = &mut self.affine {
            self.shape.with_sizes(|dims| f(Info { name: &"weight", role: Role::Bias, dims }, weight));
        }
    }

    fn spec(&self) -> Option<Spec> {
        let spec = Spec::new("rms_norm").set("shape", self.shape).set("eps", self.eps);
        Some(spec.set("affine", self.affine.is_some()))
    }
}

impl<A: Scalar> Restore<A> for RmsNorm<A> {
    const KIND: &'static str = "rms_norm";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let spec = parts.spec();
        let shape = spec.shape("shape")?;
        let affine = if spec.flag("affine")? {
            let weight = parts.array("weight", 1, shape.len())?;
            let none = Array2::default(weight.dim());
            Some([weight, none])
        } else {
            None
        };
        Ok(Self { shape, affine, eps: spec.number("eps")? })
    }
}

impl<A: Scalar> fmt::Debug for RmsNorm<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RmsNorm({}{})", self.shape, if self.affine.is_some() { "" } else { ", not affine" })
    }
}
