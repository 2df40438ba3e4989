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

use crate::kernels::sum;
use crate::{Error, Matrix, Result, Scalar};

mod mse;
mod pointwise;

pub use mse::Mse;
pub use pointwise::Pointwise;

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
    /// Whether the target fits the outputs; called before anything is computed.
    ///
    /// # Errors
    /// Unless both have the same shape, or what the loss asks for instead; labels out of range.
    fn check(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
        same_shape(self, y, target)
    }

    /// Writes the loss of each row of `y` into `loss`, and its gradient by that row into the same row of `dy`.
    ///
    /// Value and gradient are one function, so that they cannot drift apart. The matrices are row-major, and passed the
    /// [`check`](Self::check).
    fn rows(&self, y: &Matrix<A>, target: &Matrix<A>, loss: &mut [A], dy: Option<&mut Matrix<A>>);

    /// For how many each row counts in the mean: by default one for each number in it.
    fn counts(&self, y: &Matrix<A>, _target: &Matrix<A>, counts: &mut [A]) {
        counts.fill(A::of(y.ncols() as f64));
    }

    /// How the samples' losses become one number.
    fn reduction(&self) -> Reduction {
        Reduction::Mean
    }

    /// The loss of `y` against `target`.
    ///
    /// # Errors
    /// When the target does not fit, see [`check`](Self::check).
    fn evaluate(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<A> {
        let mut scratch = Scratch::default();
        scratch.reduce(self, y, target, None)
    }

    /// The gradient of the loss by `y`, a matrix like `y`.
    ///
    /// # Errors
    /// When the target does not fit, see [`check`](Self::check).
    fn gradient(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<Array2<A>> {
        let mut dy = Array2::from_elem(y.dim(), A::ZERO);
        Scratch::default().reduce(self, y, target, Some(&mut dy))?;
        Ok(dy)
    }

    /// The loss of each sample on its own, neither averaged nor weighted by anything but the loss itself.
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
#[derive(Debug, Clone)]
pub(crate) struct Scratch<A> {
    loss: Vec<A>,
    counts: Vec<A>,
}

impl<A> Default for Scratch<A> {
    fn default() -> Self {
        Self { loss: Vec::new(), counts: Vec::new() }
    }
}

impl<A: Scalar> Scratch<A> {
    /// The reduced loss, and its gradient if asked for. The mean over no samples is 0, with a gradient of nothing.
    pub(crate) fn reduce<L: Loss<A> + ?Sized>(
        &mut self,
        loss: &L,
        y: &Matrix<A>,
        target: &Matrix<A>,
        mut dy: Option<&mut Matrix<A>>,
    ) -> Result<A> {
        loss.check(y, target)?;
        let samples = y.nrows();
        if samples == 0 {
            return Ok(A::ZERO);
        }
        self.loss.resize(samples, A::ZERO);
        let (y, target) = (y.as_standard_layout(), target.as_standard_layout());
        loss.rows(&y, &target, &mut self.loss, dy.as_deref_mut());
        let total = sum(&self.loss);
        if loss.reduction() == Reduction::Sum {
            return Ok(A::of(total));
        }
        self.counts.resize(samples, A::ZERO);
        loss.counts(&y, &target, &mut self.counts);
        let count = sum(&self.counts);
        if let Some(dy) = dy {
            let scale = A::of(1.0 / count);
            dy.mapv_inplace(|dy| dy * scale);
        }
        Ok(A::of(total / count))
    }
}

/// The error unless outputs and target have the same shape.
pub(crate) fn same_shape<A: Scalar>(loss: &(impl Debug + ?Sized), y: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
    if y.dim() == target.dim() {
        return Ok(());
    }
    let wants = format!("a target of the outputs' shape, {} x {}", y.nrows(), y.ncols());
    Err(Error::Target { loss: format!("{loss:?}"), wants, got: format!("{} x {}", target.nrows(), target.ncols()) })
}
