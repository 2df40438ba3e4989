//! The computation of normalization layers: x̂ = (x - mean)·rstd with rstd = 1/√(variance + eps), and y = x̂·w + b.
//!
//! Variances are computed in two passes, as means of squared deviations, with sums in `f64`. A mean in `f64` is split
//! into hi + lo of the layer's type, so that deviations from large means keep their precision in `f32`.
//!
//! The gradient is dx = rstd·(w·dy - m₁ - x̂·m₂) with m₁ and m₂ the means of w·dy and w·dy·x̂ over all elements with
//! the same mean and variance. dw is the sum of dy·x̂ and db that of dy over all elements with the same w and b.

use super::channels::{add_pairs, add_sums, each};
use crate::Scalar;

/// A mean as hi + lo.
#[inline(always)]
pub(super) fn split<A: Scalar>(mean: f64) -> (A, A) {
    let hi = A::of(mean);
    (hi, A::of(mean - hi.to_f64()))
}

/// 1/√(variance + eps).
#[inline(always)]
pub(super) fn rstd(variance: f64, eps: f64) -> f64 {
    1.0 / (variance + eps).sqrt()
}

/// The deviation of x from the mean.
#[inline(always)]
pub(super) fn deviation<A: Scalar>(x: A, hi: A, lo: A) -> A {
    (x - hi) - lo
}

/// The statistics of each channel of a batch or sample.
#[derive(Debug)]
pub(crate) struct Statistics<'a, A> {
    pub(crate) hi: &'a mut [A],
    pub(crate) lo: &'a mut [A],
    pub(crate) rstd: &'a mut [A],
}

impl<'a, A: Scalar> Statistics<'a, A> {
    /// The number of values per channel.
    pub(crate) const NUMBERS: usize = 3;

    /// The statistics in `memory`.
    #[inline(always)]
    pub(crate) fn of(memory: &'a mut [A]) -> Self {
        let channels = memory.len() / Self::NUMBERS;
        let (hi, rest) = memory.split_at_mut(channels);
        let (lo, rstd) = rest.split_at_mut(channels);
        Self { hi, lo, rstd }
    }

    /// Computes the means from sums over `count` elements.
    #[inline(always)]
    pub(crate) fn set_means(&mut self, sums: &[f64], count: f64) {
        for ((hi, lo), sum) in self.hi.iter_mut().zip(&mut *self.lo).zip(sums) {
            (*hi, *lo) = split(sum / count);
        }
    }

    /// Computes the variances from sums of `count` squared deviations.
    #[inline(always)]
    pub(crate) fn set_variances(&mut self, squares: &[f64], count: f64, eps: f64) {
        for (scale, squares) in self.rstd.iter_mut().zip(squares) {
            *scale = A::of(rstd(squares / count, eps));
        }
    }

    /// The statistics of the channels, as (hi, lo, rstd).
    #[inline(always)]
    pub(crate) fn get(&self) -> (&[A], &[A], &[A]) {
        (&*self.hi, &*self.lo, &*self.rstd)
    }
}

/// Sums the elements of each channel.
#[inline(always)]
pub(crate) fn add_numbers<A: Scalar>(x: &[A], stride: usize, sums: &mut [f64], channels: &[A]) {
    add_sums(
        x,
        stride,
        channels,
        sums,
        #[inline(always)]
        |&x, _| x.to_f64(),
    );
}

/// Sums the squared deviations of each channel.
#[inline(always)]
pub(crate) fn add_squares<A: Scalar>(x: &[A], stride: usize, (hi, lo): (&[A], &[A]), squares: &mut [f64]) {
    add_sums(
        x,
        stride,
        (hi, lo),
        squares,
        #[inline(always)]
        |&x, (&hi, &lo)| {
            let deviation = deviation(x, hi, lo).to_f64();
            deviation * deviation
        },
    );
}

/// Sums dy and dy·x̂ for each channel.
#[inline(always)]
pub(crate) fn add_gradients<A: Scalar>(
    (x, dy): (&[A], &[A]),
    stride: usize,
    statistics: (&[A], &[A], &[A]),
    sums: &mut [f64],
) {
    add_pairs(
        (x, dy),
        stride,
        statistics,
        sums,
        #[inline(always)]
        |(&x, &dy), (&hi, &lo, &rstd)| (dy.to_f64(), (dy * (deviation(x, hi, lo) * rstd)).to_f64()),
    );
}

/// y = x̂·w + b with the statistics and parameters of the channel.
#[inline(always)]
pub(crate) fn normalize<A: Scalar>(
    (x, y): (&[A], &mut [A]),
    stride: usize,
    (hi, lo, rstd): (&[A], &[A], &[A]),
    (w, b): (&[A], &[A]),
) {
    each(
        (x, y),
        stride,
        (hi, lo, rstd, w, b),
        #[inline(always)]
        |(&x, y), (&hi, &lo, &rstd, &w, &b)| *y = deviation(x, hi, lo) * rstd * w + b,
    );
}

/// dx = rstd·(w·dy - m₁ - x̂·m₂) with the statistics, parameters and means of the channel.
#[inline(always)]
pub(crate) fn gradient<A: Scalar>(
    (x, dy, dx): (&[A], &[A], &mut [A]),
    stride: usize,
    statistics: (&[A], &[A], &[A]),
    (w, m1, m2): (&[A], &[A], &[A]),
) {
    each(
        (x, dy, dx),
        stride,
        (statistics, (w, m1, m2)),
        #[inline(always)]
        |(&x, &dy, dx), ((&hi, &lo, &rstd), (&w, &m1, &m2))| {
            *dx = rstd * (w * dy - m1 - deviation(x, hi, lo) * rstd * m2);
        },
    );
}

/// Ones and zeros, for norms without w or b.
#[derive(Debug)]
pub(crate) struct Plain<A> {
    ones: Vec<A>,
    zeros: Vec<A>,
}

impl<A> Default for Plain<A> {
    fn default() -> Self {
        Self { ones: Vec::new(), zeros: Vec::new() }
    }
}

impl<A: Scalar> Plain<A> {
    /// w and b, with `count` ones for a missing w, and zeros for a missing b.
    pub(crate) fn or<'a>(&'a mut self, [w, b]: [Option<&'a [A]>; 2], count: usize) -> (&'a [A], &'a [A]) {
        if w.is_none() {
            self.ones.resize(count, A::ONE);
        }
        if b.is_none() {
            self.zeros.resize(count, A::ZERO);
        }
        (w.unwrap_or(&self.ones), b.unwrap_or(&self.zeros))
    }
}
