//! Helpers shared by several layers.

pub(super) mod affine;
pub(super) mod masked;

use std::fmt::Debug;

use crate::{Error, Result, Shape};

/// The output shape of a layer with a value for each of `n` features, of a sample or of each step.
pub(super) fn per_feature(layer: &dyn Debug, n: usize, input: Shape) -> Result<Shape> {
    match input {
        Shape::Flat(features) | Shape::Sequence { features, .. } if features == n && n > 0 => Ok(input),
        _ => {
            let wants = format!("{n} features per sample, and at least 1");
            Err(Error::Input { layer: format!("{layer:?}"), wants, got: input })
        }
    }
}
