//! What several layers share, beside windows and recurrences.

pub(super) mod affine;
pub(super) mod masked;
