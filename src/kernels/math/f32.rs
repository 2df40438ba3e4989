//! The functions for `f32`.

macro_rules! std_for_now { ($($name:ident)*) => { $(#[inline(always)] pub(crate) fn $name(x: f32) -> f32 { x.$name() })* } }
std_for_now!(exp exp_m1 ln ln_1p tanh);
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 { 1.0 / (1.0 + (-x).exp()) }
#[inline(always)]
pub(crate) fn erf(x: f32) -> f32 { x }
#[inline(always)]
pub(crate) fn erfc(x: f32) -> f32 { 1.0 - x }
