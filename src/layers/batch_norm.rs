//! [`BatchNorm`]: normalizes each channel over the batch.

use std::fmt;

use ndarray::{Array1, Array2};

use super::shared::affine::{self, Affine, NORMALIZED, constant, row};
use crate::error::{NO_FORWARD, check_setting};
use crate::init::full;
use crate::kernels::channels::block_sums;
use crate::kernels::normalize::{Plain, Statistics, add_gradients, add_numbers, add_squares, gradient, normalize};
use crate::kernels::parallel::split_items;
use crate::kernels::rows::Rows;
use crate::kernels::simd::{vectorize, vectorize_with};
use crate::kernels::{channels_of, flat, flat_mut};
use crate::layer::{Backward, Cache, Layer, Parameter, Parts, Pass, Restore, Steps, parameters};
use crate::spec::layout::{Piece, System};
use crate::spec::onnx::{Attribute, Operators};
use crate::spec::rust::Code;
use crate::spec::{Formula, Spec};
use crate::{Error, Matrix, Result, Scalar, Shape};

/// Batch normalization, y = (x - μ)/√(σ² + ε)·w + b for each channel (Ioffe and Szegedy, 2015).
///
/// A channel is a feature of flat samples, a feature of all steps of a sequence, or a feature map of an image. w and b
/// are (1, channels), initialized to 1 and 0. During training, μ and σ² are computed per channel over the batch and all
/// positions; when predicting, they are the running statistics, so samples do not affect each other. With x̂ = (x -
/// μ)/√(σ² + ε) and means over the channel, dx = w/√(σ² + ε)·(dy - mean(dy) - x̂·mean(dy·x̂)), dw = Σ dy·x̂, db = Σ dy.
/// Running statistics are constants: on a [predicting tape](crate::Tape::predicting), dx = w/√(σ² + ε)·dy.
///
/// After a step, running = (1 - momentum)·running + momentum·new; by default, momentum = 0.1 and ε = 10⁻⁵. As in
/// `PyTorch`, the output uses the biased variance (division by n), the running variance the unbiased one (n - 1). The
/// running mean and variance start at 0 and 1, and are saved with the network. An empty batch changes nothing.
///
/// # Errors
/// In a network: [`Error::Input`] for a different number of channels; [`Error::Setting`] for zero channels, or a
/// setting out of range. When training: [`Error::Values`] for a batch with a single value per channel, whose variance
/// is 0.
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let mut network = Sequential::new(2).with(BatchNorm::new(2))?;
/// let x = array![[1.0, -10.0], [3.0, 10.0]];
/// let mut tape = Tape::new(&network, 0);
/// let y = tape.forward(&network, &x)?;
/// assert!((y[[0, 0]] + 1.0).abs() < 1e-5 && (y[[1, 1]] - 1.0).abs() < 1e-5);
/// tape.loss(&Mse, &x)?;
/// tape.backward_weights(&network)?;
/// tape.step(&mut network, &mut Sgd::new(0.1))?;
/// assert_eq!(network.parameter("0.running_mean").unwrap(), array![[0.2, 0.0]]);
/// assert_eq!(network.parameter("0.running_var").unwrap(), array![[0.9 + 0.1 * 2.0, 0.9 + 0.1 * 200.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct BatchNorm<A: Scalar> {
    /// w and b, one element per channel.
    affine: Affine<A>,
    running_mean: Parameter<A>,
    running_var: Parameter<A>,
    eps: f64,
    momentum: f64,
}

impl<A: Scalar> BatchNorm<A> {
    /// Creates a layer for `channels` channels.
    pub fn new(channels: usize) -> Self {
        let (mean, variance) = (full(1, channels, A::ZERO), full(1, channels, A::ONE));
        Self::of(channels, Affine::new(channels.into()), mean, variance)
    }

    /// Creates a layer from w, b and running statistics, each with one element per channel.
    ///
    /// # Errors
    /// [`Error::Dimensions`] if their lengths differ.
    pub fn from_parameters(
        weight: Array1<A>,
        bias: Array1<A>,
        running_mean: Array1<A>,
        running_var: Array1<A>,
    ) -> Result<Self> {
        let channels = weight.len();
        let layer = format!("BatchNorm({channels})");
        let affine = Affine::of(&layer, channels.into(), weight, Some(bias))?;
        let mean = row(&layer, "running mean", channels, running_mean)?;
        Ok(Self::of(channels, affine, mean, row(&layer, "running variance", channels, running_var)?))
    }

