//! [`moons`]: two interleaving half circles.

use std::f64::consts::PI;

use rand::Rng;

use crate::Scalar;
use crate::data::Samples;
use crate::data::samples::planar;

/// Two interleaving half circles in the plane.
///
/// With t from 0 to π, evenly spaced, class 0 lies at (cos t, sin t) and class 1 at (1 - cos t, 1/2 - sin t); Gaussian
/// noise of standard deviation `noise` is added to each coordinate. x is (samples, 2), target is (samples, 1) with 0
/// or 1. Like scikit-learn's `make_moons`, but with alternating classes.
///
/// ```
/// let moons = neuropil::data::moons::<f64>(4, 0.0, &mut neuropil::rng(1));
/// assert_eq!(moons.x.row(0).to_vec(), [1.0, 0.0]);
/// assert_eq!(moons.x.row(1).to_vec(), [0.0, 0.5]);
/// assert_eq!(moons.target.column(0).to_vec(), [0.0, 1.0, 0.0, 1.0]);
/// ```
pub fn moons<A: Scalar>(samples: usize, noise: f64, rng: &mut impl Rng) -> Samples<A> {
    planar(samples, 2, noise, rng, |class, i, count| {
        let (sin, cos) = (PI * i as f64 / (count - 1).max(1) as f64).sin_cos();
        if class == 0 { [cos, sin] } else { [1.0 - cos, 0.5 - sin] }
    })
}
