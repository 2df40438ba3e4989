//! The [`Loss`] trait and the losses, one file each.
//!
//! | task | losses |
//! |---|---|
//! | classification | [`CrossEntropy`] of logits, [`Nll`] of log-probabilities, [`MultiClassHinge`] |
//! | binary and multi-label classification | [`BceWithLogits`], [`Bce`] of probabilities, [`SoftMargin`] |
//! | regression | [`Mse`], [`Mae`], [`Huber`], [`SmoothL1`], [`PoissonNll`], [`GaussianNll`] |
//! | distributions | [`KlDivergence`] |
//! | embeddings | [`Contrastive`], [`CosineEmbedding`], [`HingeEmbedding`] |
//! | several outputs | [`OutputLosses`](crate::OutputLosses) |
//!
//! # A new loss
//! Add one file here and an entry in each of the two lists below; in another crate, one file is enough. An elementwise
//! loss is a [`Pointwise`] with two scalar functions, any other a [`Loss`]; see their examples.

use std::fmt::Debug;

use ndarray::{Array1, Array2};

use crate::error::target_shape;
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
mod steps;

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
pub(crate) use steps::StepRows;

/// How the losses of a batch are reduced to a scalar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reduction {
    /// The sum divided by the number of compared elements (see [`Loss::counts`]).
    #[default]
    Mean,
    /// The sum.
    Sum,
}

/// A loss function of the outputs `y` of a network and a `target`.
///
/// Both matrices have one row per sample. A loss computes a value and its gradient for each sample; the provided
/// methods reduce them to a mean, or with [`Sum`] to a sum.
///
/// ```
/// use neuropil::prelude::*;
///
/// /// The Euclidean distance between each row and its target.
/// #[derive(Debug)]
/// struct Euclidean;
///
/// impl Loss<f64> for Euclidean {
///     fn rows(&self, y: &Matrix<f64>, target: &Matrix<f64>, loss: &mut [f64], dy: Option<&mut Matrix<f64>>) {
///         let d = y - target;
///         for (loss, row) in loss.iter_mut().zip(d.rows()) {
///             *loss = row.dot(&row).sqrt();
///         }
///         if let Some(dy) = dy {
///             dy.assign(&(&d / &ndarray::ArrayView::from(&*loss).insert_axis(ndarray::Axis(1))));
///         }
///     }
///     fn counts(&self, _: &Matrix<f64>, _: &Matrix<f64>, counts: &mut [f64]) {
///         counts.fill(1.0); // the mean over rows, not elements
///     }
/// }
///
/// let (y, target) = (ndarray::array![[3.0, 4.0]], ndarray::array![[0.0, 0.0]]);
/// assert_eq!(Euclidean.evaluate(&y, &target)?, 5.0);
/// assert_eq!(Euclidean.gradient(&y, &target)?, ndarray::array![[0.6, 0.8]]);
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a loss of `{A}` numbers",
    note = "a loss of your own implements `Pointwise` if it is elementwise, else `Loss`"
)]
pub trait Loss<A: Scalar>: Debug + Send + Sync {
    /// Checks that outputs and target are compatible, before any computation, with matrices of any layout.
    ///
    /// # Errors
    /// If the shapes do not match (by default, if they differ), or labels or settings are out of range.
    fn check(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
        same_shape(self, y, target)
    }

    /// Writes the loss of each row of `y` into `loss`, and its gradient with respect to that row into `dy`.
    ///
    /// The matrices are row-major and passed the [`check`](Self::check); `loss` and `dy` have arbitrary contents.
    /// Callers should use [`evaluate`](Self::evaluate) or [`gradient`](Self::gradient), which ensure this.
    fn rows(&self, y: &Matrix<A>, target: &Matrix<A>, loss: &mut [A], dy: Option<&mut Matrix<A>>);

    /// The count of each row in the denominator of the mean: by default its number of elements.
    fn counts(&self, y: &Matrix<A>, _target: &Matrix<A>, counts: &mut [A]) {
        counts.fill(A::of(y.ncols() as f64));
    }

    /// The reduction over samples.
    fn reduction(&self) -> Reduction {
        Reduction::Mean
    }

    /// The usual number of target columns for this number of outputs: one, of class indices, for classification losses.
    fn target_width(&self, outputs: usize) -> usize {
        outputs
    }

