//! [`Init`]: weight initialization.

use ndarray::{Array2, Axis};
use rand::Rng;
use rand_distr::{Distribution, StandardUniform};

use crate::Scalar;

/// Weight initialization.
///
/// Each output has `fan_in` connections, each input `fan_out`; for [`Dense`] these are its inputs and outputs. Xavier,
/// He and `LeCun` choose the standard deviation that preserves the variance of signals across layers. Definitions and
/// fans are those of `PyTorch`'s `torch.nn.init`; uniform distributions have the bound √3 times the standard deviation.
///
/// | kind | standard deviation | after |
/// |---|---|---|
/// | Xavier | gain·√(2 / (`fan_in` + `fan_out`)) | Glorot and Bengio, 2010 |
/// | He | gain / √fan, of the inputs or of the outputs | He et al., 2015 |
/// | `LeCun` | 1 / √`fan_in` | `LeCun` et al., 1998; Klambauer et al., 2017 |
///
/// Values are drawn in `f64`, in row-major order, and then rounded: `f32` and `f64` networks with the same seed start
/// from the same weights. Invalid settings, such as `low` above `high`, give NaN, which training rejects.
///
/// ```
/// use neuropil::prelude::*;
///
/// let w = Init::HE_NORMAL.matrix::<f32>(784, 128, &mut rng(7));
/// assert_eq!(w.dim(), (784, 128));
/// let small = Init::Normal { mean: 0.0, std: 0.01 };
/// let layer = Dense::<f32>::with_init(784, 128, small, &mut rng(7));
/// ```
///
/// [`Dense`]: crate::layers::Dense
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Init {
    /// All zeros: for biases, but not for hidden weights, because all units would stay identical.
    Zeros,
    /// A constant.
    Constant(f64),
    /// The uniform distribution on [low, high), also after rounding to the type of the matrix: values that round to
    /// `high` become `low`.
    Uniform {
        /// The lower bound.
        low: f64,
        /// The upper bound.
        high: f64,
    },
    /// The normal distribution.
    Normal {
        /// The mean.
        mean: f64,
        /// The standard deviation.
        std: f64,
    },
    /// The normal distribution truncated to [low, high].
    TruncatedNormal {
        /// The mean before truncation.
        mean: f64,
        /// The standard deviation before truncation, above 0.
        std: f64,
        /// The lower bound.
        low: f64,
        /// The upper bound.
        high: f64,
    },
    /// Xavier (Glorot) uniform, for tanh and similar activations.
    XavierUniform {
        /// See [`Gain`].
        gain: f64,
    },
    /// Xavier (Glorot) normal.
    XavierNormal {
        /// See [`Gain`].
        gain: f64,
    },
    /// He (Kaiming) uniform, for `ReLU`.
    HeUniform {
        /// See [`Gain`].
        gain: f64,
        /// The fan to use.
        fan: Fan,
    },
    /// He (Kaiming) normal.
    HeNormal {
        /// See [`Gain`].
        gain: f64,
        /// The fan to use.
        fan: Fan,
    },
    /// `LeCun` uniform.
    LeCunUniform,
    /// `LeCun` normal (not truncated), for SELU.
    LeCunNormal,
    /// Orthonormal columns (or rows, if there are fewer of them) times `gain`: W preserves norms.
    ///
    /// A matrix of normal random numbers, orthogonalized by a QR decomposition with positive diagonal, which makes it
    /// uniformly (Haar) distributed (Saxe et al., 2013).
    Orthogonal {
        /// The norm of each column or row; see [`Gain`].
        gain: f64,
    },
}

/// The fan that He initialization uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fan {
    /// `fan_in`: preserves the variance of the forward pass.
    #[default]
    In,
    /// `fan_out`: preserves the variance of the backward pass.
    Out,
}

/// The gain that compensates for an activation, like `PyTorch`'s `calculate_gain`.
///
/// ```
/// use neuropil::{Gain, Init};
///
/// let init = Init::XavierUniform { gain: Gain::Tanh.value() };
/// assert_eq!(Gain::Relu.value(), 2.0_f64.sqrt());
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Gain {
    /// 1, for no activation.
    Linear,
    /// 1.
    Sigmoid,
    /// 5/3.
    Tanh,
    /// √2.
    Relu,
    /// √(2 / (1 + slope²)), for this negative slope.
    LeakyRelu(f64),
    /// 3/4.
    Selu,
}

