//! The [`Loss`] trait and the losses, one file each.
//!
//! # A new loss
//! One new file here and a line in each of the two lists below; in another crate it is one file. A loss that compares
//! number with number is a [`Pointwise`] of two scalar functions:
//!
//! ```
//! use neuropil::prelude::*;
//!
//! /// (y - t)⁴, and its derivative by y.
//! #[derive(Debug)]
//! struct Quartic;
//!
//! impl Pointwise for Quartic {
//!     fn value<A: Scalar>(&self, y: A, t: A) -> A {
//!         (y - t) * (y - t) * (y - t) * (y - t)
//!     }
//!     fn slope<A: Scalar>(&self, y: A, t: A) -> A {
//!         A::of(4.0) * (y - t) * (y - t) * (y - t)
//!     }
//! }
//!
//! let y = ndarray::array![[1.0, 2.0]];
//! let t = ndarray::array![[0.0, 0.0]];
//! assert_eq!(Quartic.evaluate(&y, &t)?, (1.0 + 16.0) / 2.0);
//! # Ok::<(), Error>(())
//! ```

use std::fmt::Debug;

use ndarray::{Array1, Array2};

use crate::kernels::{resize, simd};
use crate::{Error, Matrix, Result, Scalar};

mod bce;
mod bce_with_logits;
mod contrastive;
mod cosine_embedding;
mod cross_entropy;
mod gaussian_nll;
mod hinge_embedding;
mod huber;
mod kl_divergence;
mod labels;
mod mae;
mod mse;
mod multi_class_hinge;
mod nll;
mod parts;
mod pointwise;
mod poisson_nll;
mod smooth_l1;
mod soft_margin;

pub use bce::Bce;
pub use bce_with_logits::BceWithLogits;
pub use contrastive::Contrastive;
pub use cosine_embedding::CosineEmbedding;
pub use cross_entropy::CrossEntropy;
pub use gaussian_nll::GaussianNll;
pub use hinge_embedding::HingeEmbedding;
pub use huber::Huber;
pub use kl_divergence::KlDivergence;
pub use labels::{class_targets, one_hot};
pub use mae::Mae;
pub use mse::Mse;
pub use multi_class_hinge::MultiClassHinge;
pub use nll::Nll;
pub use parts::LossPart;
pub(crate) use parts::check as check_parts;
pub use pointwise::Pointwise;
pub use poisson_nll::PoissonNll;
pub use smooth_l1::SmoothL1;
pub use soft_margin::SoftMargin;

/// How the losses of many samples become one number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reduction {
    /// Their sum divided by how many numbers were compared (see [`Loss::counts`]).
    #[default]
    Mean,
    /// Their sum.
    Sum,
}

/// What a network's outputs `y` are judged by, against a `target`.
///
/// Both matrices have one row a sample. A loss tells its value for each sample and the gradient of that value; the
/// provided methods make one number of them: by default the mean, by [`Sum`] the sum.
pub trait Loss<A: Scalar>: Debug + Send + Sync {
    /// Whether the loss can compare these outputs with this target; called before anything is computed, with matrices
    /// of any layout.
    ///
    /// # Errors
    /// Unless both have the same shape, or what the loss asks for instead; labels or settings out of range.
    fn check(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
        same_shape(self, y, target)
    }

    /// Writes the loss of each row of `y` into `loss`, and its gradient by that row into the same row of `dy`.
    ///
    /// Value and gradient are one function, so that they cannot drift apart. The matrices are row-major and passed the
    /// [`check`](Self::check); `loss` and `dy` hold anything before. Callers want [`evaluate`](Self::evaluate) or
    /// [`gradient`](Self::gradient), which see to all that.
    fn rows(&self, y: &Matrix<A>, target: &Matrix<A>, loss: &mut [A], dy: Option<&mut Matrix<A>>);

    /// For how many each row counts in the mean: by default one for each number in it.
    fn counts(&self, y: &Matrix<A>, _target: &Matrix<A>, counts: &mut [A]) {
        counts.fill(A::of(y.ncols() as f64));
    }

    /// How the samples' losses become one number.
    fn reduction(&self) -> Reduction {
        Reduction::Mean
    }

