//! [`InstanceNorm`]: normalizes each channel of each sample.

use std::fmt;

use ndarray::{Array1, Array2};

use crate::layer::{Backward, Info, Layer, Parts, Pass, Restore};
use crate::layers::GroupNorm;
use crate::spec::layout::{Piece, System};
use crate::spec::onnx::Operators;
use crate::spec::rust::Code;
use crate::spec::{Formula, Spec};
use crate::{Matrix, Result, Scalar, Shape};

/// Instance normalization, y = (x - μ)/√(σ² + ε) with the mean μ and variance σ² of one channel of one sample (Ulyanov,
/// Vedaldi and Lempitsky, 2016).
///
/// It removes the contrast of each feature map of an image, or of each feature over the steps of a sequence. It is a
/// [`GroupNorm`] with one channel per group. As in `PyTorch`, w and b, y = x̂·w + b, are only present with
/// [`affine`](Self::affine). There are no running statistics. ε is 10⁻⁵ by default.
///
/// # Errors
/// In a network: [`Error::Input`](crate::Error::Input) for a different number of channels, or a single value per
/// channel, which has no variance; [`Error::Setting`](crate::Error::Setting) for zero channels, or a non-positive ε.
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let network = Sequential::new([2, 1, 2]).with(InstanceNorm::new(2))?; // two maps of two pixels
/// let y = network.predict(&array![[1.0_f64, 3.0, -500.0, 500.0]])?;
/// assert!(y.iter().zip([-1.0, 1.0, -1.0, 1.0]).all(|(y, want)| (y - want).abs() < 1e-5));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct InstanceNorm<A: Scalar>(GroupNorm<A>);

impl<A: Scalar> InstanceNorm<A> {
    /// Creates a layer for `channels` channels, without w and b.
    pub fn new(channels: usize) -> Self {
        Self(GroupNorm::new(channels, channels).without_affine())
    }

    /// Creates a layer for `channels` channels, with w = 1 and b = 0.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let network = Sequential::<f32>::new([3, 5, 5]).with(InstanceNorm::affine(3))?;
    /// assert_eq!(network.parameter_count(), 6);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn affine(channels: usize) -> Self {
        Self(GroupNorm::new(channels, channels))
    }

    /// Creates a layer from w and b, each with one element per channel.
    ///
    /// # Errors
    /// [`Error::Dimensions`](crate::Error::Dimensions) if their lengths differ.
    pub fn from_parameters(weight: Array1<A>, bias: Array1<A>) -> Result<Self> {
        Ok(Self(GroupNorm::from_parameters(weight.len(), weight, bias)?))
    }

    /// Sets ε, which is added to the variance for numerical stability; 10⁻⁵ by default.
    pub fn eps(self, eps: f64) -> Self {
        Self(self.0.eps(eps))
    }
}

impl<A: Scalar> Layer<A> for InstanceNorm<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        self.0.check(self, input)?;
        Ok(input)
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        self.0.forward(x, y, pass)
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        self.0.backward(at, pass)
    }

    fn visit(&self, f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {
        self.0.visit(f);
    }

    fn visit_mut(&mut self, f: &mut dyn FnMut(Info<'_>, &mut Array2<A>)) {
        self.0.visit_mut(f);
    }

    fn spec(&self) -> Option<Spec> {
        let spec = Spec::new("instance_norm").set("channels", self.0.channels);
        Some(spec.set("eps", self.0.eps).set("affine", self.0.affine.has_weight()))
    }

    fn layout(&self, system: System, name: &str, dims: &[usize]) -> Vec<Piece> {
        self.0.layout(system, name, dims)
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        self.0.onnx(operators)
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        self.0.rust(code)
    }

    fn formula(&self) -> Option<Formula> {
        self.0.formula()
    }
}

impl<A: Scalar> Restore<A> for InstanceNorm<A> {
    const KIND: &'static str = "instance_norm";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let channels = parts.spec().count("channels")?;
        Ok(Self(GroupNorm::of_groups(parts, channels)?))
    }
}

impl<A: Scalar> fmt::Debug for InstanceNorm<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InstanceNorm({}{})", self.0.channels, if self.0.affine.has_weight() { ", affine" } else { "" })
    }
}
