//! The loops under the layers: products, element-wise passes, and the functions they are made of.

pub(crate) mod gemm;
pub(crate) mod math;
pub(crate) mod simd;
