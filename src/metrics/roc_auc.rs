//! [`RocCurve`] and [`roc_auc`]: the receiver operating characteristic.

use super::{Average, Metric, check_probabilities, check_scores, ratio, truths};
use crate::{Error, Matrix, Result, Scalar};

/// The true positive rate against the false positive rate, for each threshold.
///
/// ```
/// use neuropil::metrics::RocCurve;
/// use ndarray::array;
///
/// let curve = RocCurve::new(&array![[0.9], [0.4], [0.6], [0.1]], &array![[1.0], [1.0], [0.0], [0.0]])?;
/// assert_eq!(curve.points(), [[0.0, 0.0], [0.0, 0.5], [0.5, 0.5], [0.5, 1.0], [1.0, 1.0]]);
/// assert_eq!(curve.area(), 0.75);
/// # Ok::<(), neuropil::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RocCurve {
    points: Vec<[f64; 2]>,
}

impl RocCurve {
    /// Computes the curve of one score per sample, (samples, 1), for a target of zeros and ones, (samples, 1).
    ///
    /// # Errors
    /// [`Error::Target`] unless there is one score per sample and both classes occur; [`Error::NonFinite`] if a score
    /// is NaN.
    pub fn new<A: Scalar>(y: &Matrix<A>, target: &Matrix<A>) -> Result<Self> {
        let (samples, outputs) = y.dim();
        if outputs != 1 {
            let (wants, got) = ("one score a sample".into(), format!("{samples} x {outputs}"));
            return Err(Error::Target { who: "RocCurve".into(), wants, got, row: None });
        }
        check_scores(y)?;
        let truths = truths("RocCurve", target, samples, 2)?;
        Self::of(y.iter().map(|score| score.to_f64()).zip(truths.into_iter().map(|truth| truth == 1)).collect())
    }

    /// The curve of pairs of a score and whether the sample belongs to the class.
    fn of(mut scores: Vec<(f64, bool)>) -> Result<Self> {
        scores.sort_by(|a, b| b.0.total_cmp(&a.0));
        let yes = scores.iter().filter(|(_, truth)| *truth).count();
        let no = scores.len() - yes;
        if yes == 0 || no == 0 {
            let (wants, got) = ("samples of both classes".into(), format!("{yes} positive and {no} negative ones"));
            return Err(Error::Target { who: "RocCurve".into(), wants, got, row: None });
        }
        let (mut points, mut found, mut wrong) = (vec![[0.0, 0.0]], 0, 0);
        // Equal scores share a threshold.
        for group in scores.chunk_by(|a, b| a.0 == b.0) {
            let hits = group.iter().filter(|(_, truth)| *truth).count();
            found += hits;
            wrong += group.len() - hits;
            points.push([wrong as f64 / no as f64, found as f64 / yes as f64]);
        }
        Ok(Self { points })
    }

    /// False and true positive rates, from (0, 0) to (1, 1).
    pub fn points(&self) -> &[[f64; 2]] {
        &self.points
    }

    /// The area under the curve: the probability that a sample of class 1 has a higher score than one of class 0, with
    /// ties counted half.
    pub fn area(&self) -> f64 {
        self.points.windows(2).map(|pair| (pair[1][0] - pair[0][0]) * pair[0][1].midpoint(pair[1][1])).sum()
    }
}

/// The area under the ROC curve: for two classes with one score per sample, or with one score per class, the average of
/// the one-vs-rest areas.
///
/// A single score may have any scale, because only the order matters. Scores per class must be probabilities, because
/// raw scores are not comparable between samples; for logits see [`FromLogits`](super::FromLogits).
///
/// `average` is [`Average::Macro`], [`Average::Weighted`] or a single class; it is ignored for one score.
///
/// ```
/// use neuropil::metrics::{Average, roc_auc};
/// use ndarray::array;
///
/// let y = array![[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.3, 0.3, 0.4], [0.4, 0.5, 0.1]];
/// let area = roc_auc(&y, &array![[0.0], [1.0], [2.0], [0.0]], Average::Macro)?;
/// assert_eq!(area, 1.0);
/// # Ok::<(), neuropil::Error>(())
/// ```
///
/// # Errors
/// [`Error::Target`] if the target is not one column of class indices, scores per class are not probabilities, a class
/// has no samples or all of them, or the average is [`Average::Micro`]; [`Error::NonFinite`] if a score is NaN.
pub fn roc_auc<A: Scalar>(y: &Matrix<A>, target: &Matrix<A>, average: Average) -> Result<f64> {
    let (samples, classes) = y.dim();
    if classes == 1 {
        return Ok(RocCurve::new(y, target)?.area());
    }
    check_probabilities("RocAuc", y)?;
    average.check("RocAuc", classes)?;
    let truths = truths("RocAuc", target, samples, classes)?;
    let area = |class: usize| {
        let scores = y.column(class);
        let scores = scores.iter().map(|score| score.to_f64()).zip(truths.iter().map(|&truth| truth == class));
        Ok(RocCurve::of(scores.collect())?.area())
    };
    let weights: Vec<f64> = match average {
        Average::Class(class) => return area(class),
        Average::Macro => vec![1.0; classes],
        Average::Weighted => {
            (0..classes).map(|class| truths.iter().filter(|&&truth| truth == class).count() as f64).collect()
        }
        Average::Micro => {
            let (wants, got) = ("the average Macro, Weighted or Class".into(), "Micro".into());
            return Err(Error::Target { who: "RocAuc".into(), wants, got, row: None });
        }
    };
    let mut sum = 0.0;
    for (class, weight) in weights.iter().enumerate() {
        sum += weight * area(class)?;
    }
    Ok(ratio(sum, weights.iter().sum()))
}

/// The [`roc_auc`] as a [`Metric`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RocAuc(pub Average);

impl Default for RocAuc {
    fn default() -> Self {
        Self(Average::Macro)
    }
}

impl<A: Scalar> Metric<A> for RocAuc {
    fn name(&self) -> String {
        "roc_auc".into()
    }

    fn evaluate(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<f64> {
        roc_auc(y, target, self.0)
    }

    /// A few samples may all be of one class, so this only checks shapes.
    fn check(&self, y: &Matrix<A>, target: &Matrix<A>) -> Result<()> {
        self.0.check("RocAuc", y.ncols().max(2))?;
        if y.ncols() > 1 {
            check_probabilities("RocAuc", y)?;
        }
        truths("RocAuc", target, y.nrows(), y.ncols().max(2)).map(|_| ())
    }
}
