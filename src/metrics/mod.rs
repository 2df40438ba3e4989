//! How good predictions are, in numbers that people understand.
//!
//! As for a [`Loss`](crate::losses::Loss), outputs have one row a sample, here with a score for each class, and the target
//! is one column of class indices. The answer is the class with the highest score, whatever the scores are: logits,
//! probabilities or their logarithms.
//!
//! # A new metric
//! One new file here and a line in each of the two lists below; in another crate it is one file: a type with an
//! `impl Metric`, evaluated on the outputs of a whole set.

use std::fmt::Debug;

use ndarray::ArrayView1;

use crate::{Error, Matrix, Result, Scalar};

mod accuracy;
mod confusion_matrix;

pub use accuracy::{Accuracy, accuracy};
pub use confusion_matrix::ConfusionMatrix;

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
    let wrong = |wants: String, got| Err(Error::Target { loss: metric.into(), wants, got });
    let (samples, classes) = y.dim();
    if classes < 2 {
        return wrong("outputs with a score for each of two or more classes".into(), format!("{samples} x {classes}"));
    }
    if target.dim() != (samples, 1) {
        let (rows, columns) = target.dim();
        return wrong(format!("a target of one class index a row, {samples} x 1"), format!("{rows} x {columns}"));
    }
    let mut answers = Vec::with_capacity(samples);
    for (row, &truth) in y.rows().into_iter().zip(target) {
        let answer = row_argmax(row);
        if row[answer].is_nan() {
            return Err(Error::NonFinite { what: format!("the output of sample {}", answers.len()), got: f64::NAN });
        }
        let index = truth.to_f64();
        if index.fract() != 0.0 || !(0.0..classes as f64).contains(&index) {
            return wrong(format!("class indices from 0 to {}", classes - 1), index.to_string());
        }
        answers.push((index as usize, answer));
    }
    Ok(answers)
}
