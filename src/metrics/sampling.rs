//! [`Sampling`]: random classes from logits.

use ndarray::{Array2, ArrayView1};
use rand::{Rng, RngExt};

use crate::error::check_setting;
use crate::{Error, Matrix, Result, Scalar};

/// Draws a class from each row of logits, such as the next letter of a text.
///
/// Class c has the probability softmax(y/T)ᶜ with temperature T, restricted to the most probable classes: first to k of
/// them (top-k), then to the fewest that have together at least the share p of what is left (top-p, or nucleus). The
/// probabilities of the classes that are kept are scaled to add up to 1. Of equal logits, the first comes first.
///
/// By default, T and p are 1, and there is no k. With T = 0, the class is that of the largest logit, as from
/// [`argmax`](super::argmax); so it is with k = 1 or p = 0. A logit of -∞ is a class that is never drawn.
///
/// Everything is computed in `f64`, so equal logits give equal classes in `f32` and `f64`. Each row uses one random
/// number.
///
/// Top-k is from A. Fan et al., "Hierarchical Neural Story Generation" (2018), top-p from A. Holtzman et al., "The
/// Curious Case of Neural Text Degeneration" (2020).
///
/// ```
/// use neuropil::metrics::Sampling;
/// use ndarray::array;
///
/// let logits = array![[2.0, 1.0, 0.0, -1.0]];
/// let sampling = Sampling::new().temperature(0.8).top_k(3).top_p(0.9);
/// let class = sampling.draw(&logits, &mut neuropil::rng(1))?[0];
/// assert!(class < 2, "the first two have 0.94 of the three");
/// assert_eq!(Sampling::new().temperature(0.0).draw(&logits, &mut neuropil::rng(1))?, [0]);
/// # Ok::<(), neuropil::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub struct Sampling {
    temperature: f64,
    top_k: Option<usize>,
    top_p: f64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 1.0, top_k: None, top_p: 1.0 }
    }
}

impl Sampling {
    /// Draws from the softmax of the logits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the temperature: below 1, probable classes become more probable; 0 gives the most probable one.
    pub fn temperature(self, temperature: f64) -> Self {
        Self { temperature, ..self }
    }

    /// Keeps the `k` most probable classes.
    pub fn top_k(self, k: usize) -> Self {
        Self { top_k: Some(k), ..self }
    }

    /// Keeps the fewest classes that have together at least the probability `p`.
    pub fn top_p(self, p: f64) -> Self {
        Self { top_p: p, ..self }
    }

    /// Draws a class from each row of the logits, (samples, classes).
    ///
    /// # Errors
    /// Those of [`probabilities`](Self::probabilities).
    pub fn draw<A: Scalar>(&self, logits: &Matrix<A>, rng: &mut impl Rng) -> Result<Vec<usize>> {
        let probabilities = self.probabilities(logits)?;
        Ok(probabilities.rows().into_iter().map(|p| class_at(rng.random(), p)).collect())
    }

    /// The probabilities with which classes are drawn, of the shape of the logits.
    ///
    /// ```
    /// use neuropil::metrics::Sampling;
    /// use ndarray::array;
    ///
    /// let logits = array![[4.0_f64, 2.0, 1.0, 1.0]].ln();
    /// let p = Sampling::new().top_p(0.75).probabilities(&logits)?;
    /// assert!((p - array![[2.0 / 3.0, 1.0 / 3.0, 0.0, 0.0]]).iter().all(|error| error.abs() < 1e-15));
    /// # Ok::<(), neuropil::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] for a temperature that is negative or not finite, a k of 0, a p outside \[0, 1\], and no
    /// classes; [`Error::NonFinite`] for a row with NaN or +∞, or of -∞ alone.
    pub fn probabilities<A: Scalar>(&self, logits: &Matrix<A>) -> Result<Array2<f64>> {
        let (t, classes) = (self.temperature, logits.ncols());
        check_setting("the temperature of Sampling", t, "at least 0 and finite", t >= 0.0 && t.is_finite())?;
        let k = self.top_k.unwrap_or(classes);
        check_setting("the number of classes of Sampling", classes as f64, "at least 1", classes > 0)?;
        check_setting("the k of Sampling", k as f64, "at least 1", k > 0)?;
        check_setting("the p of Sampling", self.top_p, "in [0, 1]", (0.0..=1.0).contains(&self.top_p))?;
        let (logits, mut p) = (logits.mapv(A::to_f64), Array2::zeros(logits.dim()));
        for (sample, (logits, mut p)) in logits.rows().into_iter().zip(p.rows_mut()).enumerate() {
            let largest = logits.iter().copied().fold(f64::NEG_INFINITY, Scalar::maximum);
            if !largest.is_finite() {
                let what = format!("the largest logit of sample {sample}");
                return Err(Error::NonFinite { what, got: largest, in_data: false });
            }
            // 0/0 does not arise: without a temperature, only the first class is kept.
            let weight = |logit: f64| if logit == largest { 1.0 } else { Scalar::exp((logit - largest) / t) };
            for class in self.kept(logits, weight) {
                p[class] = weight(logits[class]);
            }
            let total = p.sum();
            p /= total;
        }
        Ok(p)
    }

    /// The classes that can be drawn, the most probable first if there is a restriction.
    fn kept(&self, logits: ArrayView1<'_, f64>, weight: impl Fn(f64) -> f64) -> Vec<usize> {
        let mut classes: Vec<usize> = (0..logits.len()).collect();
        let k = if self.temperature == 0.0 { 1 } else { self.top_k.unwrap_or(logits.len()) };
        if k >= logits.len() && self.top_p == 1.0 {
            return classes;
        }
        classes.sort_by(|&a, &b| logits[b].partial_cmp(&logits[a]).expect("no logit is NaN"));
        classes.truncate(k);
        if self.top_p < 1.0 {
            let total: f64 = classes.iter().map(|&class| weight(logits[class])).sum();
            let mut sum = 0.0;
            let enough = |&class: &usize| {
                sum += weight(logits[class]);
                sum >= self.top_p * total
            };
            let fewest = classes.iter().position(enough).map_or(classes.len(), |last| last + 1);
            classes.truncate(fewest);
        }
        classes
    }
}

/// The class in whose part of [0, 1) the number `at` lies, with the parts of the classes one after the other.
#[allow(clippy::needless_pass_by_value)] // A view, as returned by `rows`.
fn class_at(at: f64, p: ArrayView1<'_, f64>) -> usize {
    let (mut sum, mut last) = (0.0, 0);
    for (class, &p) in p.iter().enumerate().filter(|(_, p)| **p > 0.0) {
        sum += p;
        last = class;
        if at < sum {
            break;
        }
    }
    // The last one, too, if the sum is a little below 1 by rounding.
    last
}
