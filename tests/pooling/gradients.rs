//! Finite differences.

use neuropil::gradcheck;
use neuropil::prelude::*;

use crate::random::{Rng, Settings, apart, pair, pick, toss};

/// Checks `count` layers that `make` makes, with their shapes.
fn check(count: usize, seed: u64, mut make: impl FnMut(&mut Rng) -> (Box<dyn Layer<f64>>, Shape)) {
    let rng = &mut rng(seed);
    let (mut checked, mut tried) = (0, 0);
    while checked < count {
        tried += 1;
        assert!(tried < 50 * count, "only {checked} of {tried} settings are possible");
        let (layer, shape) = make(rng);
        if layer.output_shape(shape).is_err() {
            continue;
        }
        let x = apart(pick(rng, 1, 5), shape.len(), rng);
        let report = gradcheck::layer(&*layer, shape, &x, tried as u64).unwrap();
        assert!(report.passes(1e-7), "{layer:?} on {shape}, {} rows: {report}", x.nrows());
        assert!(report.nonzero > 0 && report.compared == x.len(), "{layer:?} on {shape}: {report}");
        checked += 1;
    }
}

fn image(rng: &mut Rng) -> Shape {
    let [height, width] = pair(rng, 1, 7);
    [pick(rng, 1, 3), height, width].into()
}

#[test]
fn max_pool2d() {
    check(60, 1, |rng| (Box::new(Settings::random(rng, true).max_pool()), image(rng)));
}

#[test]
fn avg_pool2d() {
    check(60, 2, |rng| (Box::new(Settings::random(rng, false).avg_pool(toss(rng))), image(rng)));
}
