//! [`Samples`]: inputs and targets.

use ndarray::{Array2, Axis};
use rand::Rng;
use rand::seq::SliceRandom;

use super::split::{Split, check_rows};
use crate::error::check_targets;
use crate::init::standard_normal;
use crate::{Result, Scalar};

/// Samples for training or testing.
///
/// ```
/// use neuropil::data::Samples;
/// use ndarray::array;
///
/// let samples = Samples::new(array![[0.5, 1.0], [2.0, 1.5]], array![[1.0], [0.0]])?;
/// assert_eq!(samples.len(), 2);
/// # Ok::<(), neuropil::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Samples<A: Scalar> {
    /// The inputs, one sample per row.
    pub x: Array2<A>,
    /// The target for each row of `x`: one column of class indices, or whatever the loss takes.
    pub target: Array2<A>,
}

impl<A: Scalar> Samples<A> {
    /// Creates samples with these inputs and targets.
    ///
    /// # Errors
    /// [`Error::Dimensions`](crate::Error::Dimensions) unless `x` and `target` have the same number of rows.
    pub fn new(x: Array2<A>, target: Array2<A>) -> Result<Self> {
        check_targets(x.nrows(), target.dim())?;
        Ok(Self { x, target })
    }

    /// The number of samples.
    pub fn len(&self) -> usize {
        self.x.nrows()
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Shuffles the samples, and splits off a fraction for testing: returns (training, test).
    ///
    /// ```
    /// let digits = neuropil::data::digits::<f32>();
    /// let (train, test) = digits.split(0.2, &mut neuropil::rng(1))?;
    /// assert_eq!((train.len(), test.len()), (1438, 359));
    /// # Ok::<(), neuropil::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) unless the fraction is between 0 and 1.
    pub fn split(&self, fraction: f64, rng: &mut impl Rng) -> Result<(Self, Self)> {
        self.part(&Split::random(self.len(), fraction, rng)?)
    }

    /// Shuffles the samples, and splits off a fraction of each class; the target is one column of class indices.
    ///
    /// See [`Split::stratified`], and for folds [`Split::stratified_folds`].
    ///
    /// ```
    /// let digits = neuropil::data::digits::<f32>();
    /// let (train, test) = digits.stratified_split(0.2, &mut neuropil::rng(1))?;
    /// assert_eq!((train.len(), test.len()), (1438, 359));
    /// # Ok::<(), neuropil::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) unless the fraction is between 0 and 1;
    /// [`Error::Dimensions`](crate::Error::Dimensions) unless the target is one column;
    /// [`Error::Target`](crate::Error::Target) when it holds NaN.
    pub fn stratified_split(&self, fraction: f64, rng: &mut impl Rng) -> Result<(Self, Self)> {
        self.part(&Split::stratified(&self.target, fraction, rng)?)
    }

    /// The samples with these indices, in this order.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for an index that is not below [`len`](Self::len).
    pub fn select(&self, samples: &[usize]) -> Result<Self> {
        check_rows(samples, self.len())?;
        Ok(Self { x: self.x.select(Axis(0), samples), target: self.target.select(Axis(0), samples) })
    }

    fn part(&self, split: &Split) -> Result<(Self, Self)> {
        Ok((self.select(&split.train)?, self.select(&split.test)?))
    }

    /// Iterates over all samples in a new random order, in batches of `size`; the last one may be smaller.
    ///
    /// ```
    /// let digits = neuropil::data::digits::<f32>();
    /// let sizes: Vec<usize> = digits.batches(600, &mut neuropil::rng(1)).map(|batch| batch.len()).collect();
    /// assert_eq!(sizes, [600, 600, 597]);
    /// ```
    ///
    /// The order is drawn up front, so the loop may use the same generator:
    ///
    /// ```
    /// use neuropil::rand::RngExt;
    ///
    /// let (digits, mut rng) = (neuropil::data::digits::<f32>(), neuropil::rng(1));
    /// for mut batch in digits.batches(600, &mut rng) {
    ///     batch.x.mapv_inplace(|x| x + 0.1 * rng.random::<f32>());
    /// }
    /// ```
    pub fn batches<R: Rng>(&self, size: usize, rng: &mut R) -> impl Iterator<Item = Self> + use<'_, A, R> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.shuffle(rng);
        let size = size.max(1);
        (0..self.len()).step_by(size).map(move |from| {
            let batch = &order[from..order.len().min(from + size)];
            Self { x: self.x.select(Axis(0), batch), target: self.target.select(Axis(0), batch) }
        })
    }
}

/// A column of class indices, i modulo `classes` for sample i; empty if there are no classes.
pub(crate) fn classes<A: Scalar>(samples: usize, classes: usize) -> Array2<A> {
    let samples = if classes == 0 { 0 } else { samples };
    Array2::from_shape_fn((samples, 1), |(i, _)| A::of((i % classes) as f64))
}

/// Noisy points in the plane: `point(class, i, count)` is point i of the `count` of this class.
pub(crate) fn planar<A: Scalar>(
    samples: usize,
    class_count: usize,
    noise: f64,
    rng: &mut impl Rng,
    point: impl Fn(usize, usize, usize) -> [f64; 2],
) -> Samples<A> {
    let target = classes(samples, class_count);
    let mut x = Array2::default((target.nrows(), 2));
    for (sample, mut x) in x.rows_mut().into_iter().enumerate() {
        let class = sample % class_count;
        let count = (samples - class).div_ceil(class_count);
        for (x, at) in x.iter_mut().zip(point(class, sample / class_count, count)) {
            *x = A::of(at + noise * standard_normal(rng));
        }
    }
    Samples { x, target }
}
