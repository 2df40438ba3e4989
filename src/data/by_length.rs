//! [`batches_by_length`]: batches of sequences of similar length.

use rand::seq::SliceRandom;
use rand::{Rng, RngExt};

/// The number of batches that are sorted together.
const POOL: usize = 64;

/// Deals samples to batches of `size` samples of similar length, so that little of a batch is padding: returns the
/// indices of each batch.
///
/// The samples are shuffled, each 64 batches of them are sorted by length and cut, and the batches are shuffled: batches
/// of different lengths come in any order, and another time a batch has other samples. The last batch is smaller if the
/// number of samples is not a multiple of `size`; its length, too, is any. A size of 0 counts as 1.
///
/// ```
/// use neuropil::data::{batches_by_length, pad};
///
/// let texts = [vec![1.0, 2.0], vec![3.0], vec![4.0, 5.0, 6.0, 7.0], vec![8.0, 9.0, 10.0]];
/// let lengths: Vec<usize> = texts.iter().map(Vec::len).collect();
/// let mut widths = Vec::new();
/// for batch in batches_by_length(&lengths, 2, &mut neuropil::rng(1)) {
///     let texts: Vec<&Vec<f64>> = batch.iter().map(|&sample| &texts[sample]).collect();
///     let (x, _lengths) = pad(&texts, 1, None, 0.0)?;
///     widths.push(x.ncols());
/// }
/// widths.sort();
/// assert_eq!(widths, [2, 4]);
/// # Ok::<(), neuropil::Error>(())
/// ```
///
/// A [`Trainer`](crate::train::Trainer) makes such batches of data with [`lengths`](super::Dataset::lengths).
pub fn batches_by_length(lengths: &[usize], size: usize, rng: &mut impl Rng) -> Vec<Vec<usize>> {
    let (size, mut order) = (size.max(1), (0..lengths.len()).collect());
    shuffle_by_length(&mut order, lengths, size, rng);
    order.chunks(size).map(<[usize]>::to_vec).collect()
}

/// Shuffles samples so that each `size` of them have similar lengths.
pub(crate) fn shuffle_by_length(order: &mut Vec<usize>, lengths: &[usize], size: usize, rng: &mut impl Rng) {
    order.shuffle(rng);
    for pool in order.chunks_mut(size.saturating_mul(POOL)) {
        pool.sort_by_key(|&sample| lengths[sample]);
        // The smaller batch comes last. If it were always the longest samples, a trainer that drops it would never see
        // them.
        let left = pool.len() % size;
        let from = rng.random_range(0..=pool.len() - left);
        pool[from..].rotate_left(left);
    }
    let batches = order.chunks_exact(size);
    let left = batches.remainder();
    let mut batches: Vec<&[usize]> = batches.collect();
    batches.shuffle(rng);
    *order = [batches.concat(), left.to_vec()].concat();
}
