//! [`Scalar`]: the floating-point types of networks, and the required operations.

// Functions called in a loop must be inlined to inherit its instruction set.
#![allow(clippy::inline_always)]

use std::fmt::{Debug, Display, LowerExp};
use std::ops::{AddAssign, DivAssign, MulAssign, Neg, SubAssign};

use crate::kernels::math;

/// The floating-point type of a network: `f32` or `f64`.
///
/// The transcendental functions are implemented in this crate: they are bitwise reproducible on every machine, and
/// loops over them vectorize.
///
/// ```
/// use neuropil::Scalar;
///
/// fn softplus<A: Scalar>(x: A) -> A {
///     x.maximum(A::ZERO) + (-x.abs()).exp().ln_1p()
/// }
/// assert_eq!(softplus(0.0_f64), std::f64::consts::LN_2);
/// ```
///
/// # Accuracy of the functions
///
/// Maximum errors in units in the last place (ULP). For `f32` over all 2³² arguments (`cargo run --release --example
/// ulp`), with the percentage of errors above 1 ULP and the argument of the maximum; for `f64` over at least three
/// hundred arguments each, in `tests/fixtures/math_f64.json`. Subnormal arguments and results are included.
///
/// | function | `f32` | above 1 ULP | at | `f64` |
/// | --- | ---: | ---: | ---: | ---: |
/// | `exp` | 1.01 | 0.0000 % | 5.9306038e1 | 0.91 |
/// | `exp_m1` | 1.46 | 0.0049 % | 1.6982925e1 | 1.00 |
/// | `ln` | 0.83 | — | 1.4072604e0 | 0.70 |
/// | `ln_1p` | 1.44 | 0.0063 % | 4.3262485e-1 | 0.63 |
/// | `tanh` | 1.93 | 0.9072 % | 5.1745725e-1 | 1.36 |
/// | `sigmoid` | 1.70 | 0.3357 % | -1.1046847e0 | 1.33 |
/// | `erf` | 0.85 | — | 8.2204133e-1 | 0.65 |
/// | `erfc` | 0.68 | — | 4.5574322e-2 | 2.59 |
/// | `normal_cdf`* | 2.30 | 0.0080 % | -9.952007e0 | 1.36 |
/// | `gelu`* | 1.61 | 0.0011 % | -2.2018929e0 | 1.08 |
/// | `silu`* | 2.67 | 0.3865 % | -3.2097204e0 | 1.76 |
/// | `mish`* | 3.45 | 1.6065 % | -6.511959e-3 | 2.83 |
///
/// *: `f32` over all arguments with 1e-7 < |x| < 200 and every 199th of the others; `silu` and `mish` in `f64` over
/// 30,000 random arguments. Where the result of one of the last three is subnormal, its error is at most one unit of
/// the smallest subnormal number. Their slopes cross zero; except near that point they are accurate to 2 ULP for
/// `gelu`, 4 for `silu` and 6 for `mish` in `f32`, however small they are.
///
/// NaN gives NaN, infinities give the limits, and zero keeps its sign in odd functions, `exp_m1` and `ln_1p`. Results
/// are bitwise identical in scalar calls and vectorized loops, with any instruction set: fused operations and the order
/// of sums are explicit in the code. `WebAssembly` has no fused multiply-add; there the last bits differ.
#[diagnostic::on_unimplemented(message = "`{Self}` is not a number type of networks", note = "use `f32` or `f64`")]
pub trait Scalar:
    sealed::Sealed
    + ndarray::LinalgScalar
    + ndarray::ScalarOperand
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + Neg<Output = Self>
    + PartialOrd
    + Default
    + Debug
    + Display
    + LowerExp
    + Send
    + Sync
    + 'static
{
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// The machine epsilon: the distance from 1 to the next larger number.
    const EPSILON: Self;
    /// The smallest positive normal number.
    const MIN_POSITIVE: Self;
    /// Positive infinity.
    const INFINITY: Self;
    /// Not a number.
    const NAN: Self;
    /// `"f32"` or `"f64"`.
    const NAME: &'static str;

    /// The number nearest to `x`.
    fn of(x: f64) -> Self;
    /// Converts to `f64`, exactly.
    fn to_f64(self) -> f64;
    /// The absolute value.
    fn abs(self) -> Self;
    /// The square root.
    fn sqrt(self) -> Self;
    /// The maximum of two numbers; NaN if either is NaN, unlike `f32::max`.
    #[inline(always)]
    fn maximum(self, other: Self) -> Self {
        if self > other || self.is_nan() { self } else { other }
    }
    /// The minimum of two numbers; NaN if either is NaN.
    #[inline(always)]
    fn minimum(self, other: Self) -> Self {
        if self < other || self.is_nan() { self } else { other }
    }
    /// Whether the number is neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// Whether the number is NaN.
    fn is_nan(self) -> bool;
    /// eˣ.
    fn exp(self) -> Self;
    /// eˣ - 1, accurate for small x.
    fn exp_m1(self) -> Self;
    /// The natural logarithm.
    fn ln(self) -> Self;
    /// ln(1 + x), accurate for small x.
    fn ln_1p(self) -> Self;
    /// The hyperbolic tangent.
    fn tanh(self) -> Self;
    /// The logistic function 1/(1 + e⁻ˣ).
    fn sigmoid(self) -> Self;
    /// The error function 2/√π ∫₀ˣ e^(-t²) dt.
    fn erf(self) -> Self;
    /// 1 - erf(x), accurate where erf is near 1.
    fn erfc(self) -> Self;
    /// The standard normal cumulative distribution function, ½ erfc(-x/√2).
    fn normal_cdf(self) -> Self;
    /// xΦ(x): [`Gelu`](crate::activations::Gelu).
    fn gelu(self) -> Self;
    /// The derivative of [`gelu`](Self::gelu).
    fn gelu_slope(self) -> Self;
    /// x/(1 + e⁻ˣ): [`Silu`](crate::activations::Silu).
    fn silu(self) -> Self;
    /// The derivative of [`silu`](Self::silu).
    fn silu_slope(self) -> Self;
    /// x·tanh(ln(1 + eˣ)): [`Mish`](crate::activations::Mish).
    fn mish(self) -> Self;
    /// The derivative of [`mish`](Self::mish).
    fn mish_slope(self) -> Self;
}