impl Gain {
    /// The value of the gain.
    pub fn value(self) -> f64 {
        match self {
            Self::Linear | Self::Sigmoid => 1.0,
            Self::Tanh => 5.0 / 3.0,
            Self::Relu => std::f64::consts::SQRT_2,
            Self::LeakyRelu(slope) => (2.0 / (1.0 + slope * slope)).sqrt(),
            Self::Selu => 0.75,
        }
    }
}

impl Init {
    /// The uniform distribution on [0, 1).
    pub const STANDARD_UNIFORM: Self = Self::Uniform { low: 0.0, high: 1.0 };
    /// The standard normal distribution.
    pub const STANDARD_NORMAL: Self = Self::Normal { mean: 0.0, std: 1.0 };
    /// Xavier (Glorot) uniform with gain 1.
    pub const XAVIER_UNIFORM: Self = Self::XavierUniform { gain: 1.0 };
    /// Xavier (Glorot) normal with gain 1.
    pub const XAVIER_NORMAL: Self = Self::XavierNormal { gain: 1.0 };
    /// He uniform for layers before a `ReLU`.
    pub const HE_UNIFORM: Self = Self::HeUniform { gain: std::f64::consts::SQRT_2, fan: Fan::In };
    /// He normal for layers before a `ReLU`.
    pub const HE_NORMAL: Self = Self::HeNormal { gain: std::f64::consts::SQRT_2, fan: Fan::In };
    /// Orthonormal columns or rows.
    pub const ORTHOGONAL: Self = Self::Orthogonal { gain: 1.0 };

    /// Draws an (inputs, outputs) matrix for a fully connected layer. If the allocation fails, the matrix is empty,
    /// (0, 0), and adding a layer that holds it to a network is an error.
    pub fn matrix<A: Scalar>(self, inputs: usize, outputs: usize, rng: &mut impl Rng) -> Array2<A> {
        self.matrix_with_fans(inputs, outputs, inputs, outputs, rng)
    }

    /// Draws a (rows, columns) matrix with explicit fans.
    ///
    /// A convolution has `fan_in` = input channels · kernel size and `fan_out` = output channels · kernel size.
    pub fn matrix_with_fans<A: Scalar>(
        self,
        rows: usize,
        columns: usize,
        fan_in: usize,
        fan_out: usize,
        rng: &mut impl Rng,
    ) -> Array2<A> {
        let fill = |draw: &mut dyn FnMut() -> A| filled(rows, columns, draw);
        match self.with_fans(fan_in, fan_out) {
            Self::Constant(value) => fill(&mut || A::of(value)),
            Self::Uniform { low, high } if low <= high => fill(&mut || {
                let x = A::of(low + (high - low) * uniform(rng));
                if x < A::of(high) { x } else { A::of(low) }
            }),
            Self::Normal { mean, std } => fill(&mut || A::of(mean + std * standard_normal(rng))),
            Self::TruncatedNormal { mean, std, low, high } if low <= high && std > 0.0 && (mean + std).is_finite() => {
                let (from, to) = ((low - mean) / std, (high - mean) / std);
                // So far in the tail that all values round to the bound nearest the mean.
                let far = if from > FAR || to < -FAR { Some(mean.clamp(low, high)) } else { None };
                let mut draw = || far.unwrap_or_else(|| mean + std * truncated_normal(from, to, rng));
                fill(&mut || A::of(draw().clamp(low, high)))
            }
            Self::Orthogonal { gain } => orthogonal(rows, columns, rng).mapv(|x| A::of(gain * x)),
            _ => fill(&mut || A::NAN),
        }
    }

