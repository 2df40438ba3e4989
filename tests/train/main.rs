//! The trainer: it does what the bare loop does, measures what it says, and refuses what cannot work.

mod average;
mod callbacks;
mod fit;
mod goldens;
mod record;
mod refusals;

use neuropil::data::{self, Samples};
use neuropil::prelude::*;

pub(crate) fn numbers<A: Scalar>(network: &Sequential<A>) -> Vec<A> {
    let mut numbers = Vec::new();
    network.visit(&mut |_, matrix| numbers.extend(matrix));
    numbers
}

pub(crate) fn moons(samples: usize) -> Samples<f32> {
    data::moons(samples, 0.1, &mut rng(5))
}

pub(crate) fn classifier() -> Sequential<f32> {
    Sequential::mlp(&[2, 12, 2], Tanh, &mut rng(7)).unwrap()
}

pub(crate) fn trainer<'a>() -> Trainer<'a, f32> {
    Trainer::new(CrossEntropy::new(), Adam::new(0.02)).batch_size(16).seed(3)
}
