//! [`Pointwise`]: losses that compare number with number.

use std::fmt::Debug;

use crate::losses::Loss;
use crate::{Matrix, Scalar};

/// A loss that compares each output with its own target: two scalar functions. Every `Pointwise` is a [`Loss`]; its mean
/// is over all numbers.
pub trait Pointwise: Debug + Send + Sync {
    /// The loss of the output `y` where `t` was wanted.
    fn value<A: Scalar>(&self, y: A, t: A) -> A;

    /// The derivative of [`value`](Self::value) by `y`.
    fn slope<A: Scalar>(&self, y: A, t: A) -> A;
}

impl<A: Scalar, P: Pointwise> Loss<A> for P {
    fn rows(&self, y: &Matrix<A>, target: &Matrix<A>, loss: &mut [A], dy: Option<&mut Matrix<A>>) {
        for ((loss, y), t) in loss.iter_mut().zip(y.rows()).zip(target.rows()) {
            *loss = A::of(y.iter().zip(t).map(|(&y, &t)| self.value(y, t).to_f64()).sum());
        }
        if let Some(dy) = dy {
            ndarray::Zip::from(dy).and(y).and(target).for_each(|dy, &y, &t| *dy = self.slope(y, t));
        }
    }
}
