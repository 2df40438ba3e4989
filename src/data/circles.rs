//! [`circles`]: a small circle inside a large one.

use std::f64::consts::TAU;

use rand::Rng;

use crate::Scalar;
use crate::data::Samples;
use crate::data::samples::planar;

/// Two circles around the origin: class 0 with radius 1, class 1 with radius `inner`.
///
/// The points are evenly spaced on their circle; Gaussian noise of standard deviation `noise` is added to each
/// coordinate. x is (samples, 2), target is (samples, 1) with 0 or 1. Like scikit-learn's `make_circles`, but with
/// alternating classes.
///
/// ```
/// let circles = neuropil::data::circles::<f64>(100, 0.5, 0.0, &mut neuropil::rng(1));
/// let radius = |i| circles.x.row(i).map(|x| x * x).sum().sqrt();
/// assert!((radius(10) - 1.0_f64).abs() < 1e-12 && (radius(11) - 0.5).abs() < 1e-12);
/// ```
pub fn circles<A: Scalar>(samples: usize, inner: f64, noise: f64, rng: &mut impl Rng) -> Samples<A> {
    planar(samples, 2, noise, rng, |class, i, count| {
        let (sin, cos) = (TAU * i as f64 / count as f64).sin_cos();
        let radius = if class == 0 { 1.0 } else { inner };
        [radius * cos, radius * sin]
    })
}
