//! How good predictions are, in numbers that people understand.
//!
//! As for a [`Loss`](crate::losses::Loss), outputs have one row a sample. For a classifier that is a score for each class,
//! and the target is one column of class indices; the answer is the class with the highest score, whatever the scores
//! are: logits, probabilities or their logarithms. A network with one output for two classes is measured by
//! [`BinaryAccuracy`], [`RocAuc`], [`LogLoss`], and by [`ConfusionMatrix::binary`], from which all else follows. [`LogLoss`]
//! and [`RocAuc`] take probabilities; [`FromLogits`] gives them those of a network whose outputs are logits.
//!
//! Definitions are those of scikit-learn, where a share of nothing is 0.
//!
//! # A new metric
//! One new file here and a line in each of the two lists below; in another crate it is one file: a type with an
//! `impl Metric`, evaluated on the outputs of a whole set.

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
mod precision;
mod recall;
mod regression;
mod roc_auc;
mod top_k;

pub use accuracy::{Accuracy, accuracy};
pub use binary_accuracy::BinaryAccuracy;
pub use classification_report::ClassificationReport;
pub use confusion_matrix::{Average, ConfusionMatrix};
pub use f1::F1;
pub use from_logits::FromLogits;
pub use log_loss::{LogLoss, log_loss};
pub use matthews::Matthews;
pub use precision::Precision;
pub use recall::Recall;
pub use regression::{MeanAbsoluteError, MeanSquaredError, R2, RootMeanSquaredError};
pub use roc_auc::{RocAuc, RocCurve, roc_auc};
pub use top_k::TopK;

/// A number that tells how good the outputs for a whole set of samples are.
///
/// ```
/// use neuropil::metrics::{Accuracy, Metric};
/// use ndarray::array;
///
/// let metric: Box<dyn Metric<f64>> = Box::new(Accuracy);
/// assert_eq!(metric.name(), "accuracy");
/// assert_eq!(metric.evaluate(&array![[0.1, 0.9]], &array![[1.0]])?, 1.0);
/// # Ok::<(), neuropil::Error>(())
/// ```
pub trait Metric<A: Scalar>: Debug + Send {
    /// What tables and files call it, such as `accuracy`.
    fn name(&self) -> String;

    /// The metric of the outputs `y` against `target`, both with one row a sample.
    ///
    /// # Errors
    /// When the metric does not fit such outputs or such a target.
    fn evaluate(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<f64>;

    /// Whether larger is better, as for the accuracy; an error is better when it is lower.
    fn higher_is_better(&self) -> bool {
        true
    }

    /// Whether it fits such outputs and such a target; asked with a few samples before a network is trained.
    ///
    /// A metric that a few samples may leave undefined, say because all are of one class, should look at the shapes only.
    ///
    /// # Errors
    /// Those of [`evaluate`](Self::evaluate).
    fn check(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
        self.evaluate(y, target).map(|_| ())
    }
}

/// So that a metric may be chosen as the program runs.
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

/// The position of the largest number in each row, the first of several.
///
/// A row with a NaN answers with the first NaN, as `PyTorch` and `NumPy` do; a row without numbers with 0.
///
/// ```
/// use ndarray::array;
///
/// assert_eq!(neuropil::metrics::argmax(&array![[0.1, 0.7, 0.2], [3.0, 1.0, 3.0]]), [1, 0]);
/// ```
pub fn argmax<A: Scalar>(y: &Matrix<A>) -> Vec<usize> {
    y.rows().into_iter().map(row_argmax).collect()
}

#[allow(clippy::needless_pass_by_value)] // A view, as `rows` gives them.
fn row_argmax<A: Scalar>(row: ArrayView1<'_, A>) -> usize {
    let mut best = 0;
    for (i, &x) in row.iter().enumerate() {
        if x > row[best] || (x.is_nan() && !row[best].is_nan()) {
            best = i;
        }
    }
    best
}

/// Truth and answer of each sample; `metric` is who asks.
fn answers<A: Scalar>(metric: &str, y: &Matrix<A>, target: &Matrix<A>) -> Result<Vec<(usize, usize)>> {
    let wrong = |wants: String, got| Err(Error::Target { who: metric.into(), wants, got, row: None });
    let (samples, classes) = y.dim();
    if classes < 2 {
        return wrong("outputs with a score for each of two or more classes".into(), format!("{samples} x {classes}"));
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

/// The class of each sample, out of a target of one column.
fn truths<A: Scalar>(metric: &str, target: &Matrix<A>, samples: usize, classes: usize) -> Result<Vec<usize>> {
    let wrong = |wants: String, got| Err(Error::Target { who: metric.into(), wants, got, row: None });
    if target.dim() != (samples, 1) {
        let wants = format!("a target of one class index a row, {samples} x 1");
        return wrong(wants, target_shape(samples, target.dim()));
    }
    let mut truths = Vec::with_capacity(samples);
    for truth in target {
        let index = truth.to_f64();
        if index.fract() != 0.0 || !(0.0..classes as f64).contains(&index) {
            return wrong(format!("class indices from 0 to {}", classes - 1), index.to_string());
        }
        truths.push(index as usize);
    }
    Ok(truths)
}

/// The error unless no score is NaN.
fn check_scores<A: Scalar>(y: &Matrix<A>) -> Result<()> {
    match y.indexed_iter().find(|(_, score)| score.is_nan()) {
        None => Ok(()),
        Some(((sample, _), _)) => {
            Err(Error::NonFinite { what: format!("the output of sample {sample}"), got: f64::NAN, in_data: false })
        }
    }
}

/// The error unless each row holds probabilities: a single one, or one for each class, which add up to 1.
fn check_probabilities<A: Scalar>(metric: &str, y: &Matrix<A>) -> Result<()> {
    check_scores(y)?;
    let wrong = |wants: &str, got| {
        let wants = format!("{wants} (for logits wrap it in FromLogits)");
        Err(Error::Target { who: metric.into(), wants, got, row: None })
    };
    // Softmax rounds each number a little.
    let close = A::EPSILON.to_f64().sqrt();
    for (sample, row) in y.rows().into_iter().enumerate() {
        if let Some(p) = row.iter().find(|&&p| !(A::ZERO..=A::ONE).contains(&p)) {
            return wrong("probabilities", format!("{p} for sample {sample}"));
        }
        let sum: f64 = row.iter().map(|p| p.to_f64()).sum();
        if row.len() > 1 && (sum - 1.0).abs() > close {
            return wrong("probabilities that add up to 1", format!("a sum of {sum} for sample {sample}"));
        }
    }
    Ok(())
}

/// `part` of `whole`, which is 0 of nothing.
fn share(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}
