//! The functions for `f64`.

macro_rules! std_for_now { ($($name:ident)*) => { $(#[inline(always)] pub(crate) fn $name(x: f64) -> f64 { x.$name() })* } }
std_for_now!(exp exp_m1 ln ln_1p tanh);
#[inline(always)]
pub(crate) fn sigmoid(x: f64) -> f64 { 1.0 / (1.0 + (-x).exp()) }
#[inline(always)]
pub(crate) fn erf(x: f64) -> f64 { x }
#[inline(always)]
pub(crate) fn erfc(x: f64) -> f64 { 1.0 - x }