macro_rules! scalar {
    ($float:ident) => {
        impl sealed::Sealed for $float {
            fn extend_le(numbers: &[Self], bytes: &mut Vec<u8>) {
                let start = bytes.len();
                bytes.resize(start + size_of_val(numbers), 0);
                for (bytes, x) in bytes[start..].as_chunks_mut().0.iter_mut().zip(numbers) {
                    *bytes = x.to_le_bytes();
                }
            }
            fn from_le(bytes: &[u8]) -> Vec<Self> {
                bytes.as_chunks().0.iter().map(|&bytes| Self::from_le_bytes(bytes)).collect()
            }
        }

        impl Scalar for $float {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const EPSILON: Self = $float::EPSILON;
            const MIN_POSITIVE: Self = $float::MIN_POSITIVE;
            const INFINITY: Self = $float::INFINITY;
            const NAN: Self = $float::NAN;
            const NAME: &'static str = stringify!($float);

            #[inline(always)]
            fn of(x: f64) -> Self {
                x as $float
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                $float::abs(self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                $float::sqrt(self)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                $float::is_finite(self)
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                $float::is_nan(self)
            }
            #[inline(always)]
            fn exp(self) -> Self {
                math::$float::exp(self)
            }
            #[inline(always)]
            fn exp_m1(self) -> Self {
                math::$float::exp_m1(self)
            }
            #[inline(always)]
            fn ln(self) -> Self {
                math::$float::ln(self)
            }
            #[inline(always)]
            fn ln_1p(self) -> Self {
                math::$float::ln_1p(self)
            }
            #[inline(always)]
            fn tanh(self) -> Self {
                math::$float::tanh(self)
            }
            #[inline(always)]
            fn sigmoid(self) -> Self {
                math::$float::sigmoid(self)
            }
            #[inline(always)]
            fn erf(self) -> Self {
                math::$float::erf(self)
            }
            #[inline(always)]
            fn erfc(self) -> Self {
                math::$float::erfc(self)
            }
            #[inline(always)]
            fn normal_cdf(self) -> Self {
                math::$float::normal_cdf(self)
            }
            #[inline(always)]
            fn gelu(self) -> Self {
                math::$float::gelu(self)
            }
            #[inline(always)]
            fn gelu_slope(self) -> Self {
                math::$float::gelu_slope(self)
            }
            #[inline(always)]
            fn silu(self) -> Self {
                math::$float::silu(self)
            }
            #[inline(always)]
            fn silu_slope(self) -> Self {
                math::$float::silu_slope(self)
            }
            #[inline(always)]
            fn mish(self) -> Self {
                math::$float::mish(self)
            }
            #[inline(always)]
            fn mish_slope(self) -> Self {
                math::$float::mish_slope(self)
            }
        }
    };
}

scalar!(f32);
scalar!(f64);

mod sealed {
    pub trait Sealed: Sized {
        /// Appends the numbers in little-endian order.
        fn extend_le(numbers: &[Self], bytes: &mut Vec<u8>);
        /// Converts from little-endian bytes.
        fn from_le(bytes: &[u8]) -> Vec<Self>;
    }
}