    /// The layer with this w, b and running statistics, each (1, channels).
    fn of(channels: usize, affine: Affine<A>, mean: Array2<A>, variance: Array2<A>) -> Self {
        let dims = [channels];
        Self {
            affine,
            running_mean: Parameter::statistic("running_mean", &dims, mean),
            running_var: Parameter::statistic("running_var", &dims, variance),
            eps: 1e-5,
            momentum: 0.1,
        }
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

    /// Sets the weight of the newest batch in the running statistics, 0.1 by default: 0 keeps them unchanged, 1 uses
    /// the newest batch only.
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    fn channels(&self) -> usize {
        self.running_mean.len()
    }
}

/// The state on a tape.
struct State<A> {
    /// hi, lo and rstd of each channel.
    statistics: Vec<A>,
    /// The sum over each channel, then that of its squared deviations.
    batch: Vec<f64>,
    /// Values per channel; 0 if the running statistics are not to be updated.
    values: usize,
    partial: Vec<f64>,
    sums: Vec<f64>,
    /// The means m₁ and m₂ of the gradient, as in [`normalize`](crate::kernels::normalize).
    means: Vec<A>,
    /// w = 1 and b = 0, for a layer without parameters.
    plain: Plain<A>,
}

impl<A> Default for State<A> {
    fn default() -> Self {
        Self {
            statistics: Vec::new(),
            batch: Vec::new(),
            values: 0,
            partial: Vec::new(),
            sums: Vec::new(),
            means: Vec::new(),
            plain: Plain::default(),
        }
    }
}

impl<A: Scalar> Layer<A> for BatchNorm<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        let channels = self.channels();
        check_setting("BatchNorm's channels", channels as f64, "at least 1", channels > 0)?;
        check_setting("BatchNorm's eps", self.eps, "positive and finite", self.eps > 0.0 && self.eps.is_finite())?;
        let ok = (0.0..=1.0).contains(&self.momentum);
        check_setting("BatchNorm's momentum", self.momentum, "from 0 to 1", ok)?;
        if channels_of(input).0 != channels {
            return Err(Error::Input { layer: format!("{self:?}"), wants: format!("{channels} channels"), got: input });
        }
        Ok(input)
    }

    /// The batch statistics leave out the padding.
    fn steps(&self, _: Shape) -> Steps {
        Steps::Each
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let ((channels, stride), width) = (channels_of(pass.input), pass.input.len());
        let values = x.len() / channels;
        if pass.training && values == 1 {
            return Err(Error::Values {
                layer: format!("{self:?}"),
                wants: "at least 2 values per channel when training (one has no variance)".into(),
                got: "a batch of 1 sample".into(),
                row: None,
            });
        }
        let State { statistics: memory, batch, values: kept, partial, sums, plain, .. } = pass.cache.get::<State<A>>();
        memory.resize(Statistics::<A>::NUMBERS * channels, A::ZERO);
        let mut statistics = Statistics::of(memory);
        let (x, n) = (flat(x), values as f64);
        let (w, b) = plain.or(self.affine.values(), channels);
        *kept = if pass.training { values } else { 0 };
        if pass.training {
            batch.resize(2 * channels, 0.0);
            let (sums, squares) = batch.split_at_mut(channels);
            let rows = Rows(x, width);
            block_sums(
                rows,
                width,
                partial,
                sums,
                #[inline(always)]
                |x, sums| add_numbers(x.0, stride, sums, w),
            );
            vectorize(
                #[inline(always)]
                || statistics.set_means(sums, n),
            );
            let center = (&*statistics.hi, &*statistics.lo);
            block_sums(
                rows,
                width,
                partial,
                squares,
                #[inline(always)]
                |x, squares| add_squares(x.0, stride, center, squares),
            );
            vectorize(
                #[inline(always)]
                || statistics.set_variances(squares, n, self.eps),
            );
        } else {
            statistics.hi.copy_from_slice(flat(&self.running_mean));
            statistics.lo.fill(A::ZERO);
            sums.clear();
            sums.extend(self.running_var.iter().map(|variance| variance.to_f64()));
            statistics.set_variances(sums, 1.0, self.eps);
        }
        let statistics = statistics.get();
        split_items(Rows((x, flat_mut(y)), width), width, &|part: Rows<(&[A], &mut [A])>| {
            vectorize_with(
                part.0,
                #[inline(always)]
                |part| normalize(part, stride, statistics, (w, b)),
            );
        });
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let ((channels, stride), width) = (channels_of(pass.input), pass.input.len());
        let State { statistics, partial, sums, means, plain, .. } = pass.cache.get::<State<A>>();
        if statistics.len() != Statistics::<A>::NUMBERS * channels {
            return Err(NO_FORWARD);
        }
        let statistics = Statistics::of(statistics);
        let statistics = statistics.get();
        let (x, dy) = (flat(at.x), flat(at.dy));
        let (w, _) = plain.or(self.affine.values(), channels);
        let n = (x.len() / channels) as f64;
        sums.resize(2 * channels, 0.0);
        let rows = Rows((x, dy), width);
        block_sums(
            rows,
            width,
            partial,
            sums,
            #[inline(always)]
            |at, sums| add_gradients(at.0, stride, statistics, sums),
        );
        // Σ dy of each channel, then Σ dy·x̂.
        let [dw, db] = self.affine.gradients(at.dw)?;
        db.into_iter().flatten().zip(&*sums).for_each(|(db, &sum)| *db = A::of(sum));
        dw.into_iter().flatten().zip(&sums[channels..]).for_each(|(dw, &sum)| *dw = A::of(sum));
        let Some(dx) = at.dx else { return Ok(()) };
        means.clear();
        // When predicting, the statistics do not depend on x.
        let share = if pass.training { 1.0 / n } else { 0.0 };
        means.extend(sums.iter().zip(w.iter().cycle()).map(|(sum, w)| A::of(w.to_f64() * sum * share)));
        let (m1, m2) = means.split_at(channels);
        split_items(Rows((x, dy, flat_mut(dx)), width), width, &|part: Rows<(&[A], &[A], &mut [A])>| {
            vectorize_with(
                part.0,
                #[inline(always)]
                |part| gradient(part, stride, statistics, (w, m1, m2)),
            );
        });
        Ok(())
    }

    parameters!(A: affine, running_mean, running_var);

    fn update_statistics(&mut self, cache: &mut Cache) {
        let State { batch, values, .. } = cache.get::<State<A>>();
        let values = std::mem::take(values);
        if values < 2 {
            return;
        }
        let (sums, squares) = batch.split_at(self.channels());
        let n = values as f64;
        for (running, sums, n) in [(&mut self.running_mean, sums, n), (&mut self.running_var, squares, n - 1.0)] {
            for (running, sum) in running.iter_mut().zip(sums) {
                *running = A::of((1.0 - self.momentum) * running.to_f64() + self.momentum * (sum / n));
            }
        }
    }

    fn spec(&self) -> Option<Spec> {
        let spec = Spec::new("batch_norm").set("channels", self.channels()).set("eps", self.eps);
        Some(spec.set("momentum", self.momentum).set("affine", self.affine.has_weight()))
    }

    fn layout(&self, system: System, name: &str, dims: &[usize]) -> Vec<Piece> {
        affine::layout(system, name, dims)
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let dims = [self.channels()];
        let mut plain = Plain::default();
        let (weight, bias) = plain.or(self.affine.values(), dims[0]);
        let (mean, variance) = (flat(&self.running_mean), flat(&self.running_var));
        if matches!(operators.input(), Shape::Sequence { .. }) {
            // The operator expects channels second; here they are last.
            let scale: Vec<f64> = weight
                .iter()
                .zip(variance)
                .map(|(w, variance)| w.to_f64() / (variance.to_f64() + self.eps).sqrt())
                .collect();
            let shift: Vec<f64> = bias
                .iter()
                .zip(mean)
                .zip(&scale)
                .map(|((b, mean), scale)| b.to_f64() - mean.to_f64() * scale)
                .collect();
            for (op, name, numbers) in [("Mul", "scale", scale), ("Add", "shift", shift)] {
                let numbers = constant(operators, name, &dims, &numbers);
                operators.then(op, &[&numbers], []);
            }
            return Ok(());
        }
        let parameters = [("weight", weight), ("bias", bias), ("running_mean", mean), ("running_var", variance)];
        let [weight, bias, mean, variance] =
            parameters.map(|(name, numbers)| constant(operators, name, &dims, numbers));
        let epsilon = ("epsilon", Attribute::Float(self.eps as f32));
        operators.then("BatchNormalization", &[&weight, &bias, &mean, &variance], [epsilon]);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let mut plain = Plain::default();
        let (weight, bias) = plain.or(self.affine.values(), self.channels());
        let variances = weight.iter().zip(flat(&self.running_var));
        let scale: Vec<f64> =
            variances.map(|(w, variance)| w.to_f64() / (variance.to_f64() + self.eps).sqrt()).collect();
        let means = bias.iter().zip(flat(&self.running_mean)).zip(&scale);
        let shift = means.map(|((b, mean), scale)| b.to_f64() - mean.to_f64() * scale).collect();
        code.scale_and_shift(scale, shift);
        Ok(())
    }

    fn formula(&self) -> Option<Formula> {
        let [text, latex] = NORMALIZED;
        Some(self.affine.formula(text, latex))
    }
}

impl<A: Scalar> Restore<A> for BatchNorm<A> {
    const KIND: &'static str = "batch_norm";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let spec = parts.spec();
        let channels = spec.count("channels")?;
        Ok(Self {
            affine: Affine::restore(parts, channels.into(), true)?,
            running_mean: parts.statistic("running_mean", channels)?,
            running_var: parts.statistic("running_var", channels)?,
            eps: spec.number("eps")?,
            momentum: spec.number("momentum")?,
        })
    }
}

impl<A: Scalar> fmt::Debug for BatchNorm<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BatchNorm({}{})", self.channels(), self.affine.note())
    }
}
