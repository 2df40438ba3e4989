//! Which keys each query may attend to.

use std::ops::Range;

/// The attention mask of a batch.
#[derive(Clone, Copy)]
pub(super) struct Mask<'a> {
    /// Each query attends only to keys up to its own position.
    pub causal: bool,
    /// In a stream, the number of keys before the first query.
    pub before: usize,
    pub queries: usize,
    pub keys: usize,
    /// Masked keys, (samples, keys); empty if none.
    pub hidden: &'a [bool],
    /// Queries that are padding, (samples, queries); empty if none.
    pub padding: &'a [bool],
}

impl<'a> Mask<'a> {
    /// The mask of one sample. It ends with the last key that is not masked and the last query that is not padding, so
    /// a sample is computed as if it were alone.
    pub(super) fn of_sample(&self, sample: usize) -> SampleMask<'a> {
        let Self { causal, before, queries, keys, hidden, padding } = *self;
        let [hidden, padding] =
            [(hidden, keys), (padding, queries)].map(|(all, steps)| all.get(sample * steps..(sample + 1) * steps));
        SampleMask {
            causal,
            before,
            queries: padding.map_or(queries, end),
            keys: hidden.map_or(keys, end),
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

    pub(super) fn allows(self, query: usize, key: usize) -> bool {
        key < self.reach(query) && !self.hidden.is_some_and(|hidden| hidden[key])
    }

    /// Whether each of the queries may attend to all keys that any of them may attend to.
    pub(super) fn is_even(self, queries: &Range<usize>) -> bool {
        self.hidden.is_none() && self.reach(queries.start) == self.reach(queries.end - 1)
    }
}