    /// The terms of a weighted sum of losses on single outputs; empty for other losses.
    fn parts(&self) -> &[LossPart<A>] {
        &[]
    }

    /// Computes the loss of `y` with respect to `target`.
    ///
    /// # Errors
    /// Those of [`check`](Self::check).
    fn evaluate(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<A> {
        Scratch::default().reduce(self, &y.as_standard_layout(), target, None, None)
    }

    /// Computes the gradient of the loss with respect to `y`.
    ///
    /// # Errors
    /// Those of [`check`](Self::check).
    fn gradient(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<Array2<A>> {
        let mut dy = Array2::from_elem(y.dim(), A::ZERO);
        Scratch::default().reduce(self, &y.as_standard_layout(), target, None, Some(&mut dy))?;
        Ok(dy)
    }

    /// Computes the loss of each sample, summed over its row without division.
    ///
    /// # Errors
    /// Those of [`check`](Self::check).
    fn per_sample(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<Array1<A>> {
        self.check(y, target)?;
        let mut loss = Array1::from_elem(y.nrows(), A::ZERO);
        let loss_of = loss.as_slice_mut().expect("it was just made");
        self.rows(&y.as_standard_layout(), &target.as_standard_layout(), loss_of, None);
        Ok(loss)
    }
}

/// For losses chosen at run time.
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

/// Wraps a loss to sum over samples instead of averaging.
///
/// ```
/// use neuropil::losses::Sum;
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

/// The buffers of a reduction, reused between steps.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scratch<A> {
    loss: Vec<A>,
    counts: Vec<A>,
    /// The denominator of the last mean; `None` for a sum.
    count: Option<f64>,
    /// A row-major copy of the target, if needed.
    target: Array2<A>,
    parts: Vec<parts::PartScratch<A>>,
    steps: StepRows<A>,
}

impl<A: Scalar> Scratch<A> {
    /// The reduced loss of row-major outputs, and its gradient if requested. The mean over no samples is 0, with an
    /// empty gradient.
    ///
    /// With sample weights w, the mean is Σ wᵢℓᵢ / Σ wᵢcᵢ, where c are the counts of the loss; it is 0 if all weights
    /// are 0.
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
            resize(&mut self.target, target.nrows(), target.ncols())?;
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

    /// The denominator of the last mean; `None` for a sum.
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

/// The elements of a row-major matrix.
pub(crate) fn flat<A>(matrix: &Matrix<A>) -> &[A] {
    matrix.as_slice().expect("losses are given row-major matrices")
}

/// [`flat`], mutable.
pub(crate) fn flat_mut<A>(matrix: &mut Matrix<A>) -> &mut [A] {
    matrix.as_slice_mut().expect("losses are given row-major matrices")
}

/// Checks that outputs and target have the same shape.
pub(crate) fn same_shape<A: Scalar>(loss: &(impl Debug + ?Sized), y: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
    if y.dim() == target.dim() {
        return Ok(());
    }
    let wants = format!("a target of the outputs' shape, {}", dimensions(y));
    Err(Error::Target { who: format!("{loss:?}"), wants, got: target_shape(y.nrows(), target.dim()), row: None })
}

/// Fails at the first element for which `ok` does not hold; `wants` describes what is expected.
pub(crate) fn check_each<A: Scalar>(
    loss: &(impl Debug + ?Sized),
    wants: &str,
    numbers: &Matrix<A>,
    ok: impl Fn(A) -> bool,
) -> Result<()> {
    // Without an early exit, so that the loop vectorizes; the position is searched only on failure.
    let all = match numbers.as_slice() {
        Some(numbers) => numbers.iter().fold(true, |all, &x| all & ok(x)),
        None => numbers.iter().all(|&x| ok(x)),
    };
    match if all { None } else { numbers.indexed_iter().find(|&(_, &x)| !ok(x)) } {
        None => Ok(()),
        Some(((row, column), x)) => {
            let got = if numbers.ncols() == 1 { x.to_string() } else { format!("{x} at number {column}") };
            Err(Error::Target { who: format!("{loss:?}"), wants: wants.to_owned(), got, row: Some(row) })
        }
    }
}

/// "rows x columns".
pub(crate) fn dimensions<A>(matrix: &Matrix<A>) -> String {
    format!("{} x {}", matrix.nrows(), matrix.ncols())
}
