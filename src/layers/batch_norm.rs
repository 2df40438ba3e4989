//! [`BatchNorm`]: each channel gets the mean and the spread of a standard distribution over the batch.

use std::fmt;

use ndarray::{Array1, Array2, Axis};

use crate::error::check_setting;
use crate::kernels::channels::block_sums;
use crate::kernels::normalize::{Statistics, add_gradients, add_numbers, add_squares, gradient, normalize};
use crate::kernels::parallel::split_items;
use crate::kernels::rows::Rows;
use crate::kernels::simd::{vectorize, vectorize_with};
use crate::kernels::{channels_of, flat, flat_mut};
use crate::layer::{Backward, Cache, Info, Layer, Parts, Pass, Restore, Role};
use crate::spec::Spec;
use crate::{Error, Matrix, Result, Scalar, Shape};

/// Batch normalisation, y = (x - μ)/√(σ² + ε)·w + b for each channel (Ioffe and Szegedy, 2015).
///
/// A channel is a feature of flat samples, a feature of all steps of a sequence, a feature map of an image; w and b are
/// (1, channels), and start at 1 and 0. When training, μ and σ² are the mean and variance of the channel over the batch
/// and over its places in a sample; when predicting, they are the running ones, so that no sample's output depends on
/// its neighbours. With x̂ = (x - μ)/√(σ² + ε) and means over the channel,
/// dx = w/√(σ² + ε)·(dy - mean(dy) - x̂·mean(dy·x̂)), dw = Σ dy·x̂, db = Σ dy.
///
/// After a step, running = (1 - momentum)·running + momentum·new, with the momentum of 0.1 by default, ε = 10⁻⁵. As in
/// `PyTorch`, x is divided by the root of the biased variance (that of all n values divided by n), while the running
/// variance takes the unbiased one (n - 1). The running mean starts at 0, the running variance at 1; they are saved with
/// the network. A batch of no rows changes nothing.
///
/// # Errors
/// In a network: [`Error::Input`] for another number of channels; [`Error::Setting`] for no channels, or a setting
/// outside its range. When training: [`Error::Values`] for a batch with a single value a channel, whose variance is 0.
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
    weight: Array2<A>,
    bias: Array2<A>,
    running_mean: Array2<A>,
    running_var: Array2<A>,
    /// Whether w and b are trained; else they are 1 and 0, and nobody sees them.
    affine: bool,
    eps: f64,
    momentum: f64,
}

impl<A: Scalar> BatchNorm<A> {
    /// A layer for so many channels.
    pub fn new(channels: usize) -> Self {
        let row = |value| Array2::from_elem((1, channels), value);
        Self {
            weight: row(A::ONE),
            bias: row(A::ZERO),
            running_mean: row(A::ZERO),
            running_var: row(A::ONE),
            affine: true,
            eps: 1e-5,
            momentum: 0.1,
        }
    }

    /// A layer with this w and b, and these running statistics, each with a number a channel.
    ///
    /// # Errors
    /// [`Error::Dimensions`] if they are not of one length.
    pub fn from_parameters(
        weight: Array1<A>,
        bias: Array1<A>,
        running_mean: Array1<A>,
        running_var: Array1<A>,
    ) -> Result<Self> {
        let channels = weight.len();
        let row = |name: &str, values: Array1<A>| {
            if values.len() == channels {
                return Ok(Array1::from_iter(values).insert_axis(Axis(0)));
            }
            let what = format!("the {name} of BatchNorm({channels})");
            Err(Error::Dimensions { what, wants: [1, channels], got: [1, values.len()] })
        };
        Ok(Self {
            weight: row("weight", weight)?,
            bias: row("bias", bias)?,
            running_mean: row("running mean", running_mean)?,
            running_var: row("running variance", running_var)?,
            ..Self::new(0)
        })
    }

    /// The same layer without w and b: y = (x - μ)/√(σ² + ε).
    pub fn without_affine(mut self) -> Self {
        self.weight.fill(A::ONE);
        self.bias.fill(A::ZERO);
        self.affine = false;
        self
    }

    /// The same layer with this ε, which keeps a channel without spread from being divided by 0.
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// The same layer with this share of the newest batch in the running statistics: 0 leaves them as they are, 1
    /// forgets all earlier batches.
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }
}

/// What the layer keeps on a tape.
struct State<A> {
    /// hi, lo and rstd of each channel.
    statistics: Vec<A>,
    /// The sum of each channel's values, then of the squares of their deviations.
    batch: Vec<f64>,
    /// How many values a channel had; 0 if the statistics are not to be taken over.
    values: usize,
    partial: Vec<f64>,
    sums: Vec<f64>,
    /// The means m₁ and m₂ of the gradient.
    means: Vec<A>,
}

impl<A> Default for State<A> {
    fn default() -> Self {
        let (partial, sums) = (Vec::new(), Vec::new());
        Self { statistics: Vec::new(), batch: Vec::new(), values: 0, partial, sums, means: Vec::new() }
    }
}

