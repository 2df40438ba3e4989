//! [`GroupNorm`]: normalizes groups of channels of each sample.

use std::fmt;

use ndarray::Array1;

use super::shared::affine::{self, Affine, NORMALIZED};
use crate::error::{NO_FORWARD, check_setting_of};
use crate::kernels::normalize::{Plain, Statistics, add_gradients, add_numbers, add_squares, gradient, normalize};
use crate::kernels::rows::{Rows, each_row};
use crate::kernels::{channels_of, flat, flat_mut};
use crate::layer::{Backward, Layer, Parts, Pass, Restore, parameters};
use crate::spec::layout::{Piece, System};
use crate::spec::onnx::{Attribute, Operators, Tensor, dims};
use crate::spec::rust::{Code, functions};
use crate::spec::{Formula, Spec};
use crate::{Error, Matrix, Result, Scalar, Shape};

/// Group normalization, y = (x - μ)/√(σ² + ε)·w + b with the mean μ and variance σ² of a group of channels of one
/// sample (Wu and He, 2018).
///
/// Channels are split evenly into contiguous groups. A channel is a feature of flat samples, a feature of all steps of
/// a sequence, or a feature map of an image. w and b are (1, channels), initialized to 1 and 0. The variance is the
/// biased one; ε is 10⁻⁵ by default. Samples do not affect each other, and predicting is the same as training.
///
/// With x̂ = (x - μ)/√(σ² + ε), dx = (w·dy - mean(w·dy) - x̂·mean(w·dy·x̂))/√(σ² + ε), dw = Σ dy·x̂ and db = Σ dy, with
/// means over a group and sums over a channel of all samples.
///
/// # Errors
/// In a network: [`Error::Input`] for a different number of channels, or a single value per group, which has no
/// variance; [`Error::Setting`] for zero groups or channels, groups that do not divide the channels, or a non-positive
/// ε.
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let network = Sequential::new(4).with(GroupNorm::new(2, 4))?;
/// let y = network.predict(&array![[1.0_f64, 3.0, -500.0, 500.0]])?;
/// assert!(y.iter().zip([-1.0, 1.0, -1.0, 1.0]).all(|(y, want)| (y - want).abs() < 1e-5));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct GroupNorm<A: Scalar> {
    groups: usize,
    pub(super) channels: usize,
    /// w and b, one element per channel.
    pub(super) affine: Affine<A>,
    pub(super) eps: f64,
}

impl<A: Scalar> GroupNorm<A> {
    /// Creates a layer that splits `channels` into `groups`.
    pub fn new(groups: usize, channels: usize) -> Self {
        Self { groups, channels, affine: Affine::new(channels.into()), eps: 1e-5 }
    }

    /// Creates a layer from w and b, each with one element per channel.
    ///
    /// # Errors
    /// [`Error::Dimensions`] if their lengths differ.
    pub fn from_parameters(groups: usize, weight: Array1<A>, bias: Array1<A>) -> Result<Self> {
        let channels = weight.len();
        let affine = Affine::of(&format!("GroupNorm({channels} channels)"), channels.into(), weight, Some(bias))?;
        Ok(Self { groups, channels, affine, eps: 1e-5 })
    }

    /// Removes w and b: y = (x - μ)/√(σ² + ε).
    pub fn without_affine(mut self) -> Self {
        self.affine = Affine::NONE;
        self
    }

    /// Sets ε, which is added to the variance for numerical stability; 10⁻⁵ by default.
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// Restores a layer with this number of groups.
    pub(super) fn of_groups(parts: &mut Parts<'_, A>, groups: usize) -> Result<Self> {
        let spec = parts.spec();
        let channels = spec.count("channels")?;
        Ok(Self { groups, channels, affine: Affine::restore(parts, channels.into(), true)?, eps: spec.number("eps")? })
    }

