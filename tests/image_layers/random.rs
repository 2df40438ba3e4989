//! Layers of random settings on random batches.

use neuropil::gradcheck;
use neuropil::prelude::*;
use neuropil::rand::{RngExt, rngs::Xoshiro256PlusPlus};

pub(crate) type Rng = Xoshiro256PlusPlus;

/// A number from `low` to `high`.
pub(crate) fn pick(rng: &mut Rng, low: usize, high: usize) -> usize {
    rng.random_range(low..=high)
}

pub(crate) fn pair(rng: &mut Rng, low: usize, high: usize) -> [usize; 2] {
    [pick(rng, low, high), pick(rng, low, high)]
}

/// Checks `count` layers that `make` makes, with their shapes, by finite differences.
pub(crate) fn gradients(
    count: usize,
    seed: u64,
    mut make: impl FnMut(&mut Rng) -> Option<(Box<dyn Layer<f64>>, Shape)>,
) {
    let rng = &mut rng(seed);
    let (mut checked, mut tried, mut nonzero) = (0, 0, 0);
    while checked < count {
        tried += 1;
        assert!(tried < 50 * count, "only {checked} of {tried} settings are possible");
        let Some((layer, shape)) = make(rng) else { continue };
        let x = Init::STANDARD_NORMAL.matrix(pick(rng, 1, 5), shape.len(), rng);
        if layer.output_shape(shape).is_err() {
            continue;
        }
        let report = gradcheck::layer(&*layer, shape, &x, tried as u64).unwrap();
        assert!(report.passes(1e-7), "{layer:?} on {shape}, {} rows: {report}", x.nrows());
        // A window may lie on nothing but padding, but not often.
        nonzero += usize::from(report.nonzero > 0);
        checked += 1;
    }
    assert!(nonzero * 10 >= checked * 9, "only {nonzero} of {checked} have derivatives that are not zero");
}
