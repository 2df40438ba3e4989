//! Metrics of predictions.
//!
//! As with a [`Loss`](crate::losses::Loss), outputs have one row per sample. For a classifier, a row has one score per
//! class, and the target is one column of class indices. The predicted class is the one with the highest score, which
//! may be a logit, probability or log-probability. For a network with one output for two classes, use
//! [`BinaryAccuracy`], [`RocAuc`], [`LogLoss`], or [`ConfusionMatrix::binary`] and its methods. [`LogLoss`] and
//! [`RocAuc`] take probabilities; [`FromLogits`] applies them to logits.
//!
//! [`argmax`] gives the most probable class of each row, and [`Sampling`] draws one at random.
//!
//! Definitions are those of scikit-learn, where 0/0 is 0.
//!
//! A metric of your own implements [`Metric`], where there is an example.

use std::fmt::Debug;

use ndarray::ArrayView1;

use crate::error::target_shape;
use crate::{Error, Matrix, Result, Scalar};

mod accuracy;
mod binary_accuracy;
mod classification_report;
mod confusion_matrix;
mod f1;
mod from_logits;
mod log_loss;
mod matthews;
mod perplexity;
mod precision;
mod recall;
mod regression;
mod roc_auc;
mod sampling;
mod top_k;

pub use accuracy::{Accuracy, accuracy};
pub use binary_accuracy::BinaryAccuracy;
pub use classification_report::ClassificationReport;
pub use confusion_matrix::{Average, ConfusionMatrix};
pub use f1::F1;
pub use from_logits::FromLogits;
pub use log_loss::{LogLoss, log_loss};
pub use matthews::Matthews;
pub use perplexity::Perplexity;
pub use precision::Precision;
pub use recall::Recall;
pub use regression::{MeanAbsoluteError, MeanSquaredError, R2, RootMeanSquaredError};
pub use roc_auc::{RocAuc, RocCurve, roc_auc};
pub use sampling::Sampling;
pub use top_k::TopK;

/// A metric of the outputs for an entire data set.
///
/// ```
/// use neuropil::metrics::Metric;
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// /// The fraction of outputs within a tolerance of the target.
/// #[derive(Debug)]
/// struct Within(f64);
///
/// impl<A: Scalar> Metric<A> for Within {
///     fn name(&self) -> String {
///         format!("within_{}", self.0)
///     }
///
///     fn evaluate(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<f64> {
///         Mse.check(y, target)?; // the shapes must match
///         let hits = (y - target).iter().filter(|d| d.to_f64().abs() <= self.0).count();
///         Ok(hits as f64 / y.len() as f64)
///     }
/// }
///
/// assert_eq!(Within(0.5).evaluate(&array![[1.0], [2.0]], &array![[1.2], [3.0]])?, 0.5);
/// let trainer = Trainer::<f64>::new(Mse, Adam::new(0.01)).metric(Within(0.5));
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a metric",
    note = "a metric of your own implements `neuropil::metrics::Metric`",
    note = "a loss is not a metric: for `Mse` it is `metrics::MeanSquaredError`"
)]
pub trait Metric<A: Scalar>: Debug + Send {
    /// The name in tables and files, such as `accuracy`.
    fn name(&self) -> String;

    /// Computes the metric of the outputs `y` with respect to `target`, both with one row per sample.
    ///
    /// # Errors
    /// If the metric does not support these outputs or targets.
    fn evaluate(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<f64>;

    /// Whether larger is better, as for accuracy but not for errors.
    fn higher_is_better(&self) -> bool {
        true
    }

    /// Checks outputs and target with a few samples, before a network is trained.
    ///
    /// A metric that may be undefined for a few samples, for example of a single class, should only check shapes.
    ///
    /// # Errors
    /// Those of [`evaluate`](Self::evaluate).
    fn check(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
        self.evaluate(y, target).map(|_| ())
    }
}

/// For metrics chosen at run time.
impl<A: Scalar, M: Metric<A> + ?Sized> Metric<A> for Box<M> {
    fn name(&self) -> String {
        (**self).name()
    }