    /// Checks the settings and input; `layer`, this one or its wrapper, is named in errors.
    pub(super) fn check(&self, layer: &dyn fmt::Debug, input: Shape) -> Result<()> {
        let Self { groups, channels, eps, .. } = *self;
        check_setting_of(layer, "channels", channels as f64, "at least 1", channels > 0)?;
        let ok = groups > 0 && channels.is_multiple_of(groups);
        check_setting_of(layer, "groups", groups as f64, "at least 1 and a divisor of the channels", ok)?;
        check_setting_of(layer, "eps", eps, "positive and finite", eps > 0.0 && eps.is_finite())?;
        let wants = if channels_of(input).0 != channels {
            format!("{channels} channels")
        } else if input.len() <= groups {
            "at least 2 values per group (one has no variance)".to_owned()
        } else {
            return Ok(());
        };
        Err(Error::Input { layer: format!("{layer:?}"), wants, got: input })
    }
}

/// The state on a tape, for each sample.
struct State<A> {
    /// hi, lo and rstd of each channel.
    statistics: Vec<A>,
    /// Two sums per channel.
    sums: Vec<f64>,
    /// The means m₁ and m₂ of the gradient for each channel.
    means: Vec<A>,
    /// w = 1 and b = 0, for a layer without parameters.
    plain: Plain<A>,
}

impl<A> Default for State<A> {
    fn default() -> Self {
        Self { statistics: Vec::new(), sums: Vec::new(), means: Vec::new(), plain: Plain::default() }
    }
}

/// Replaces each channel's sum with that of its group of `size` channels.
#[inline(always)]
fn pool(sums: &mut [f64], size: usize) {
    for group in sums.chunks_exact_mut(size) {
        let sum = group.iter().sum();
        group.fill(sum);
    }
}