    /// The equivalent distribution without fans: a `Constant`, `Uniform`, `Normal`, `TruncatedNormal` or `Orthogonal`.
    ///
    /// ```
    /// use neuropil::Init;
    ///
    /// assert_eq!(Init::LeCunNormal.with_fans(100, 10), Init::Normal { mean: 0.0, std: 0.1 });
    /// ```
    pub fn with_fans(self, fan_in: usize, fan_out: usize) -> Self {
        let (fan_in, fan_out) = (fan_in.max(1) as f64, fan_out.max(1) as f64);
        let xavier = |gain: f64| gain * (2.0 / (fan_in + fan_out)).sqrt();
        let he = |gain: f64, fan| gain / if fan == Fan::In { fan_in } else { fan_out }.sqrt();
        let uniform = |std: f64| {
            let bound = 3.0_f64.sqrt() * std;
            Self::Uniform { low: -bound, high: bound }
        };
        let normal = |std: f64| Self::Normal { mean: 0.0, std };
        match self {
            Self::Zeros => Self::Constant(0.0),
            Self::XavierUniform { gain } => uniform(xavier(gain)),
            Self::XavierNormal { gain } => normal(xavier(gain)),
            Self::HeUniform { gain, fan } => uniform(he(gain, fan)),
            Self::HeNormal { gain, fan } => normal(he(gain, fan)),
            Self::LeCunUniform => uniform(he(1.0, Fan::In)),
            Self::LeCunNormal => normal(he(1.0, Fan::In)),
            plain => plain,
        }
    }
}

/// A matrix of these values in row-major order, or an empty one, (0, 0), if the allocation fails.
pub(crate) fn filled<A>(rows: usize, columns: usize, mut next: impl FnMut() -> A) -> Array2<A> {
    let mut values = Vec::new();
    let count = rows.checked_mul(columns).filter(|&count| values.try_reserve_exact(count).is_ok());
    values.extend((0..count.unwrap_or(0)).map(|_| next()));
    let dim = if count.is_some() { (rows, columns) } else { (0, 0) };
    Array2::from_shape_vec(dim, values).expect("a vector of rows x columns numbers")
}

/// [`filled`] with one value.
pub(crate) fn full<A: Copy>(rows: usize, columns: usize, value: A) -> Array2<A> {
    filled(rows, columns, || value)
}

/// A uniform random number in [0, 1).
pub(crate) fn uniform(rng: &mut impl Rng) -> f64 {
    StandardUniform.sample(rng)
}

/// A standard normal random number, by Marsaglia's polar method, with this crate's logarithm, which is bitwise
/// reproducible on every machine.
pub(crate) fn standard_normal(rng: &mut impl Rng) -> f64 {
    loop {
        let (a, b) = (2.0 * uniform(rng) - 1.0, 2.0 * uniform(rng) - 1.0);
        let r2 = a * a + b * b;
        if 0.0 < r2 && r2 < 1.0 {
            return a * (-2.0 * Scalar::ln(r2) / r2).sqrt();
        }
    }
}

/// Beyond this many standard deviations, the spread of a truncated normal at its bound is less than its rounding error.
const FAR: f64 = 1e9;

/// A standard normal random number truncated to [from, to].
///
/// Rejection sampling: uniform proposals, accepted with probability proportional to the density relative to its maximum
/// in the interval, at `top`. No proposals are made where that probability is below e⁻⁴⁰.
fn truncated_normal(from: f64, to: f64, rng: &mut impl Rng) -> f64 {
    let top = 0.0_f64.clamp(from, to);
    let reach = (top * top + 80.0).sqrt();
    let (from, to) = (from.max(-reach), to.min(reach));
    loop {
        let z = from + (to - from) * uniform(rng);
        if uniform(rng) < Scalar::exp(0.5 * (top - z) * (top + z)) {
            return z;
        }
    }
}

/// A matrix with orthonormal columns, or rows if there are fewer of them.
///
/// Gram-Schmidt on normal vectors, with each projection applied twice to bound rounding errors (Giraud et al., 2005,
/// "twice is enough").
fn orthogonal(rows: usize, columns: usize, rng: &mut impl Rng) -> Array2<f64> {
    let (count, length) = (rows.min(columns), rows.max(columns));
    let mut q = filled(count, length, || standard_normal(rng));
    for i in 0..q.nrows() {
        let (earlier, mut rest) = q.view_mut().split_at(Axis(0), i);
        let mut v = rest.row_mut(0);
        for _ in 0..2 {
            for u in earlier.rows() {
                let along = u.dot(&v);
                v.scaled_add(-along, &u);
            }
        }
        let length = v.dot(&v).sqrt();
        v /= length;
    }
    if rows < columns { q } else { q.reversed_axes().as_standard_layout().into_owned() }
}
