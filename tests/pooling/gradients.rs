//! Finite differences.

use neuropil::gradcheck;
use neuropil::prelude::*;

use super::random::{Rng, Settings, apart, pair, pick, shuffled, toss};

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
    check(60, 1, |rng| (Box::new(Settings::random(rng).max_pool()), image(rng)));
}

#[test]
fn avg_pool2d() {
    check(60, 2, |rng| (Box::new(Settings::random(rng).avg_pool(toss(rng))), image(rng)));
}

fn sequence(rng: &mut Rng) -> Shape {
    [pick(rng, 1, 9), pick(rng, 1, 4)].into()
}

fn either(rng: &mut Rng) -> Shape {
    if toss(rng) { image(rng) } else { sequence(rng) }
}

#[test]
fn pools_of_steps() {
    check(40, 3, |rng| (Box::new(Settings::random(rng).max_pool1d()), sequence(rng)));
    check(40, 4, |rng| (Box::new(Settings::random(rng).avg_pool1d(toss(rng))), sequence(rng)));
}

#[test]
fn global_pools() {
    check(30, 5, |rng| (Box::new(GlobalMaxPool), either(rng)));
    check(30, 6, |rng| (Box::new(GlobalAvgPool), either(rng)));
}

#[test]
fn adaptive_avg_pool2d() {
    check(30, 7, |rng| (Box::new(AdaptiveAvgPool2d::new(pair(rng, 1, 5))), image(rng)));
}

#[test]
fn upsample() {
    check(30, 8, |rng| (Box::new(Upsample::bilinear(pair(rng, 1, 4))), image(rng)));
    check(30, 9, |rng| (Box::new(Upsample::nearest(pair(rng, 1, 4))), image(rng)));
}

#[test]
fn rearrangements() {
    check(20, 10, |rng| (Box::new(LastStep), sequence(rng)));
    check(20, 11, |rng| {
        let shape = either(rng);
        (Box::new(Reshape::new(shape.len())), shape)
    });
    check(20, 12, |rng| (Box::new(Permute::new([1, 0])), sequence(rng)));
    check(20, 13, |rng| (Box::new(Permute::new(shuffled(rng))), image(rng)));
    check(20, 14, |rng| {
        let (factor, [height, width]) = (pick(rng, 1, 3), pair(rng, 1, 4));
        (Box::new(PixelShuffle::new(factor)), [pick(rng, 1, 2) * factor * factor, height, width].into())
    });
}