impl<A: Scalar> Layer<A> for GroupNorm<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        self.check(self, input)?;
        Ok(input)
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let ((channels, stride), width) = (channels_of(pass.input), pass.input.len());
        let State { statistics, sums, plain, .. } = pass.cache.get::<State<A>>();
        let (w, b) = plain.or(self.affine.values(), channels);
        statistics.resize(x.nrows() * Statistics::<A>::NUMBERS * channels, A::ZERO);
        sums.resize(x.nrows() * 2 * channels, 0.0);
        let (size, n, eps) = (channels / self.groups, (width / self.groups) as f64, self.eps);
        let samples = (
            Rows(flat(x), width),
            Rows(flat_mut(y), width),
            Rows(&mut statistics[..], Statistics::<A>::NUMBERS * channels),
            Rows(&mut sums[..], 2 * channels),
        );
        each_row(
            samples,
            width,
            #[inline(always)]
            move |(x, y, statistics, sums)| {
                let (mut statistics, sums) = (Statistics::of(statistics), &mut sums[..channels]);
                sums.fill(0.0);
                add_numbers(x, stride, sums, w);
                pool(sums, size);
                statistics.set_means(sums, n);
                sums.fill(0.0);
                add_squares(x, stride, (&*statistics.hi, &*statistics.lo), sums);
                pool(sums, size);
                statistics.set_variances(sums, n, eps);
                normalize((x, y), stride, statistics.get(), (w, b));
            },
        );
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let ((channels, stride), width) = (channels_of(pass.input), pass.input.len());
        let State { statistics, sums, means, plain } = pass.cache.get::<State<A>>();
        let (w, _) = plain.or(self.affine.values(), channels);
        let (size, n) = (channels / self.groups, (width / self.groups) as f64);
        let given = (Rows(flat(at.x), width), Rows(flat(at.dy), width));
        let of_statistics = Statistics::<A>::NUMBERS * channels;
        if statistics.len() != at.x.nrows() * of_statistics {
            return Err(NO_FORWARD);
        }

        // Σ dy of each channel of each sample, and Σ dy·x̂.
        sums.fill(0.0);
        let samples = (given, Rows(&mut statistics[..], of_statistics), Rows(&mut sums[..], 2 * channels));
        each_row(
            samples,
            width,
            #[inline(always)]
            move |(given, statistics, sums)| add_gradients(given, stride, Statistics::of(statistics).get(), sums),
        );
        let [dw, db] = self.affine.gradients(at.dw)?;
        let total = |c: usize| A::of(sums.chunks_exact(2 * channels).map(|sums| sums[c]).sum());
        db.into_iter().flatten().enumerate().for_each(|(c, db)| *db = total(c));
        dw.into_iter().flatten().enumerate().for_each(|(c, dw)| *dw = total(channels + c));

        let Some(dx) = at.dx else { return Ok(()) };
        means.clear();
        for sums in sums.chunks_exact_mut(channels) {
            sums.iter_mut().zip(w).for_each(|(sum, w)| *sum *= w.to_f64());
            pool(sums, size);
            means.extend(sums.iter().map(|sum| A::of(sum / n)));
        }
        let samples = (
            given,
            Rows(flat_mut(dx), width),
            Rows(&mut statistics[..], of_statistics),
            Rows(&means[..], 2 * channels),
        );
        each_row(
            samples,
            width,
            #[inline(always)]
            move |((x, dy), dx, statistics, means)| {
                let (m1, m2) = means.split_at(channels);
                gradient((x, dy, dx), stride, Statistics::of(statistics).get(), (w, m1, m2));
            },
        );
        Ok(())
    }

    parameters!(A: affine);

    fn spec(&self) -> Option<Spec> {
        let spec = Spec::new("group_norm").set("groups", self.groups).set("channels", self.channels);
        Some(spec.set("eps", self.eps).set("affine", self.affine.has_weight()))
    }

    fn layout(&self, system: System, name: &str, dims: &[usize]) -> Vec<Piece> {
        affine::layout(system, name, dims)
    }

    /// As an instance norm of (batch, groups, elements).
    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let (input, groups) = (operators.input(), self.groups);
        let sizes = match input {
            Shape::Sequence { features, .. } => {
                channels_second(operators);
                vec![0, features as i64, -1]
            }
            shape => std::iter::once(0).chain(dims(shape).into_iter().map(|n| n as i64)).collect(),
        };
        let grouped = operators.integers(&[0, groups as i64, -1]);
        operators.then("Reshape", &[&grouped], []);
        let ones = operators.constant("ones", Tensor::floats(&[groups], vec![1.0; groups]));
        let zeros = operators.constant("zeros", Tensor::floats(&[groups], vec![0.0; groups]));
        let epsilon = ("epsilon", Attribute::Float(self.eps as f32));
        operators.then("InstanceNormalization", &[&ones, &zeros], [epsilon]);
        let sizes = operators.integers(&sizes);
        operators.then("Reshape", &[&sizes], []);
        if matches!(input, Shape::Sequence { .. }) {
            channels_second(operators);
        }
        self.affine.onnx(operators, &operators.per_channel(self.channels));
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let blocks = if let Shape::Sequence { steps, .. } = code.input() { steps } else { 1 };
        let eps = code.number(self.eps);
        code.change(&functions::NORMALIZE, &[], &[&blocks, &self.groups, &true, &eps]);
        self.affine.rust(code, channels_of(code.input()));
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        let [text, latex] = NORMALIZED;
        Some(self.affine.formula(text, latex))
    }
}

/// From (batch, steps, features) to (batch, features, steps), or back.
fn channels_second(operators: &mut Operators) {
    operators.then("Transpose", &[], [("perm", Attribute::Ints(vec![0, 2, 1]))]);
}

impl<A: Scalar> Restore<A> for GroupNorm<A> {
    const KIND: &'static str = "group_norm";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let groups = parts.spec().count("groups")?;
        Self::of_groups(parts, groups)
    }
}

impl<A: Scalar> fmt::Debug for GroupNorm<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GroupNorm({} channels in {} groups{})", self.channels, self.groups, self.affine.note())
    }
}