    /// How many columns its target usually has for this many outputs: one of class indices for a classifier's loss.
    fn target_width(&self, outputs: usize) -> usize {
        outputs
    }

    /// The losses on single outputs of which it is a weighted sum; none if it is a loss of its own.
    fn parts(&self) -> &[LossPart<A>] {
        &[]
    }

    /// The loss of `y` against `target`.
    ///
    /// # Errors
    /// When the target does not fit, see [`check`](Self::check).
    fn evaluate(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<A> {
        Scratch::default().reduce(self, &y.as_standard_layout(), target, None, None)
    }

    /// The gradient of the loss by `y`, a matrix like `y`.
    ///
    /// # Errors
    /// When the target does not fit, see [`check`](Self::check).
    fn gradient(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<Array2<A>> {
        let mut dy = Array2::from_elem(y.dim(), A::ZERO);
        Scratch::default().reduce(self, &y.as_standard_layout(), target, None, Some(&mut dy))?;
        Ok(dy)
    }

    /// The loss of each sample on its own: the sum over the numbers in its row, not divided by anything.
    ///
    /// # Errors
    /// When the target does not fit, see [`check`](Self::check).
    fn per_sample(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<Array1<A>> {
        self.check(y, target)?;
        let mut loss = Array1::from_elem(y.nrows(), A::ZERO);
        let loss_of = loss.as_slice_mut().expect("it was just made");
        self.rows(&y.as_standard_layout(), &target.as_standard_layout(), loss_of, None);
        Ok(loss)
    }
}

/// So that a loss may be chosen as the program runs.
impl<A: Scalar> Loss<A> for Box<dyn Loss<A> + '_> {
    fn check(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
        (**self).check(y, target)
    }

    fn rows(&self, y: &Matrix<A>, target: &Matrix<A>, loss: &mut [A], dy: Option<&mut Matrix<A>>) {
        (**self).rows(y, target, loss, dy);
    }

    fn counts(&self, y: &Matrix<A>, target: &Matrix<A>, counts: &mut [A]) {
        (**self).counts(y, target, counts);
    }

    fn reduction(&self) -> Reduction {
        (**self).reduction()
    }

    fn evaluate(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<A> {
        (**self).evaluate(y, target)
    }

    fn gradient(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<Array2<A>> {
        (**self).gradient(y, target)
    }

    fn per_sample(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<Array1<A>> {
        (**self).per_sample(y, target)
    }
}

/// A loss with the samples' losses added up instead of averaged.
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let (y, target) = (array![[1.0, 2.0]], array![[0.0, 0.0]]);
/// assert_eq!(Mse.evaluate(&y, &target)?, 2.5);
/// assert_eq!(Sum(Mse).evaluate(&y, &target)?, 5.0);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum<L>(pub L);

impl<A: Scalar, L: Loss<A>> Loss<A> for Sum<L> {
    fn check(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
        self.0.check(y, target)
    }

    fn rows(&self, y: &Matrix<A>, target: &Matrix<A>, loss: &mut [A], dy: Option<&mut Matrix<A>>) {
        self.0.rows(y, target, loss, dy);
    }

    fn counts(&self, y: &Matrix<A>, target: &Matrix<A>, counts: &mut [A]) {
        self.0.counts(y, target, counts);
    }

    fn reduction(&self) -> Reduction {
        Reduction::Sum
    }
}

/// The buffers in which the losses of a batch's samples become one number; kept from step to step.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scratch<A> {
    loss: Vec<A>,
    counts: Vec<A>,
    /// What the last mean was divided by; none for a sum.
    count: Option<f64>,
    /// A row-major copy of the target, if it needs one.
    target: Array2<A>,
    parts: Vec<parts::PartScratch<A>>,
}

impl<A: Scalar> Scratch<A> {
    /// The reduced loss of row-major outputs, and its gradient if asked for. The mean over no samples is 0, with a
    /// gradient of nothing.
    ///
    /// With a weight w a sample, the mean is Σ wᵢℓᵢ / Σ wᵢcᵢ, where c are the loss's counts; it is 0 if all weigh nothing.
    pub(crate) fn reduce<L: Loss<A> + ?Sized>(
        &mut self,
        loss: &L,
        y: &Matrix<A>,
        target: &Matrix<A>,
        weights: Option<&[A]>,
        mut dy: Option<&mut Matrix<A>>,
    ) -> Result<A> {
        loss.check(y, target)?;
        let samples = y.nrows();
        if !loss.parts().is_empty() {
            self.count = Some(samples as f64);
            return parts::reduce(&mut self.parts, loss.parts(), y, target, weights, dy);
        }
        let mean = loss.reduction() == Reduction::Mean;
        self.count = mean.then_some(0.0);
        if samples == 0 {
            return Ok(A::ZERO);
        }
        let target = if target.is_standard_layout() {
            target
        } else {
            resize(&mut self.target, target.nrows(), target.ncols());
            self.target.assign(target);
            &self.target
        };
        self.loss.resize(samples, A::ZERO);
        loss.rows(y, target, &mut self.loss, dy.as_deref_mut());
        if let Some(weights) = weights {
            self.loss.iter_mut().zip(weights).for_each(|(loss, &w)| *loss *= w);
            if let Some(dy) = dy.as_deref_mut() {
                dy.rows_mut().into_iter().zip(weights).for_each(|(mut dy, &w)| dy *= w);
            }
        }
        let total = sum(&self.loss);
        if !mean {
            return Ok(A::of(total));
        }
        self.counts.resize(samples, A::ZERO);
        loss.counts(y, target, &mut self.counts);
        if let Some(weights) = weights {
            self.counts.iter_mut().zip(weights).for_each(|(count, &w)| *count *= w);
        }
        let count = sum(&self.counts);
        self.count = Some(count);
        if weights.is_some() && count == 0.0 {
            return Ok(A::ZERO);
        }
        if let Some(dy) = dy {
            let scale = A::of(1.0 / count);
            simd::each(
                flat_mut(dy),
                #[inline(always)]
                |dy| *dy *= scale,
            );
        }
        Ok(A::of(total / count))
    }

    /// What the last mean was divided by; none for a sum.
    pub(crate) fn count(&self) -> Option<f64> {
        self.count
    }
}

/// The sum in `f64`.
fn sum<A: Scalar>(x: &[A]) -> f64 {
    simd::sum(
        x,
        #[inline(always)]
        |&x| x,
    )
}

/// The numbers of a row-major matrix, row after row.
pub(crate) fn flat<A>(matrix: &Matrix<A>) -> &[A] {
    matrix.as_slice().expect("losses are given row-major matrices")
}

/// The same as [`flat`], to write to.
pub(crate) fn flat_mut<A>(matrix: &mut Matrix<A>) -> &mut [A] {
    matrix.as_slice_mut().expect("losses are given row-major matrices")
}

/// The error unless outputs and target have the same shape.
pub(crate) fn same_shape<A: Scalar>(loss: &(impl Debug + ?Sized), y: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
    if y.dim() == target.dim() {
        return Ok(());
    }
    let wants = format!("a target of the outputs' shape, {}", dimensions(y));
    Err(Error::Target { loss: format!("{loss:?}"), wants, got: dimensions(target), row: None })
}

/// The error at the first number for which `ok` does not hold; `wants` says what it should be.
pub(crate) fn check_each<A: Scalar>(
    loss: &(impl Debug + ?Sized),
    wants: &str,
    numbers: &Matrix<A>,
    ok: impl Fn(A) -> bool,
) -> Result<()> {
    // All of them without an early end, which vectorises; where it was, only matters when there is one.
    let all = match numbers.as_slice() {
        Some(numbers) => numbers.iter().fold(true, |all, &x| all & ok(x)),
        None => numbers.iter().all(|&x| ok(x)),
    };
    match if all { None } else { numbers.indexed_iter().find(|&(_, &x)| !ok(x)) } {
        None => Ok(()),
        Some(((row, column), x)) => {
            let got = if numbers.ncols() == 1 { x.to_string() } else { format!("{x} at number {column}") };
            Err(Error::Target { loss: format!("{loss:?}"), wants: wants.to_owned(), got, row: Some(row) })
        }
    }
}

/// "rows x columns".
pub(crate) fn dimensions<A>(matrix: &Matrix<A>) -> String {
    format!("{} x {}", matrix.nrows(), matrix.ncols())
}
