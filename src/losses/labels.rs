//! Targets from class labels, and the common part of losses over classes.

use std::fmt::{self, Debug};

use ndarray::Array2;

use crate::error::{check_setting, target_shape};
use crate::kernels::resize;
use crate::losses::{check_each, dimensions};
use crate::{Error, Matrix, Result, Scalar};

/// Creates a target with one column of class indices.
///
/// ```
/// use neuropil::losses::class_targets;
/// use neuropil::prelude::*;
///
/// assert_eq!(class_targets::<f32>(&[2, 0]), ndarray::array![[2.0], [0.0]]);
/// ```
pub fn class_targets<A: Scalar>(labels: &[usize]) -> Array2<A> {
    Array2::from_shape_fn((labels.len(), 1), |(row, _)| A::of(labels[row] as f64))
}

/// Creates a one-hot target with `classes` columns: 1 at the label of each row, 0 elsewhere.
///
/// ```
/// use neuropil::prelude::*;
///
/// assert_eq!(one_hot::<f32>(&[2, 0], 3)?, ndarray::array![[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// [`Error::Target`] if a label is not below `classes`.
pub fn one_hot<A: Scalar>(labels: &[usize], classes: usize) -> Result<Array2<A>> {
    let mut target = Array2::default((0, 0));
    resize(&mut target, labels.len(), classes)?;
    for (row, &label) in labels.iter().enumerate() {
        if label >= classes {
            let wants = format!("labels below {classes}, the number of classes");
            return Err(Error::Target { who: "one_hot".into(), wants, got: label.to_string(), row: Some(row) });
        }
        target[[row, label]] = A::ONE;
    }
    Ok(target)
}

/// The settings of a loss over classes. Each row of outputs holds one or more predictions, with one element per class.
#[derive(Clone, PartialEq, Default)]
pub(crate) struct Classes {
    pub(crate) count: Option<usize>,
    pub(crate) weights: Option<Vec<f64>>,
    pub(crate) ignored: Option<i64>,
}

impl Classes {
    /// The number of classes.
    pub(crate) fn count<A>(&self, y: &Matrix<A>) -> usize {
        self.count.unwrap_or(y.ncols())
    }

    /// The weight of a class.
    #[inline(always)]
    pub(crate) fn weight<A: Scalar>(&self, class: usize) -> A {
        self.weights.as_ref().map_or(A::ONE, |weights| A::of(weights[class]))
    }

    /// The class of a checked label, or `None` if it is ignored.
    #[inline(always)]
    pub(crate) fn class<A: Scalar>(&self, label: A) -> Option<usize> {
        if self.is_ignored(label) { None } else { Some(label.to_f64() as usize) }
    }

    #[inline(always)]
    fn is_ignored<A: Scalar>(&self, label: A) -> bool {
        self.ignored.is_some_and(|ignored| A::of(ignored as f64) == label)
    }

    /// The sum of the label weights of each row, without ignored labels.
    pub(crate) fn label_weights<A: Scalar>(&self, target: &Matrix<A>, weights: &mut [A]) {
        for (sum, labels) in weights.iter_mut().zip(target.rows()) {
            *sum = labels
                .iter()
                .filter_map(|&label| self.class(label))
                .fold(A::ZERO, |sum, class| sum + self.weight(class));
        }
    }

    /// Checks that settings and outputs match, and that the target has a label per prediction.
    pub(crate) fn check_labels<A: Scalar>(&self, loss: &dyn Debug, y: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
        let (classes, predictions) = self.check(loss, y)?;
        if target.dim() != (y.nrows(), predictions) {
            let wants = format!("a target of labels, {} x {predictions}", y.nrows());
            let got = target_shape(y.nrows(), target.dim());
            return Err(Error::Target { who: format!("{loss:?}"), wants, got, row: None });
        }
        let is_label = |label: A| {
            let class = label.to_f64() as usize;
            ((class < classes) & (A::of(class as f64) == label)) | self.is_ignored(label)
        };
        if target.iter().all(|&label| is_label(label)) {
            return Ok(());
        }
        let ignored = self.ignored.map_or(String::new(), |ignored| format!(", or {ignored} to ignore"));
        check_each(loss, &format!("labels 0 to {} of {classes} classes{ignored}", classes - 1), target, is_label)
    }

    /// The number of classes and of predictions per row; fails unless they match the outputs.
    pub(crate) fn check<A: Scalar>(&self, loss: &dyn Debug, y: &Matrix<A>) -> Result<(usize, usize)> {
        let classes = self.count(y);
        if classes == 0 || y.ncols() == 0 || !y.ncols().is_multiple_of(classes) {
            let wants = format!("outputs in groups of {} columns, one for each class", classes.max(1));
            return Err(Error::Target { who: format!("{loss:?}"), wants, got: dimensions(y), row: None });
        }
        if let Some(weights) = &self.weights {
            if weights.len() != classes {
                let what = format!("the class weights of {loss:?}");
                return Err(Error::Dimensions { what, wants: [1, classes], got: [1, weights.len()] });
            }
            for &weight in weights {
                let ok = weight >= 0.0 && weight.is_finite();
                check_setting("a class weight", weight, "at least 0 and finite", ok)?;
            }
        }
        Ok((classes, y.ncols() / classes))
    }

    /// Adds non-default settings to the `Debug` of a loss.
    pub(crate) fn describe(&self, loss: &mut fmt::DebugStruct<'_, '_>) {
        if let Some(count) = self.count {
            loss.field("classes", &count);
        }
        if let Some(weights) = &self.weights {
            loss.field("class_weights", weights);
        }
        if let Some(ignored) = self.ignored {
            loss.field("ignore_index", &ignored);
        }
    }
}
