//! Helpers shared by several layers.

pub(super) mod affine;
pub(super) mod masked;