    fn evaluate(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<f64> {
        (**self).evaluate(y, target)
    }

    fn higher_is_better(&self) -> bool {
        (**self).higher_is_better()
    }

    fn check(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
        (**self).check(y, target)
    }
}

/// The index of the maximum in each row; ties take the first.
///
/// A row with NaN gives the index of the first NaN, as in `PyTorch` and `NumPy`; an empty row gives 0.
///
/// ```
/// use ndarray::array;
///
/// assert_eq!(neuropil::metrics::argmax(&array![[0.1, 0.7, 0.2], [3.0, 1.0, 3.0]]), [1, 0]);
/// ```
pub fn argmax<A: Scalar>(y: &Matrix<A>) -> Vec<usize> {
    y.rows().into_iter().map(row_argmax).collect()
}

#[allow(clippy::needless_pass_by_value)] // A view, as returned by `rows`.
fn row_argmax<A: Scalar>(row: ArrayView1<'_, A>) -> usize {
    let mut best = 0;
    for (i, &x) in row.iter().enumerate() {
        if x > row[best] || (x.is_nan() && !row[best].is_nan()) {
            best = i;
        }
    }
    best
}

/// What metrics of classes take.
const SCORES: &str = "a score for each of two or more classes (for one output use a binary metric)";

/// The true and predicted class of each sample; `metric` is named in errors.
fn answers<A: Scalar>(metric: &str, y: &Matrix<A>, target: &Matrix<A>) -> Result<Vec<(usize, usize)>> {
    let wrong = |wants: String, got| Err(Error::Target { who: metric.into(), wants, got, row: None });
    let (samples, classes) = y.dim();
    if classes < 2 {
        return wrong(SCORES.into(), format!("{samples} x {classes}"));
    }
    let mut answers = Vec::with_capacity(samples);
    for (row, truth) in y.rows().into_iter().zip(truths(metric, target, samples, classes)?) {
        let answer = row_argmax(row);
        if row[answer].is_nan() {
            return Err(Error::NonFinite {
                what: format!("the output of sample {}", answers.len()),
                got: f64::NAN,
                in_data: false,
            });
        }
        answers.push((truth, answer));
    }
    Ok(answers)
}

/// The class of each sample, from a target with one column.
fn truths<A: Scalar>(metric: &str, target: &Matrix<A>, samples: usize, classes: usize) -> Result<Vec<usize>> {
    if target.dim() != (samples, 1) {
        let wants = format!("a target of one class index a row, {samples} x 1");
        return Err(Error::Target { who: metric.into(), wants, got: target_shape(samples, target.dim()), row: None });
    }
    let mut truths = Vec::with_capacity(samples);
    for (row, truth) in target.iter().enumerate() {
        let index = truth.to_f64();
        if index.fract() != 0.0 || !(0.0..classes as f64).contains(&index) {
            let (wants, got) = (format!("class indices from 0 to {}", classes - 1), index.to_string());
            return Err(Error::Target { who: metric.into(), wants, got, row: Some(row) });
        }
        truths.push(index as usize);
    }
    Ok(truths)
}

/// Checks that no score is NaN.
fn check_scores<A: Scalar>(y: &Matrix<A>) -> Result<()> {
    match y.indexed_iter().find(|(_, score)| score.is_nan()) {
        None => Ok(()),
        Some(((sample, _), _)) => {
            Err(Error::NonFinite { what: format!("the output of sample {sample}"), got: f64::NAN, in_data: false })
        }
    }
}

/// Checks that each row holds probabilities: a single one, or one per class that sum to 1.
fn check_probabilities<A: Scalar>(metric: &str, y: &Matrix<A>) -> Result<()> {
    check_scores(y)?;
    let wrong = |wants: &str, got, row| {
        let wants = format!("{wants} (for logits wrap it in FromLogits)");
        Err(Error::Target { who: metric.into(), wants, got, row })
    };
    if y.ncols() == 0 {
        return wrong("probabilities", "outputs without columns".to_owned(), None);
    }
    // Tolerates the rounding of a softmax.
    let close = A::EPSILON.to_f64().sqrt();
    for (sample, row) in y.rows().into_iter().enumerate() {
        if let Some(p) = row.iter().find(|&&p| !(A::ZERO..=A::ONE).contains(&p)) {
            return wrong("probabilities", p.to_string(), Some(sample));
        }
        let sum: f64 = row.iter().map(|p| p.to_f64()).sum();
        if row.len() > 1 && (sum - 1.0).abs() > close {
            return wrong("probabilities that add up to 1", format!("a sum of {sum}"), Some(sample));
        }
    }
    Ok(())
}

/// `part` / `whole`, or 0 for 0/0.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}
