//! [`ConfusionMatrix`]: the counts of true and predicted classes.

use std::fmt;

use ndarray::{Array2, Axis};

use super::{answers, check_scores, ratio, truths};
use crate::{Error, Matrix, Result, Scalar};

/// The number of samples for each true class (row) and predicted class (column).
///
/// Precision, recall, F1 and the Matthews correlation are computed from it.
///
/// ```
/// use neuropil::metrics::{Average, ConfusionMatrix};
/// use ndarray::array;
///
/// let y = array![[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]];
/// let confusion = ConfusionMatrix::new(&y, &array![[1.0], [0.0], [0.0], [0.0]])?;
/// assert_eq!(confusion.counts(), array![[2, 1], [0, 1]]);
/// assert_eq!(confusion.recall(Average::Class(0)), 2.0 / 3.0);
/// println!("{confusion}"); // a table
/// # Ok::<(), neuropil::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfusionMatrix {
    counts: Array2<usize>,
}

/// How a metric is averaged over classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Average {
    /// The unweighted mean over classes.
    Macro,
    /// Computed from the counts of all classes together.
    Micro,
    /// The mean over classes, weighted by their number of samples.
    Weighted,
    /// The value for this class; `Class(1)` is the positive class of binary classification.
    Class(usize),
}

/// `macro`, `micro`, `weighted`, or the number of the class.
impl fmt::Display for Average {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Macro => f.write_str("macro"),
            Self::Micro => f.write_str("micro"),
            Self::Weighted => f.write_str("weighted"),
            Self::Class(class) => write!(f, "{class}"),
        }
    }
}

impl Average {
    /// Checks that the class exists.
    pub(super) fn check(self, metric: &str, classes: usize) -> Result<()> {
        match self {
            Self::Class(class) if class >= classes => Err(Error::Target {
                who: metric.into(),
                wants: format!("outputs with a score for class {class}"),
                got: format!("{classes} classes"),
                row: None,
            }),
            _ => Ok(()),
        }
    }
}

impl ConfusionMatrix {
    /// Counts the predictions of `y`, (samples, classes), for `target`, (samples, 1).
    ///
    /// # Errors
    /// [`Error::Target`](crate::Error::Target) if the target is not one column of class indices, or the outputs do not
    /// have one score per class, for at least two classes; [`Error::NonFinite`](crate::Error::NonFinite) if a score is
    /// NaN.
    pub fn new<A: Scalar>(y: &Matrix<A>, target: &Matrix<A>) -> Result<Self> {
        Self::count(y.ncols(), answers("ConfusionMatrix", y, target)?)
    }

    /// Counts the predictions of a network with one output, (samples, 1): class 1 if it is above `threshold`, else
    /// class 0. Use 0.5 for probabilities and 0 for logits.
    ///
    /// ```
    /// use neuropil::metrics::{Average, ConfusionMatrix};
    /// use ndarray::array;
    ///
    /// let y = array![[0.9], [0.2], [0.7], [0.4]];
    /// let confusion = ConfusionMatrix::binary(&y, &array![[1.0], [0.0], [0.0], [1.0]], 0.5)?;
    /// assert_eq!(confusion.counts(), array![[1, 1], [1, 1]]);
    /// assert_eq!(confusion.f1(Average::Class(1)), 0.5);
    /// # Ok::<(), neuropil::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`new`](Self::new), for one output and a target of zeros and ones.
    pub fn binary<A: Scalar>(y: &Matrix<A>, target: &Matrix<A>, threshold: f64) -> Result<Self> {
        let (samples, outputs) = y.dim();
        if outputs != 1 {
            let (wants, got) = ("one output a sample".into(), format!("{samples} x {outputs}"));
            return Err(Error::Target { who: "a binary metric".into(), wants, got, row: None });
        }
        let truths = truths("a binary metric", target, samples, 2)?;
        check_scores(y)?;
        let answers = y.iter().map(|y| usize::from(y.to_f64() > threshold));
        Self::count(2, truths.into_iter().zip(answers))
    }

