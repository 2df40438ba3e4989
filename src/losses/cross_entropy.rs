//! [`CrossEntropy`]: the loss of a classifier, on logits.

use std::fmt;

use crate::error::{check_setting, target_shape};
use crate::kernels::simd::{rows, vectorize};
use crate::losses::labels::Classes;
use crate::losses::{Loss, dimensions, flat, flat_mut};
use crate::{Error, Matrix, Result, Scalar};

/// Cross-entropy of logits: -ln of the softmax probability of the true class.
///
/// With p = softmax(y), the loss of a row is -Σ aᶜ·ln pᶜ, and its gradient p·Σ aᶜ - a. The target defines a:
/// - **labels**, one column of class indices (see [`class_targets`](crate::losses::class_targets)): a is 1 at the
///   label;
/// - **distributions**, one column per class: a is the row of the target.
///
/// Label smoothing s replaces a by (1 - s)·a + s/C for C classes; class weights multiply it elementwise. As in
/// `PyTorch`, the mean over labels divides by the sum of the weights of labels that are not ignored (NaN if all are),
/// and the mean over distributions by their number.
///
/// For predictions at each step of a sequence, [`classes`](Self::classes) splits each row into groups of C logits, each
/// with its own label. Outputs of shape (C, pixels) must first be permuted to (pixels, C).
///
/// ln p is computed from y - max y, to avoid overflow. Label smoothing is from C. Szegedy et al., "Rethinking the
/// Inception Architecture for Computer Vision" (2015).
///
/// ```
/// use neuropil::losses::class_targets;
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let logits = array![[0.0, 0.0, 0.0], [800.0, 0.0, 0.0]];
/// let loss = CrossEntropy::new();
/// let losses = loss.per_sample(&logits, &class_targets(&[2, 0]))?;
/// assert!((losses[0] - 3.0_f64.ln()).abs() < 1e-15);
/// assert_eq!(losses[1], 0.0);
///
/// let loss = loss.label_smoothing(0.1).ignore_index(-1);
/// assert!((loss.evaluate(&logits, &array![[2.0], [-1.0]])? - 3.0_f64.ln()).abs() < 1e-15);
///
/// let error = loss.evaluate(&logits, &class_targets(&[2, 3])).unwrap_err();
/// assert!(error.to_string().ends_with("takes labels 0 to 2 of 3 classes, or -1 to ignore, got 3 in row 1"));
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// [`Error::Target`] if the target has the wrong shape or a label is out of range, [`Error::Dimensions`] unless there
/// is one weight per class, and [`Error::Setting`] for a smoothing outside [0, 1] and negative or non-finite weights.
#[derive(Clone, Default, PartialEq)]
pub struct CrossEntropy {
    classes: Classes,
    smoothing: f64,
}

impl CrossEntropy {
    /// Creates a loss without class weights or label smoothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the weight of each class.
    pub fn class_weights(mut self, weights: impl Into<Vec<f64>>) -> Self {
        self.classes.weights = Some(weights.into());
        self
    }

