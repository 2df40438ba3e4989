//! [`Samples`]: inputs and what should come out.

use ndarray::{Array2, Axis};
use rand::Rng;
use rand::seq::SliceRandom;

use crate::error::check_setting;
use crate::init::standard_normal;
use crate::{Error, Result, Scalar};

/// Samples to learn from, or to test with.
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
    /// The inputs, one row a sample.
    pub x: Array2<A>,
    /// What should come out for each row of `x`: class indices in one column, or whatever the loss takes.
    pub target: Array2<A>,
}

impl<A: Scalar> Samples<A> {
    /// These inputs with these targets.
    ///
    /// # Errors
    /// [`Error::Dimensions`] unless there is one row of targets for each row of inputs.
    pub fn new(x: Array2<A>, target: Array2<A>) -> Result<Self> {
        if x.nrows() == target.nrows() {
            return Ok(Self { x, target });
        }
        let (wants, got) = ([x.nrows(), target.ncols()], target.dim().into());
        Err(Error::Dimensions { what: "the targets of these samples".into(), wants, got })
    }

    /// How many samples there are.
    pub fn len(&self) -> usize {
        self.x.nrows()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Shuffles, and splits off a share of the samples to test with: (the rest, that share).
    ///
    /// ```
    /// let digits = neuropil::data::digits::<f32>();
    /// let (train, test) = digits.split(0.2, &mut neuropil::rng(1))?;
    /// assert_eq!((train.len(), test.len()), (1438, 359));
    /// # Ok::<(), neuropil::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] unless the share is between 0 and 1.
    pub fn split(&self, share: f64, rng: &mut impl Rng) -> Result<(Self, Self)> {
        check_setting("the share of samples to split off", share, "between 0 and 1", (0.0..=1.0).contains(&share))?;
        let order = self.shuffled(rng);
        let (test, train) = order.split_at((share * self.len() as f64).round() as usize);
        Ok((self.select(train), self.select(test)))
    }

    /// All samples in a new random order, in batches of `size`; the last one may be smaller.
    ///
    /// ```
    /// let digits = neuropil::data::digits::<f32>();
    /// let sizes: Vec<usize> = digits.batches(600, &mut neuropil::rng(1)).map(|batch| batch.len()).collect();
    /// assert_eq!(sizes, [600, 600, 597]);
    /// ```
    pub fn batches(&self, size: usize, rng: &mut impl Rng) -> impl Iterator<Item = Self> {
        let order = self.shuffled(rng);
        let size = size.max(1);
        (0..self.len()).step_by(size).map(move |from| self.select(&order[from..order.len().min(from + size)]))
    }

    fn shuffled(&self, rng: &mut impl Rng) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.shuffle(rng);
        order
    }

    fn select(&self, rows: &[usize]) -> Self {
        Self { x: self.x.select(Axis(0), rows), target: self.target.select(Axis(0), rows) }
    }
}

/// A column of class indices, sample i being of class i modulo `classes`; empty without classes.
pub(crate) fn classes<A: Scalar>(samples: usize, classes: usize) -> Array2<A> {
    let samples = if classes == 0 { 0 } else { samples };
    Array2::from_shape_fn((samples, 1), |(i, _)| A::of((i % classes) as f64))
}

/// Noisy points of the plane: `point(class, i, count)` is the place of point i of the `count` that are of this class.
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