    /// Counts pairs of true and predicted class, each below `classes`.
    fn count(classes: usize, answers: impl IntoIterator<Item = (usize, usize)>) -> Result<Self> {
        let len = classes.saturating_mul(classes);
        let mut counts = Vec::new();
        if counts.try_reserve_exact(len).is_err() {
            let what = format!("a ConfusionMatrix of {classes} classes");
            let bytes = (len as u64).saturating_mul(size_of::<usize>() as u64);
            return Err(Error::Memory { what, bytes, limit: None });
        }
        counts.resize(len, 0);
        answers.into_iter().for_each(|(truth, answer)| counts[truth * classes + answer] += 1);
        Ok(Self { counts: Array2::from_shape_vec((classes, classes), counts).expect("a count for each pair") })
    }

    /// The counts, (classes, classes): entry (i, j) is the number of samples of class i predicted as j.
    pub fn counts(&self) -> &Array2<usize> {
        &self.counts
    }

    /// The number of samples of each class.
    pub fn support(&self) -> Vec<usize> {
        self.counts.sum_axis(Axis(1)).to_vec()
    }

    /// The fraction of correct predictions; NaN for no samples.
    pub fn accuracy(&self) -> f64 {
        self.counts.diag().sum() as f64 / self.counts.sum() as f64
    }

    /// The numbers of true positives, predictions and samples of each class.
    fn tallies(&self) -> Vec<[f64; 3]> {
        let (answered, support) = (self.counts.sum_axis(Axis(0)), self.counts.sum_axis(Axis(1)));
        let tally = |class| [self.counts[[class, class]], answered[class], support[class]].map(|count| count as f64);
        (0..self.counts.nrows()).map(tally).collect()
    }

    /// The fraction of predictions of a class that are correct: TP/(TP + FP).
    pub fn precision(&self, average: Average) -> f64 {
        self.average(average, |[right, answered, _]| ratio(right, answered))
    }

    /// The fraction of samples of a class that are found: TP/(TP + FN).
    pub fn recall(&self, average: Average) -> f64 {
        self.average(average, |[right, _, support]| ratio(right, support))
    }

    /// The harmonic mean of precision and recall: 2·TP/(2·TP + FP + FN).
    pub fn f1(&self, average: Average) -> f64 {
        self.average(average, |[right, answered, support]| ratio(2.0 * right, answered + support))
    }

    /// The Matthews correlation coefficient (Matthews, 1975; for any number of classes Gorodkin, 2004): from -1 to 1,
    /// and 0 for random predictions.
    pub fn matthews(&self) -> f64 {
        let total = self.counts.sum() as f64;
        let (mut right, mut both, mut answers, mut truths) = (0.0, 0.0, 0.0, 0.0);
        for [hits, answered, support] in self.tallies() {
            right += hits;
            both += answered * support;
            answers += answered * answered;
            truths += support * support;
        }
        ratio(right * total - both, ((total * total - answers) * (total * total - truths)).sqrt())
    }

    fn average(&self, average: Average, value: impl Fn([f64; 3]) -> f64) -> f64 {
        let tallies = self.tallies();
        let sum = |f: &dyn Fn([f64; 3]) -> f64| tallies.iter().map(|&tally| f(tally)).sum::<f64>();
        match average {
            Average::Macro => ratio(sum(&value), tallies.len() as f64),
            Average::Micro => value([0, 1, 2].map(|i| sum(&|tally| tally[i]))),
            Average::Weighted => ratio(sum(&|tally| tally[2] * value(tally)), sum(&|tally| tally[2])),
            Average::Class(class) => tallies.get(class).map_or(0.0, |&tally| value(tally)),
        }
    }
}

/// A table with true classes as rows, predicted classes as columns, and dots for zeros.
impl fmt::Display for ConfusionMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = self.counts.iter().copied().chain([self.counts.nrows()]).max().unwrap_or(0);
        let width = widest.to_string().len() + 1;
        let first = "truth".len();
        write!(f, "truth")?;
        for class in 0..self.counts.ncols() {
            write!(f, " {class:>width$}")?;
        }
        for (class, row) in self.counts.rows().into_iter().enumerate() {
            write!(f, "\n{class:>first$}")?;
            for &count in row {
                if count == 0 { write!(f, " {:>width$}", ".")? } else { write!(f, " {count:>width$}")? }
            }
        }
        Ok(())
    }
}