    /// Sets the label smoothing: the fraction of each target that is spread uniformly over all classes.
    pub fn label_smoothing(mut self, smoothing: f64) -> Self {
        self.smoothing = smoothing;
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

    /// The loss of one prediction, where `log_sum` is ln Σ e^(y - max). `gradient` holds e^(y - max), and comes with
    /// 1/Σ e^(y - max).
    #[inline(always)]
    fn finish<A: Scalar>(&self, y: &[A], target: &[A], max: A, log_sum: A, gradient: Option<(&mut [A], A)>) -> A {
        let smoothing = A::of(self.smoothing);
        let (keep, even) = (A::ONE - smoothing, smoothing / A::of(y.len() as f64));
        let weight = |c: usize| self.classes.weight::<A>(c);
        let minus_log_p = |c: usize| log_sum - (y[c] - max);
        if target.len() > 1 {
            let a = |c: usize| weight(c) * (keep * target[c] + even);
            let (loss, total) = spread(y.len(), a, minus_log_p);
            if let Some((dy, scale)) = gradient {
                subtract(dy, total * scale, a);
            }
            return loss;
        }
        let Some(class) = self.classes.class(target[0]) else {
            if let Some((dy, _)) = gradient {
                dy.fill(A::ZERO);
            }
            return A::ZERO;
        };
        let own = keep * weight(class);
        let loss = own * minus_log_p(class);
        if self.smoothing == 0.0 {
            if let Some((dy, scale)) = gradient {
                let scale = own * scale;
                rows::each(&mut *dy, |dy| *dy *= scale);
                dy[class] -= own;
            }
            return loss;
        }
        let a = |c: usize| even * weight(c);
        let (even_loss, total) = spread(y.len(), a, minus_log_p);
        if let Some((dy, scale)) = gradient {
            subtract(dy, (own + total) * scale, a);
            dy[class] -= own;
        }
        loss + even_loss
    }

    /// Calls `found` with the loss of each prediction, and writes the gradients; a prediction has `classes` logits and
    /// `wanted` target elements.
    #[inline(always)]
    fn predictions<A: Scalar>(
        &self,
        y: &[A],
        target: &[A],
        [classes, wanted]: [usize; 2],
        dy: Option<&mut [A]>,
        mut found: impl FnMut(A),
    ) {
        /// The number of elements that fit in the L1 cache.
        const BLOCK: usize = 1024;
        /// The maximum number of predictions per block.
        const ROWS: usize = 64;
        let Some(dy) = dy else {
            for (y, target) in y.chunks_exact(classes).zip(target.chunks_exact(wanted)) {
                let max = largest(y);
                let sum = rows::sum(y, |&y| (y - max).exp());
                found(self.finish(y, target, max, A::of(sum).ln(), None));
            }
            return;
        };
        let block = (BLOCK / classes).clamp(1, ROWS);
        let (y, target) = (y.chunks(block * classes), target.chunks(block * wanted));
        for ((y, target), dy) in y.zip(target).zip(dy.chunks_mut(block * classes)) {
            // Passes over many short rows use full vectors for any number of classes.
            let (mut max, mut log_sum, mut scale) = ([A::ZERO; ROWS], [A::ONE; ROWS], [A::ONE; ROWS]);
            for ((y, dy), max) in y.chunks_exact(classes).zip(dy.chunks_exact_mut(classes)).zip(&mut max) {
                *max = largest(y);
                rows::each((dy, y), |(dy, &y)| *dy = y - *max);
            }
            rows::each(&mut *dy, |dy| *dy = dy.exp());
            for (dy, log_sum) in dy.chunks_exact(classes).zip(&mut log_sum) {
                *log_sum = A::of(rows::sum(dy, |&dy| dy));
            }
            let count = dy.len() / classes;
            rows::each((&mut scale[..count], &mut log_sum[..count]), |(scale, log_sum)| {
                (*scale, *log_sum) = (A::ONE / *log_sum, log_sum.ln());
            });
            let each = y.chunks_exact(classes).zip(target.chunks_exact(wanted)).zip(dy.chunks_exact_mut(classes));
            for (i, ((y, target), dy)) in each.enumerate() {
                found(self.finish(y, target, max[i], log_sum[i], Some((dy, scale[i]))));
            }
        }
    }
}

/// The sums of a·(-ln p) and of a over the classes.
#[inline(always)]
fn spread<A: Scalar>(classes: usize, a: impl Fn(usize) -> A, minus_log_p: impl Fn(usize) -> A) -> (A, A) {
    let (mut loss, mut total) = (0.0, 0.0);
    for c in 0..classes {
        let (a, minus_log_p) = (a(c), minus_log_p(c));
        // A class with target 0 may have the logit -∞.
        loss += if a == A::ZERO { 0.0 } else { (a * minus_log_p).to_f64() };
        total += a.to_f64();
    }
    (A::of(loss), A::of(total))
}

/// dy ← scale·dy - a.
#[inline(always)]
fn subtract<A: Scalar>(dy: &mut [A], scale: A, a: impl Fn(usize) -> A) {
    for (c, dy) in dy.iter_mut().enumerate() {
        *dy = *dy * scale - a(c);
    }
}

/// The maximum. NaN may be skipped, because its exponential is NaN.
#[inline(always)]
fn largest<A: Scalar>(y: &[A]) -> A {
    if y.len() > 16 {
        return rows::max(y);
    }
    y.iter().fold(-A::INFINITY, |max, &y| if y > max { y } else { max })
}

impl<A: Scalar> Loss<A> for CrossEntropy {
    fn check(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
        let ok = (0.0..=1.0).contains(&self.smoothing);
        check_setting("CrossEntropy's label smoothing", self.smoothing, "in [0, 1]", ok)?;
        let (classes, predictions) = self.classes.check(self, y)?;
        let wrong = |wants, got| Err(Error::Target { who: format!("{self:?}"), wants, got, row: None });
        if classes == 1 {
            return wrong("two classes or more (BceWithLogits is for one logit)".into(), dimensions(y));
        }
        if target.dim() == y.dim() {
            return match self.classes.ignored {
                None => Ok(()),
                Some(label) => {
                    wrong(format!("labels, since it ignores {label}"), format!("{} probabilities", dimensions(target)))
                }
            };
        }
        if target.dim() != (y.nrows(), predictions) {
            let wants = format!("labels, {} x {predictions}, or probabilities, {}", y.nrows(), dimensions(y));
            return wrong(wants, target_shape(y.nrows(), target.dim()));
        }
        self.classes.check_labels(self, y, target)
    }

    fn rows(&self, y: &Matrix<A>, target: &Matrix<A>, loss: &mut [A], mut dy: Option<&mut Matrix<A>>) {
        let classes = self.classes.count(y);
        let predictions = y.ncols() / classes;
        let each = [classes, target.ncols() / predictions];
        let (mut losses, mut sum, mut left) = (loss.iter_mut(), 0.0, predictions);
        vectorize(
            #[inline(always)]
            || {
                self.predictions(flat(y), flat(target), each, dy.as_deref_mut().map(flat_mut), |loss| {
                    sum += loss.to_f64();
                    left -= 1;
                    if left == 0 {
                        if let Some(total) = losses.next() {
                            *total = A::of(sum);
                        }
                        (sum, left) = (0.0, predictions);
                    }
                });
            },
        );
    }

    fn counts(&self, y: &Matrix<A>, target: &Matrix<A>, counts: &mut [A]) {
        if target.dim() == y.dim() {
            counts.fill(A::of((y.ncols() / self.classes.count(y)) as f64));
        } else {
            self.classes.label_weights(target, counts);
        }
    }

    fn target_width(&self, _: usize) -> usize {
        1
    }
}

impl fmt::Debug for CrossEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut loss = f.debug_struct("CrossEntropy");
        self.classes.describe(&mut loss);
        if self.smoothing != 0.0 {
            loss.field("label_smoothing", &self.smoothing);
        }
        loss.finish()
    }
}
