//! Which keys each query may attend to.

use std::ops::Range;

use ndarray::{Array2, ArrayView1};

use super::MultiHeadAttention;
use crate::spec::Spec;
use crate::{Error, Result, Scalar, Shape};

impl<A: Scalar> MultiHeadAttention<A> {
    /// Sets an attention mask, (queries, keys): step i attends to step j only where it is true. A step that attends to
    /// nothing has a weighted sum of 0.
    ///
    /// It adds to the other masks: [`causal`](Self::causal), and padding. Shorter sequences use its first rows and
    /// columns; longer ones are rejected. True means the same as in Keras and in `PyTorch`'s
    /// `scaled_dot_product_attention`, and the opposite in `PyTorch`'s `MultiheadAttention`.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// // Each step attends to itself and the step before it.
    /// let window = ndarray::Array2::from_shape_fn((4, 4), |(i, j)| j <= i && i < j + 2);
    /// let layer = MultiHeadAttention::<f64>::new(2, 1, &mut rng(1)).attention_mask(window);
    /// let network = Sequential::new([4, 2]).with(layer)?;
    /// let y = network.predict(&ndarray::array![[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], [0.0, 9.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]])?;
    /// assert_eq!(y.slice(ndarray::s![0, 4..]), y.slice(ndarray::s![1, 4..])); // The last two do not see the first.
    /// # Ok::<(), Error>(())
    /// ```
    pub fn attention_mask(mut self, allowed: Array2<bool>) -> Self {
        self.allowed = Some(allowed.as_standard_layout().into_owned());
        self
    }

    /// Returns an error, about an input of this shape, for more queries or keys than the attention mask has.
    pub(super) fn check_mask(&self, input: Shape, [queries, keys]: [Shape; 2]) -> Result<()> {
        let Some(allowed) = &self.allowed else { return Ok(()) };
        let (rows, columns) = allowed.dim();
        if queries.positions() <= rows && keys.positions() <= columns {
            return Ok(());
        }
        let wants = format!("at most {rows} queries and {columns} keys, the size of its attention mask");
        Err(Error::Input { layer: format!("{self:?}"), wants, got: input })
    }
}

/// The attention mask of a batch.
#[derive(Clone, Copy)]
pub(super) struct Mask<'a> {
    /// Each query attends only to keys up to its own position.
    pub causal: bool,
    /// In a stream, the number of keys before the first query.
    pub before: usize,
    pub queries: usize,
    pub keys: usize,
    /// Whether a query may attend to a key, at least (queries, keys), in standard layout.
    pub allowed: Option<&'a Array2<bool>>,
    /// Masked keys, (samples, keys); empty if none.
    pub hidden: &'a [bool],
    /// Queries that are padding, (samples, queries); empty if none.
    pub padding: &'a [bool],
}

impl<'a> Mask<'a> {
    /// The mask of one sample. It ends with the last key that is not masked and the last query that is not padding, so
    /// a sample is computed as if it were alone.
    pub(super) fn of_sample(&self, sample: usize) -> SampleMask<'a> {
        let Self { causal, before, queries, keys, allowed, hidden, padding } = *self;
        let [hidden, padding] =
            [(hidden, keys), (padding, queries)].map(|(all, steps)| all.get(sample * steps..(sample + 1) * steps));
        SampleMask {
            causal,
            before,
            queries: padding.map_or(queries, end),
            keys: hidden.map_or(keys, end),
            allowed,
            hidden: hidden.filter(|hidden| hidden[..end(hidden)].contains(&true)),
        }
    }
}

/// The number of steps up to the last that is not masked.
fn end(masked: &[bool]) -> usize {
    masked.iter().rposition(|&masked| !masked).map_or(0, |last| last + 1)
}

/// The attention mask of one sample.
#[derive(Clone, Copy)]
pub(super) struct SampleMask<'a> {
    causal: bool,
    before: usize,
    /// The number of queries before the padding.
    pub queries: usize,
    /// The number of keys up to the last that is not masked.
    keys: usize,
    allowed: Option<&'a Array2<bool>>,
    /// The masked keys, if any of them precedes a key that is not masked.
    hidden: Option<&'a [bool]>,
}

impl<'a> SampleMask<'a> {
    /// The number of keys up to the last that the query may attend to.
    pub(super) fn reach(self, query: usize) -> usize {
        if self.causal { self.keys.min(query + 1 + self.before) } else { self.keys }
    }

    /// The masked keys, if any of them precedes a key that is not masked.
    pub(super) fn hidden(self) -> Option<&'a [bool]> {
        self.hidden
    }

    /// Whether the query may attend to each key, apart from its reach and the masked keys; `None` if to all.
    pub(super) fn allowed(self, query: usize) -> Option<&'a [bool]> {
        self.allowed.and_then(|allowed| allowed.row(query).to_slice())
    }

    pub(super) fn allows(self, query: usize, key: usize) -> bool {
        key < self.reach(query)
            && !self.hidden.is_some_and(|hidden| hidden[key])
            && self.allowed.is_none_or(|allowed| allowed[[query, key]])
    }

    /// Whether each of the queries may attend to all keys that any of them may attend to.
    pub(super) fn is_even(self, queries: &Range<usize>) -> bool {
        self.hidden.is_none() && self.allowed.is_none() && self.reach(queries.start) == self.reach(queries.end - 1)
    }
}

/// An attention mask in files: a word for each query, with 1 for each key that it may attend to, and 0 for the others.
pub(super) fn text(allowed: &Array2<bool>) -> String {
    let word = |row: ArrayView1<'_, bool>| row.iter().map(|&key| if key { '1' } else { '0' }).collect();
    allowed.rows().into_iter().map(word).collect::<Vec<String>>().join(" ")
}

pub(super) fn parse(spec: &Spec, text: &str) -> Result<Array2<bool>> {
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    let columns = words.first().map_or(0, |word| word.len());
    let rows = words.iter().all(|word| word.len() == columns && word.bytes().all(|key| matches!(key, b'0' | b'1')));
    let keys: Vec<bool> = words.concat().bytes().map(|key| key == b'1').collect();
    let array = Array2::from_shape_vec((words.len(), columns), keys).ok().filter(|_| rows);
    array.ok_or_else(|| spec.problem("its mask is not words of 0 and 1 of one length".to_owned()))
}
