//! The loops under the layers: products, element-wise passes, and the functions they are made of.
//!
//! # Errors of the functions
//!
//! In units in the last place: for `f32` over all 2³² arguments (`cargo run --release --example ulp`), with the share
//! of errors beyond one unit and the argument of the largest; for `f64` over some 7900 arguments each, as
//! `tests/fixtures/math_f64.py` draws them (its file in the repository holds three hundred each). Subnormal arguments
//! and results count like any other.
//!
//! | function | `f32` | beyond 1 | at | `f64` |
//! | --- | ---: | ---: | ---: | ---: |
//! | `exp` | 0.99 | — | -5.8561726e0 | 0.87 |
//! | `exp_m1` | 1.60 | 0.0052 % | 3.8238838e-1 | 1.79 |
//! | `ln` | 0.92 | — | 6.9935584e-1 | 0.76 |
//! | `ln_1p` | 1.51 | 0.0063 % | 4.3185952e-1 | 0.75 |
//! | `tanh` | 1.97 | 0.91 % | 1.1142837e-1 | 1.85 |
//! | `sigmoid` | 1.75 | 0.34 % | -1.0999346e0 | 1.50 |
//! | `erf` | 1.02 | — | 8.198733e-1 | 1.10 |
//! | `erfc` | 0.69 | — | 4.5574322e-2 | 3.80 |
//! | `normal_cdf` | 6.76 | 2.1 % | -8.53659e0 | 4.95 |
//!
//! NaN gives NaN, infinities give the limits, and zero keeps its sign in odd functions, `exp_m1` and `ln_1p`. Every
//! value has the same bits alone and in a loop, with any instruction set: there are no fused or reordered operations.

// What a loop calls must be inlined to inherit its instruction set.
#![allow(clippy::inline_always)]

pub(crate) mod gemm;
#[allow(dead_code)]
pub(crate) mod math;
#[allow(dead_code)]
pub(crate) mod parallel;
#[allow(dead_code)]
pub(crate) mod simd;
