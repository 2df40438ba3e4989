//! [`Split`]: indices of training and test samples.

use rand::Rng;
use rand::seq::SliceRandom;

use crate::error::check_setting;
use crate::{Error, Matrix, Result, Scalar};

/// The indices of the training and the test samples, in random order; each sample is in one of the two.
///
/// ```
/// use neuropil::data::{self, Split};
/// use neuropil::rng;
///
/// let digits = data::digits::<f32>();
/// for split in Split::stratified_folds(&digits.target, 5, &mut rng(1))? {
///     let (train, test) = (digits.select(&split.train)?, digits.select(&split.test)?);
///     assert_eq!(train.len() + test.len(), digits.len());
/// }
/// # Ok::<(), neuropil::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Split {
    /// The training samples.
    pub train: Vec<usize>,
    /// The test samples.
    pub test: Vec<usize>,
}

impl Split {
    /// Splits off this fraction of `samples` samples for testing, at random.
    ///
    /// # Errors
    /// [`Error::Setting`] unless the fraction is between 0 and 1.
    pub fn random(samples: usize, fraction: f64, rng: &mut impl Rng) -> Result<Self> {
        check_fraction(fraction)?;
        let order = shuffled(samples, rng)?;
        let (test, train) = order.split_at((fraction * samples as f64).round() as usize);
        Ok(Self { train: train.to_vec(), test: test.to_vec() })
    }

    /// Splits off this fraction of the samples of each class for testing: exact overall, and within one sample per
    /// class.
    ///
    /// `labels` is one column with the class of each sample.
    ///
    /// # Errors
    /// [`Error::Setting`] unless the fraction is between 0 and 1; [`Error::Dimensions`] unless there is one column;
    /// [`Error::Target`] when a label is NaN.
    pub fn stratified<A: Scalar>(labels: &Matrix<A>, fraction: f64, rng: &mut impl Rng) -> Result<Self> {
        check_fraction(fraction)?;
        let order = shuffled(labels.nrows(), rng)?;
        let by_class = sorted(labels, &order)?;
        let classes: Vec<&[usize]> = by_class.chunk_by(|&a, &b| labels[[a, 0]] == labels[[b, 0]]).collect();
        let mut quotas: Vec<usize> = classes.iter().map(|class| (fraction * class.len() as f64) as usize).collect();
        // What rounding down left over goes to the classes that lost most.
        let left = (fraction * order.len() as f64).round() as usize - quotas.iter().sum::<usize>();
        let lost = |class: usize| fraction * classes[class].len() as f64 - quotas[class] as f64;
        let mut neediest: Vec<usize> = (0..classes.len()).collect();
        neediest.sort_by(|&a, &b| lost(b).total_cmp(&lost(a)));
        for class in neediest.into_iter().take(left) {
            quotas[class] += 1;
        }
        let mut parts = vec![1; order.len()];
        for (class, quota) in classes.iter().zip(quotas) {
            class.iter().take(quota).for_each(|&sample| parts[sample] = 0);
        }
        Ok(Self::part(&order, &parts, 0))
    }

    /// Splits for k-fold cross-validation: the samples are dealt to `folds` parts of equal size, to within one sample,
    /// and each part is the test set once.
    ///
    /// # Errors
    /// [`Error::Setting`] unless `folds` is from 2 to `samples`.
    pub fn folds(samples: usize, folds: usize, rng: &mut impl Rng) -> Result<Vec<Self>> {
        let order = shuffled(samples, rng)?;
        deal(&order, &order, folds)
    }

    /// Splits into [`folds`](Self::folds) that each have the same number of samples of a class, to within one.
    ///
    /// `labels` is one column with the class of each sample.
    ///
    /// # Errors
    /// [`Error::Setting`] unless `folds` is from 2 to the number of samples; [`Error::Dimensions`] unless there is one
    /// column; [`Error::Target`] when a label is NaN.
    pub fn stratified_folds<A: Scalar>(labels: &Matrix<A>, folds: usize, rng: &mut impl Rng) -> Result<Vec<Self>> {
        let order = shuffled(labels.nrows(), rng)?;
        deal(&order, &sorted(labels, &order)?, folds)
    }

    /// The split with one part as the test set.
    fn part(order: &[usize], parts: &[usize], part: usize) -> Self {
        let (test, train) = order.iter().partition(|sample| parts[**sample] == part);
        Self { train, test }
    }
}

/// Deals the samples to the folds in turn.
fn deal(order: &[usize], turns: &[usize], folds: usize) -> Result<Vec<Split>> {
    let wants = "at least 2 and at most the number of samples";
    check_setting("the number of folds", folds as f64, wants, (2..=order.len()).contains(&folds))?;
    let mut parts = vec![0; order.len()];
    turns.iter().enumerate().for_each(|(turn, &sample)| parts[sample] = turn % folds);
    Ok((0..folds).map(|fold| Split::part(order, &parts, fold)).collect())
}

/// The indices of the samples in random order.
pub(super) fn shuffled(samples: usize, rng: &mut impl Rng) -> Result<Vec<usize>> {
    let mut order = Vec::new();
    if order.try_reserve_exact(samples).is_err() {
        let bytes = (samples as u64).saturating_mul(size_of::<usize>() as u64);
        return Err(Error::Memory { what: format!("the order of {samples} samples"), bytes, limit: None });
    }
    order.extend(0..samples);
    order.shuffle(rng);
    Ok(order)
}

/// The samples grouped by class, each in the given order.
fn sorted<A: Scalar>(labels: &Matrix<A>, order: &[usize]) -> Result<Vec<usize>> {
    if labels.ncols() != 1 {
        let (wants, got) = ([labels.nrows(), 1], labels.dim().into());
        return Err(Error::Dimensions { what: "the labels to split by".into(), wants, got });
    }
    if let Some(row) = labels.iter().position(|label| label.is_nan()) {
        let (wants, got) = ("labels that are numbers".into(), "NaN".into());
        return Err(Error::Target { who: "a stratified split".into(), wants, got, row: Some(row) });
    }
    let mut sorted = order.to_vec();
    sorted.sort_by(|&a, &b| labels[[a, 0]].partial_cmp(&labels[[b, 0]]).expect("no label is NaN"));
    Ok(sorted)
}

fn check_fraction(fraction: f64) -> Result<()> {
    check_setting("the fraction of samples to split off", fraction, "between 0 and 1", (0.0..=1.0).contains(&fraction))
}

/// Returns an error unless all indices are below `len`.
pub(super) fn check_rows(rows: &[usize], len: usize) -> Result<()> {
    match rows.iter().find(|row| **row >= len) {
        None => Ok(()),
        Some(&row) => {
            let wants = "below the number of samples";
            Err(Error::Setting { what: "the index of a sample".into(), wants, got: row as f64 })
        }
    }
}
