//! [`Nll`]: the loss of a classifier, on log-probabilities.

use std::fmt;

use crate::losses::Loss;
use crate::losses::labels::Classes;
use crate::{Matrix, Result, Scalar};

/// The negative log-likelihood of labels under log-probabilities y: -y at the label.
///
/// The outputs are log-probabilities, such as those of [`LogSoftmax`](crate::layers::LogSoftmax);
/// [`CrossEntropy`](crate::losses::CrossEntropy) combines both. The target is one column of class indices (see
/// [`class_targets`](crate::losses::class_targets)). As in `PyTorch`, the mean divides by the sum of the weights of
/// labels that are not ignored.
///
/// ```
/// use neuropil::losses::class_targets;
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let log_p = array![[0.5_f64, 0.25, 0.25]].mapv(f64::ln);
/// assert_eq!(Nll::new().evaluate(&log_p, &class_targets(&[1]))?, 4.0_f64.ln());
/// assert_eq!(Nll::new().gradient(&log_p, &class_targets(&[1]))?, array![[0.0, -1.0, 0.0]]);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// [`Error::Target`](crate::Error::Target) if the target has the wrong shape or a label is out of range,
/// [`Error::Dimensions`](crate::Error::Dimensions) unless there is one weight per class, and
/// [`Error::Setting`](crate::Error::Setting) for negative or non-finite weights.
#[derive(Clone, Default, PartialEq)]
pub struct Nll {
    classes: Classes,
}

impl Nll {
    /// Creates a loss without class weights.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the weight of each class.
    pub fn class_weights(mut self, weights: impl Into<Vec<f64>>) -> Self {
        self.classes.weights = Some(weights.into());
        self
    }

    /// Sets a label that is ignored, such as that of padding. By default, every label must be a class.
    pub fn ignore_index(mut self, label: i64) -> Self {
        self.classes.ignored = Some(label);
        self
    }

    /// Sets the number of classes, for rows of several predictions; by default, a row is one prediction.
    pub fn classes(mut self, classes: usize) -> Self {
        self.classes.count = Some(classes);
        self
    }
}

impl<A: Scalar> Loss<A> for Nll {
    fn check(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
        self.classes.check_labels(self, y, target)
    }

    fn rows(&self, y: &Matrix<A>, target: &Matrix<A>, loss: &mut [A], mut dy: Option<&mut Matrix<A>>) {
        let classes = self.classes.count(y);
        if let Some(dy) = &mut dy {
            dy.fill(A::ZERO);
        }
        for (row, (loss, labels)) in loss.iter_mut().zip(target.rows()).enumerate() {
            let mut sum = 0.0;
            for (prediction, &label) in labels.iter().enumerate() {
                let Some(class) = self.classes.class(label) else { continue };
                let (at, weight) = ([row, prediction * classes + class], self.classes.weight::<A>(class));
                sum -= (weight * y[at]).to_f64();
                if let Some(dy) = &mut dy {
                    dy[at] = -weight;
                }
            }
            *loss = A::of(sum);
        }
    }

    fn counts(&self, _: &Matrix<A>, target: &Matrix<A>, counts: &mut [A]) {
        self.classes.label_weights(target, counts);
    }

    fn target_width(&self, _: usize) -> usize {
        1
    }
}

impl fmt::Debug for Nll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut loss = f.debug_struct("Nll");
        self.classes.describe(&mut loss);
        loss.finish()
    }
}
