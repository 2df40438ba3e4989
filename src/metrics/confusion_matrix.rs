//! [`ConfusionMatrix`]: which classes are taken for which.

use std::fmt;

use ndarray::{Array2, Axis};

use super::{answers, check_scores, share, truths};
use crate::{Error, Matrix, Result, Scalar};

/// How often samples of each class (row) were answered with each class (column).
///
/// Precision, recall, F1 and the correlation of Matthews all follow from it.
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

/// How the values of several classes become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Average {
    /// The mean over classes: each counts the same.
    Macro,
    /// Over all answers together, whatever their class.
    Micro,
    /// The mean over classes, each weighing as much as it has samples.
    Weighted,
    /// Only this class; `Class(1)` where 1 is "yes" and 0 is "no".
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
    /// The error if it is of a class that there is not.
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
    /// Counts the answers in `y`, (samples, classes), for the `target`, (samples, 1).
    ///
    /// # Errors
    /// [`Error::Target`](crate::Error::Target) when the target is not one column of class indices, or the outputs have not
    /// a score for each of two or more classes; [`Error::NonFinite`](crate::Error::NonFinite) when a score is NaN.
    pub fn new<A: Scalar>(y: &Matrix<A>, target: &Matrix<A>) -> Result<Self> {
        Ok(Self::count(y.ncols(), answers("ConfusionMatrix", y, target)?))
    }

    /// Counts the answers of a network with one output, (samples, 1): class 1 where it is above `threshold`, else class
    /// 0. That is 0.5 for probabilities and 0 for logits.
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
    /// As [`new`](Self::new), for one output and a target of zeros and ones.
    pub fn binary<A: Scalar>(y: &Matrix<A>, target: &Matrix<A>, threshold: f64) -> Result<Self> {
        let (samples, outputs) = y.dim();
        if outputs != 1 {
            let (wants, got) = ("one output a sample".into(), format!("{samples} x {outputs}"));
            return Err(Error::Target { who: "a binary metric".into(), wants, got, row: None });
        }
        let truths = truths("a binary metric", target, samples, 2)?;
        check_scores(y)?;
        let answers = y.iter().map(|y| usize::from(y.to_f64() > threshold));
        Ok(Self::count(2, truths.into_iter().zip(answers)))
    }

    /// Counts pairs of truth and answer, each below `classes`.
    fn count(classes: usize, answers: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let mut counts = Array2::zeros((classes, classes));
        for answer in answers {
            counts[answer] += 1;
        }
        Self { counts }
    }

    /// (classes, classes): entry (i, j) counts the samples of class i that were answered with j.
    pub fn counts(&self) -> &Array2<usize> {
        &self.counts
    }

    /// How many samples each class has.
    pub fn support(&self) -> Vec<usize> {
        self.counts.sum_axis(Axis(1)).to_vec()
    }

    /// The share of right answers; NaN of no samples.
    pub fn accuracy(&self) -> f64 {
        self.counts.diag().sum() as f64 / self.counts.sum() as f64
    }

    /// How many answers with each class are right, how many there are, and how many there should be.
    fn tallies(&self) -> Vec<[f64; 3]> {
        let (answered, support) = (self.counts.sum_axis(Axis(0)), self.counts.sum_axis(Axis(1)));
        let tally = |class| [self.counts[[class, class]], answered[class], support[class]].map(|count| count as f64);
        (0..self.counts.nrows()).map(tally).collect()
    }

    /// Of the answers with a class, the share that is right: TP/(TP + FP).
    pub fn precision(&self, average: Average) -> f64 {
        self.average(average, |[right, answered, _]| share(right, answered))
    }

    /// Of the samples of a class, the share that was found: TP/(TP + FN).
    pub fn recall(&self, average: Average) -> f64 {
        self.average(average, |[right, _, support]| share(right, support))
    }

    /// The harmonic mean of precision and recall: 2·TP/(2·TP + FP + FN).
    pub fn f1(&self, average: Average) -> f64 {
        self.average(average, |[right, answered, support]| share(2.0 * right, answered + support))
    }

    /// The correlation of truth and answer (Matthews, 1975; for any number of classes Gorodkin, 2004): from -1 to 1,
    /// and 0 for guessing.
    pub fn matthews(&self) -> f64 {
        let total = self.counts.sum() as f64;
        let (mut right, mut both, mut answers, mut truths) = (0.0, 0.0, 0.0, 0.0);
        for [hits, answered, support] in self.tallies() {
            right += hits;
            both += answered * support;
            answers += answered * answered;
            truths += support * support;
        }
        share(right * total - both, ((total * total - answers) * (total * total - truths)).sqrt())
    }

    fn average(&self, average: Average, value: impl Fn([f64; 3]) -> f64) -> f64 {
        let tallies = self.tallies();
        let sum = |f: &dyn Fn([f64; 3]) -> f64| tallies.iter().map(|&tally| f(tally)).sum::<f64>();
        match average {
            Average::Macro => share(sum(&value), tallies.len() as f64),
            Average::Micro => value([0, 1, 2].map(|i| sum(&|tally| tally[i]))),
            Average::Weighted => share(sum(&|tally| tally[2] * value(tally)), sum(&|tally| tally[2])),
            Average::Class(class) => tallies.get(class).map_or(0.0, |&tally| value(tally)),
        }
    }
}

/// A table with the classes of the truth downwards, those of the answers to the right, and dots for zeros.
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
