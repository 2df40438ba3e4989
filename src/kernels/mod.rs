//! The loops under the layers: products, element-wise passes, and the functions they are made of.

pub(crate) mod gemm;
#[allow(dead_code)]
pub(crate) mod math;
#[allow(dead_code)]
pub(crate) mod parallel;
#[allow(dead_code)]
pub(crate) mod simd;