impl<A: Scalar> Layer<A> for BatchNorm<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        let channels = self.weight.len();
        check_setting("BatchNorm's channels", channels as f64, "at least 1", channels > 0)?;
        check_setting("BatchNorm's eps", self.eps, "positive and finite", self.eps > 0.0 && self.eps.is_finite())?;
        let ok = (0.0..=1.0).contains(&self.momentum);
        check_setting("BatchNorm's momentum", self.momentum, "from 0 to 1", ok)?;
        if channels_of(input).0 != channels {
            return Err(Error::Input { layer: format!("{self:?}"), wants: format!("{channels} channels"), got: input });
        }
        Ok(input)
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let ((channels, apart), width) = (channels_of(pass.input), pass.input.len());
        let values = x.len() / channels;
        if pass.training && values == 1 {
            return Err(Error::Values {
                layer: format!("{self:?}"),
                wants: "at least 2 values a channel when training (one has no variance)".into(),
                got: "a batch of 1 sample".into(),
                row: None,
            });
        }
        let State { statistics: memory, batch, values: kept, partial, sums, .. } = pass.cache.get::<State<A>>();
        memory.resize(Statistics::<A>::NUMBERS * channels, A::ZERO);
        let mut statistics = Statistics::of(memory);
        let (x, n) = (flat(x), values as f64);
        let (w, b) = (flat(&self.weight), flat(&self.bias));
        if pass.training {
            *kept = values;
            batch.resize(2 * channels, 0.0);
            let (sums, squares) = batch.split_at_mut(channels);
            let rows = Rows(x, width);
            block_sums(
                rows,
                width,
                partial,
                sums,
                #[inline(always)]
                |x, sums| add_numbers(x.0, apart, sums, w),
            );
            vectorize(
                #[inline(always)]
                || statistics.set_means(sums, n),
            );
            let centre = (&*statistics.hi, &*statistics.lo);
            block_sums(
                rows,
                width,
                partial,
                squares,
                #[inline(always)]
                |x, squares| add_squares(x.0, apart, centre, squares),
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
                |part| normalize(part, apart, statistics, (w, b)),
            );
        });
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let ((channels, apart), width) = (channels_of(pass.input), pass.input.len());
        let State { statistics, partial, sums, means, .. } = pass.cache.get::<State<A>>();
        let statistics = Statistics::of(statistics);
        let statistics = statistics.get();
        let (x, dy, w) = (flat(at.x), flat(at.dy), flat(&self.weight));
        let n = (x.len() / channels) as f64;
        sums.resize(2 * channels, 0.0);
        let rows = Rows((x, dy), width);
        block_sums(
            rows,
            width,
            partial,
            sums,
            #[inline(always)]
            |at, sums| add_gradients(at.0, apart, statistics, sums),
        );
        // Σ dy of each channel, then Σ dy·x̂.
        if let [dw, db] = at.dw {
            db.iter_mut().zip(&*sums).for_each(|(db, &sum)| *db = A::of(sum));
            dw.iter_mut().zip(&sums[channels..]).for_each(|(dw, &sum)| *dw = A::of(sum));
        }
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
                |part| gradient(part, apart, statistics, (w, m1, m2)),
            );
        });
        Ok(())
    }

    fn visit(&self, f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {
        let dims = &[self.weight.len()];
        if self.affine {
            f(Info { name: &"weight", role: Role::Bias, dims }, &self.weight);
            f(Info { name: &"bias", role: Role::Bias, dims }, &self.bias);
        }
        f(Info { name: &"running_mean", role: Role::Statistic, dims }, &self.running_mean);
        f(Info { name: &"running_var", role: Role::Statistic, dims }, &self.running_var);
    }

    fn visit_mut(&mut self, f: &mut dyn FnMut(Info<'_>, &mut Array2<A>)) {
        let dims = &[self.weight.len()];
        if self.affine {
            f(Info { name: &"weight", role: Role::Bias, dims }, &mut self.weight);
            f(Info { name: &"bias", role: Role::Bias, dims }, &mut self.bias);
        }
        f(Info { name: &"running_mean", role: Role::Statistic, dims }, &mut self.running_mean);
        f(Info { name: &"running_var", role: Role::Statistic, dims }, &mut self.running_var);
    }

    fn update_statistics(&mut self, cache: &mut Cache) {
        let State { batch, values, .. } = cache.get::<State<A>>();
        let values = std::mem::take(values);
        if values < 2 {
            return;
        }
        let (sums, squares) = batch.split_at(self.weight.len());
        let n = values as f64;
        for (running, sums, n) in [(&mut self.running_mean, sums, n), (&mut self.running_var, squares, n - 1.0)] {
            for (running, sum) in running.iter_mut().zip(sums) {
                *running = A::of((1.0 - self.momentum) * running.to_f64() + self.momentum * (sum / n));
            }
        }
    }

    fn spec(&self) -> Option<Spec> {
        let spec = Spec::new("batch_norm").set("channels", self.weight.len()).set("eps", self.eps);
        Some(spec.set("momentum", self.momentum).set("affine", self.affine))
    }
}

impl<A: Scalar> Restore<A> for BatchNorm<A> {
    const KIND: &'static str = "batch_norm";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let spec = parts.spec();
        let channels = spec.count("channels")?;
        // What an array's source has, there is memory for.
        let running_mean = parts.array("running_mean", 1, channels)?;
        let running_var = parts.array("running_var", 1, channels)?;
        let mut layer = Self { running_mean, running_var, ..Self::new(channels) };
        layer = layer.eps(spec.number("eps")?).momentum(spec.number("momentum")?);
        if spec.flag("affine")? {
            layer.weight = parts.array("weight", 1, channels)?;
            layer.bias = parts.array("bias", 1, channels)?;
        } else {
            layer.affine = false;
        }
        Ok(layer)
    }
}

impl<A: Scalar> fmt::Debug for BatchNorm<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BatchNorm({}{})", self.weight.len(), if self.affine { "" } else { ", not affine" })
    }
}
