//! exp, ln, tanh, erf ...: branch-free polynomials in plain `*` and `+`, so that a loop over them vectorises and gives
//! the same bits with every instruction set.

pub(crate) mod f32;
pub(crate) mod f64;
