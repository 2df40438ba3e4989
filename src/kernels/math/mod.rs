//! exp, ln, tanh, erf ...: branch-free polynomials, so that a loop over them vectorises and gives the same bits with
//! every instruction set.
//!
//! Products are fused with sums where it is written so, by `mul_add`, which rounds once on every machine. Vector units of
//! the last ten years do it in one instruction, and it makes these functions a third faster than `*` and `+`. Where it is
//! no instruction of the target, as outside [`vectorize`](super::simd::vectorize) on x86-64, it is a call: right, but slow.
//!
//! The coefficients minimise the largest relative error over the reduced range (Remez exchange in 45 digits), each
//! rounded to the number type before the next ones are fitted. A clamp is written `if x > top { top } else { x }`: NaN
//! compares false and passes.

// Coefficients are written with the digits that pin them down.
#![allow(clippy::excessive_precision, clippy::unreadable_literal)]

#[macro_use]
mod polynomial;

pub(crate) mod f32;
pub(crate) mod f64;
