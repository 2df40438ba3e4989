//! exp, ln, tanh, erf ... as branch-free polynomials, which vectorise and give the same bits with every instruction
//! set.
//!
//! Fused operations are explicit calls of `mul_add`, which rounds once on every machine. As a vector instruction, it
//! makes these functions a third faster than `*` and `+`. Where the target lacks it, as outside
//! [`vectorize`](super::simd::vectorize) on x86-64, it is a slow function call with the same result.
//!
//! The coefficients minimise the maximum relative error over the reduced range (Remez exchange in 45 digits), each
//! rounded to the type before the next ones are fitted. A clamp is written `if x > top { top } else { x }`, which
//! passes NaN.

// Coefficients have all digits that determine them.
#![allow(clippy::excessive_precision, clippy::unreadable_literal)]

#[macro_use]
mod polynomial;

pub(crate) mod f32;
pub(crate) mod f64;
