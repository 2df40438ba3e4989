//! [`MultiClassHinge`]: the multi-class loss of support vector machines.

use std::fmt;

use crate::error::check_setting;
use crate::losses::Loss;
use crate::losses::labels::Classes;
use crate::{Matrix, Result, Scalar};

/// The multi-class hinge loss of scores y with the true class t: Σ max(0, margin - yₜ + yᶜ) over the other classes c.
///
/// It is 0 when the score of the true class exceeds all others by the margin, 1 by default. The target is one column of
/// class indices (see [`class_targets`](crate::losses::class_targets)). The derivative at the kink is 0.
///
/// As in `PyTorch` (`MultiMarginLoss`), the sum is divided by the number of classes, unless
/// [`undivided`](Self::undivided) is set. A class weight multiplies the loss of rows with that label; the mean divides
/// by the number of rows.
///
/// From J. Weston and C. Watkins, "Support Vector Machines for Multi-Class Pattern Recognition" (1999).
///
/// ```
/// use neuropil::losses::class_targets;
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let (scores, target) = (array![[3.25, 5.0, -1.75]], class_targets(&[0]));
/// assert_eq!(MultiClassHinge::new().undivided().evaluate(&scores, &target)?, 2.75);
/// assert_eq!(MultiClassHinge::new().evaluate(&scores, &target)?, 2.75 / 3.0);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// [`Error::Target`](crate::Error::Target) if the target has the wrong shape or a label is out of range,
/// [`Error::Dimensions`](crate::Error::Dimensions) unless there is one weight per class, and
/// [`Error::Setting`](crate::Error::Setting) for a non-finite margin and negative weights.
#[derive(Clone, PartialEq)]
pub struct MultiClassHinge {
    classes: Classes,
    margin: f64,
    squared: bool,
    undivided: bool,
}

impl MultiClassHinge {
    /// Creates a loss with a margin of 1, without class weights.
    pub fn new() -> Self {
        Self { classes: Classes::default(), margin: 1.0, squared: false, undivided: false }
    }

    /// Sets the margin.
    pub fn margin(mut self, margin: f64) -> Self {
        self.margin = margin;
        self
    }

    /// Squares each term (p = 2).
    pub fn squared(mut self) -> Self {
        self.squared = true;
        self
    }

    /// Omits the division by the number of classes.
    pub fn undivided(mut self) -> Self {
        self.undivided = true;
        self
    }

    /// Sets the weight of each class.
    pub fn class_weights(mut self, weights: impl Into<Vec<f64>>) -> Self {
        self.classes.weights = Some(weights.into());
        self
    }
}

impl Default for MultiClassHinge {
    fn default() -> Self {
        Self::new()
    }
}

impl<A: Scalar> Loss<A> for MultiClassHinge {
    fn check(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
        check_setting("MultiClassHinge's margin", self.margin, "finite", self.margin.is_finite())?;
        self.classes.check_labels(self, y, target)
    }

    fn rows(&self, y: &Matrix<A>, target: &Matrix<A>, loss: &mut [A], mut dy: Option<&mut Matrix<A>>) {
        let (classes, margin) = (y.ncols(), A::of(self.margin));
        let share = if self.undivided { A::ONE } else { A::of(1.0 / classes as f64) };
        for (row, loss) in loss.iter_mut().enumerate() {
            let class = target[[row, 0]].to_f64() as usize;
            let weight = share * self.classes.weight(class);
            let (mut sum, mut slopes) = (0.0, A::ZERO);
            for c in 0..classes {
                let short = (margin - y[[row, class]] + y[[row, c]]).maximum(A::ZERO);
                let (value, slope) = if self.squared {
                    (short * short, short + short)
                } else {
                    (short, if short > A::ZERO { A::ONE } else { short })
                };
                let (value, slope) = if c == class { (A::ZERO, A::ZERO) } else { (value, slope) };
                sum += value.to_f64();
                slopes += slope;
                if let Some(dy) = &mut dy {
                    dy[[row, c]] = weight * slope;
                }
            }
            if let Some(dy) = &mut dy {
                dy[[row, class]] = -weight * slopes;
            }
            *loss = weight * A::of(sum);
        }
    }

    fn counts(&self, _: &Matrix<A>, _: &Matrix<A>, counts: &mut [A]) {
        counts.fill(A::ONE);
    }

    fn target_width(&self, _: usize) -> usize {
        1
    }
}

impl fmt::Debug for MultiClassHinge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut loss = f.debug_struct("MultiClassHinge");
        loss.field("margin", &self.margin).field("squared", &self.squared).field("undivided", &self.undivided);
        self.classes.describe(&mut loss);
        loss.finish()
    }
}
