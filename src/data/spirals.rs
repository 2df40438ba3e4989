//! [`spirals`]: interleaving spiral arms.

use std::f64::consts::TAU;

use rand::Rng;

use crate::Scalar;
use crate::data::Samples;
use crate::data::samples::planar;

/// Spiral arms, each one turn around the origin, one class each.
///
/// A point of class c at fraction r of its arm, 0 < r <= 1, lies at distance r from the origin, at an angle of r +
/// c/arms turns; Gaussian noise of standard deviation `noise` is added to each coordinate. x is (samples, 2), target is
/// (samples, 1) with 0 to arms - 1. Without arms, there are no samples.
///
/// ```
/// let spirals = neuropil::data::spirals::<f32>(300, 3, 0.02, &mut neuropil::rng(1));
/// assert_eq!(spirals.x.dim(), (300, 2));
/// assert_eq!(spirals.target.column(0).to_vec()[..4], [0.0, 1.0, 2.0, 0.0]);
/// ```
pub fn spirals<A: Scalar>(samples: usize, arms: usize, noise: f64, rng: &mut impl Rng) -> Samples<A> {
    planar(samples, arms, noise, rng, |class, i, count| {
        let r = (i + 1) as f64 / count as f64;
        let (sin, cos) = (TAU * (r + class as f64 / arms as f64)).sin_cos();
        [r * cos, r * sin]
    })
}
