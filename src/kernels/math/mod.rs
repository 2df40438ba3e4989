//! exp, ln, tanh, erf and others as branch-free polynomials, which vectorize and are bitwise identical with every
//! instruction set of a processor.
//!
//! Fused operations are explicit calls to `times_plus`, which is `mul_add` and rounds once. As a vector instruction, it
//! makes these functions a third faster than `*` and `+`. Where a processor lacks it, as outside
//! [`vectorize`](super::simd::vectorize) on x86-64, it is a slow function call with the same result. `WebAssembly` has no
//! such instruction at all, so there `times_plus` rounds twice: as accurate to a few units in the last place, but not the
//! same bits.
//!
//! The coefficients minimize the maximum relative error over the reduced range (Remez exchange in 45 digits), each
//! rounded to the type before the next ones are fitted. A clamp is written `if x > top { top } else { x }`, which
//! propagates NaN.
//!
//! # Accuracy of the activations
//!
//! Maximum errors in `f32` of each activation and of its slope: in units in the last place where the exact value is
//! normal, and in units of the smallest subnormal number elsewhere (`cargo run --release --example ulp 199`, every
//! 199th of all arguments; `Gelu`, `Silu` and `Mish`: also all with 1e-7 < |x| < 200). The accuracy of the functions
//! themselves is at [`Scalar`](crate::Scalar).
//!
//! | activation | value | subnormal | slope | subnormal |
//! | --- | ---: | ---: | ---: | ---: |
//! | `Abs` | 0.00 | 0.00 | 0.00 | 0.00 |
//! | `Celu` | 0.92 | 0.00 | 0.97 | 0.74 |
//! | `Elu` | 0.92 | 0.00 | 0.97 | 0.74 |
//! | `Erf` | 0.81 | 0.51 | 63.59 | 29.69 |
//! | `Exp` | 0.98 | 0.75 | 0.98 | 0.75 |
//! | `Gelu` | 1.61 | 0.95 | — | 1.56 |
//! | `GeluTanh` | 180.87 | 63.14 | — | 162.25 |
//! | `HardShrink` | 0.00 | 0.00 | 0.00 | 0.00 |
//! | `HardSigmoid` | 1.00 | 0.00 | 0.33 | 0.00 |
//! | `HardSwish` | 1.84 | 0.50 | — | 0.00 |
//! | `HardTanh` | 0.00 | 0.00 | 0.00 | 0.00 |
//! | `Identity` | 0.00 | 0.00 | 0.00 | 0.00 |
//! | `LeakyRelu` | 0.84 | 0.68 | 0.24 | 0.00 |
//! | `Log` | 0.79 | 0.00 | 0.50 | 0.50 |
//! | `LogSigmoid` | 1.60 | 0.72 | 1.59 | 0.81 |
//! | `Mish` | 3.45 | 1.00 | — | 0.96 |
//! | `Power` | 112.46 | 56.09 | 1.25 | 0.00 |
//! | `Relu` | 0.00 | 0.00 | 0.00 | 0.00 |
//! | `Relu6` | 0.00 | 0.00 | 0.00 | 0.00 |
//! | `Selu` | 1.83 | 0.78 | 1.79 | 1.52 |
//! | `Sigmoid` | 1.62 | 0.96 | 3.33 | 0.96 |
//! | `Sign` | 0.00 | 0.00 | 0.00 | 0.00 |
//! | `Silu` | 2.67 | 0.96 | — | 0.96 |
//! | `SoftShrink` | 0.50 | 0.00 | 0.00 | 0.00 |
//! | `Softplus` | 1.64 | 0.74 | 1.62 | 0.96 |
//! | `Softsign` | 1.49 | 0.00 | 3.49 | 0.97 |
//! | `Step` | 0.00 | 0.00 | 0.00 | 0.00 |
//! | `Tanh` | 1.85 | 0.00 | 2.88 | 2.38 |
//! | `TanhShrink` | — | 0.00 | 5.30 | 0.50 |
//! | `Threshold` | 0.00 | 0.00 | 0.00 | 0.00 |
//!
//! Where a slope crosses zero (—), its absolute error is as small as elsewhere, but its relative error is unbounded.
//! `TanhShrink` (—) is a difference that cancels near 0. `GeluTanh`, the slope of `Erf`, and `Power` (here 1.5) with
//! exponents that have no shortcut exponentiate a rounded number, which amplifies its rounding error.

// Coefficients are written with all digits that determine them.
#![allow(clippy::excessive_precision, clippy::unreadable_literal)]

#[macro_use]
mod polynomial;

pub(crate) mod f32;
pub(crate) mod f64;

#[cfg_attr(target_family = "wasm", path = "unfused.rs")]
mod fused;

use fused::TimesPlus;
