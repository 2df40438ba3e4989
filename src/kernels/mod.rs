//! The loops under the layers: products, element-wise passes, and the functions they are made of.
//!
//! # Errors of the functions
//!
//! In units in the last place, over all 2³² arguments for `f32` (`cargo run --release --example ulp`) and over three
//! hundred each from `tests/fixtures/math_f64.py` for `f64`. Subnormal arguments and results count like any other.
//!
//! (The table follows.)
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
