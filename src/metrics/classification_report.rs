//! [`ClassificationReport`]: a table of precision, recall and F1 per class.

use std::fmt;

use super::{Average, ConfusionMatrix};

/// Precision, recall, F1 and number of samples per class, and their averages. Displays as a table.
///
/// ```
/// use neuropil::metrics::{ClassificationReport, ConfusionMatrix};
/// use ndarray::array;
///
/// let y = array![[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]];
/// let confusion = ConfusionMatrix::new(&y, &array![[1.0], [0.0], [0.0], [0.0]])?;
/// let report = ClassificationReport::new(&confusion).names(["cat", "dog"]);
/// let table = [
///     "          precision  recall      f1  samples",
///     "cat          1.0000  0.6667  0.8000        3",
///     "dog          0.5000  1.0000  0.6667        1",
///     "macro        0.7500  0.8333  0.7333        4",
///     "weighted     0.8750  0.7500  0.7667        4",
///     "accuracy                     0.7500        4",
/// ];
/// assert_eq!(report.to_string(), table.join("\n"));
/// # Ok::<(), neuropil::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ClassificationReport {
    confusion: ConfusionMatrix,
    names: Vec<String>,
}

impl ClassificationReport {
    /// Creates a report from a confusion matrix.
    pub fn new(confusion: &ConfusionMatrix) -> Self {
        let names = (0..confusion.counts().nrows()).map(|class| class.to_string()).collect();
        Self { confusion: confusion.clone(), names }
    }

    /// Sets the names of the classes, in order; classes without a name keep their number.
    #[must_use]
    pub fn names<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        for (own, name) in self.names.iter_mut().zip(names) {
            *own = name.into();
        }
        self
    }
}

impl fmt::Display for ClassificationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let averages = [("macro", Average::Macro), ("weighted", Average::Weighted)];
        let support = self.confusion.support();
        let total: usize = support.iter().sum();
        let width = self.names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max("weighted".len());
        write!(f, "{:width$}  precision  recall      f1  samples", "")?;
        let classes =
            self.names.iter().enumerate().map(|(class, name)| (&**name, Average::Class(class), support[class]));
        for (name, average, samples) in classes.chain(averages.map(|(name, average)| (name, average, total))) {
            let values =
                [self.confusion.precision(average), self.confusion.recall(average), self.confusion.f1(average)];
            write!(f, "\n{name:width$}  {:9.4}  {:6.4}  {:6.4}  {samples:7}", values[0], values[1], values[2])?;
        }
        write!(f, "\n{:width$}  {:9}  {:6}  {:6.4}  {total:7}", "accuracy", "", "", self.confusion.accuracy())
    }
}
