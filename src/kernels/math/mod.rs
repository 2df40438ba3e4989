//! exp, ln, tanh, erf and others as branch-free polynomials, which vectorise and are bitwise identical with every
//! instruction set of a processor.
//!
//! Fused operations are explicit calls to `times_plus`, which is `mul_add` and rounds once. As a vector instruction, it
//! makes these functions a third faster than `*` and `+`. Where a processor lacks it, as outside
//! [`vectorize`](super::simd::vectorize) on x86-64, it is a slow function call with the same result. `WebAssembly` has no
//! such instruction at all, so there `times_plus` rounds twice: as accurate to a few units in the last place, but not the
//! same bits.
//!
//! The coefficients minimise the maximum relative error over the reduced range (Remez exchange in 45 digits), each
//! rounded to the type before the next ones are fitted. A clamp is written `if x > top { top } else { x }`, which
//! propagates NaN.
//!
//! # Accuracy of the activations
//!
//! Maximum errors in `f32` of each activation and of its slope: in units in the last place where the exact value is
//! normal, and in units of the smallest subnormal number elsewhere (`cargo run --release --example ulp 199`, every
//! 199th of all arguments; `Gelu`: every 17th). The accuracy of the functions themselves is at
//! [`Scalar`](crate::Scalar).
//!
//! | activation | value | subnormal | slope | subnormal |
//! | --- | ---: | ---: | ---: | ---: |
//! | `Celu` | 0.92 | 0.00 | 0.97 | 0.74 |
//! | `Elu` | 0.92 | 0.00 | 0.97 | 0.74 |
//! | `Gelu` | 3.87 | 1.70 | — | 35.40 |
//! | `GeluTanh` | 180.87 | 63.14 | — | 162.25 |
//! | `HardShrink` | 0.00 | 0.00 | 0.00 | 0.00 |
//! | `HardSigmoid` | 1.00 | 0.00 | 0.33 | 0.00 |
//! | `HardSwish` | 1.84 | 0.50 | — | 0.00 |
//! | `HardTanh` | 0.00 | 0.00 | 0.00 | 0.00 |
//! | `Identity` | 0.00 | 0.00 | 0.00 | 0.00 |
//! | `LeakyRelu` | 0.84 | 0.68 | 0.24 | 0.00 |
//! | `LogSigmoid` | 1.60 | 0.72 | 1.59 | 0.81 |
//! | `Mish` | 3.05 | 1.00 | — | 51.48 |
//! | `Relu` | 0.00 | 0.00 | 0.00 | 0.00 |
//! | `Relu6` | 0.00 | 0.00 | 0.00 | 0.00 |
//! | `Selu` | 1.83 | 0.78 | 1.79 | 1.52 |
//! | `Sigmoid` | 1.62 | 0.96 | 3.33 | 0.96 |
//! | `Silu` | 2.54 | 0.92 | — | 51.48 |
//! | `SoftShrink` | 0.50 | 0.00 | 0.00 | 0.00 |
//! | `Softplus` | 1.64 | 0.74 | 1.62 | 0.96 |
//! | `Softsign` | 1.49 | 0.00 | 3.49 | 0.97 |
//! | `Tanh` | 1.85 | 0.00 | 2.88 | 2.38 |
//! | `TanhShrink` | — | 0.00 | 5.30 | 0.50 |
//!
//! Where a slope crosses zero (—), its absolute error is as small as elsewhere, but its relative error is unbounded.
//! `TanhShrink` (—) is a difference that cancels near 0. `GeluTanh` exponentiates a polynomial, and so amplifies its
//! rounding error.

// Coefficients are written with all digits that determine them.
#![allow(clippy::excessive_precision, clippy::unreadable_literal)]

#[macro_use]
mod polynomial;

pub(crate) mod f32;
pub(crate) mod f64;

#[cfg_attr(target_family = "wasm", path = "unfused.rs")]
mod fused;

use fused::TimesPlus;
