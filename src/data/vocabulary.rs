//! [`Vocabulary`]: numbers for characters or words.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::categories::Categories;
use crate::error::check_setting;
use crate::{Error, Result, Scalar};

const NAME: &str = "Vocabulary";

/// The parts into which a [`Vocabulary`] splits a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// Characters, white space included: Unicode scalar values, as in Rust's `char`.
    Character,
    /// The text between white space. If words are found in another way, join them with spaces first.
    Word,
}

impl Token {
    fn split(self, text: &str) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            Self::Character => Box::new(text.char_indices().map(|(at, c)| &text[at..at + c.len_utf8()])),
            Self::Word => Box::new(text.split_whitespace()),
        }
    }
}

/// Numbers the characters or words of texts, for an [`Embedding`](crate::layers::Embedding) and for the classes of the
/// next one.
///
/// Index 0 is [`PADDING`](Self::PADDING), 1 is [`UNKNOWN`](Self::UNKNOWN), and from 2 on come the tokens, the most
/// frequent first; of equally frequent ones, the first in byte order. A [`Model`](crate::io::Model) saves it with a
/// network.
///
/// ```
/// use neuropil::data::{Token, Vocabulary, pad};
///
/// let texts = ["the cat sat", "the dog"];
/// let vocabulary = Vocabulary::fit(Token::Word, &texts, 1)?;
/// assert_eq!(vocabulary.tokens(), ["the", "cat", "dog", "sat"]);
/// let indices: Vec<f32> = vocabulary.encode("the bird sat");
/// assert_eq!(indices, [2.0, 1.0, 5.0]);
/// assert_eq!(vocabulary.decode(&[2, 1, 5, 0])?, "the \u{fffd} sat");
///
/// let sequences: Vec<Vec<f32>> = texts.iter().map(|text| vocabulary.encode(text)).collect();
/// let (x, lengths) = pad(&sequences, 1, None, Vocabulary::PADDING as f32)?;
/// assert_eq!(x, ndarray::array![[2.0, 3.0, 5.0], [2.0, 4.0, 0.0]]);
/// # assert_eq!(lengths, ndarray::array![[3.0], [2.0]]);
/// # Ok::<(), neuropil::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabulary {
    token: Token,
    tokens: Categories,
}

impl Vocabulary {
    /// The index of padding, which is not a token.
    pub const PADDING: usize = 0;
    /// The index of all tokens that are not in the vocabulary.
    pub const UNKNOWN: usize = 1;
    /// The number of indices that are not tokens.
    const SPECIAL: usize = 2;

    /// Creates the vocabulary of all tokens that are at least `min_count` times in the texts.
    ///
    /// # Errors
    /// [`Error::Setting`] for a `min_count` of 0, and if no token is that frequent.
    pub fn fit<S: AsRef<str>>(token: Token, texts: &[S], min_count: usize) -> Result<Self> {
        check_setting("the minimum count of Vocabulary", min_count as f64, "at least 1", min_count > 0)?;
        let mut counts = HashMap::<&str, usize>::new();
        for part in texts.iter().flat_map(|text| token.split(text.as_ref())) {
            *counts.entry(part).or_default() += 1;
        }
        let mut counts: Vec<(&str, usize)> = counts.into_iter().filter(|&(_, count)| count >= min_count).collect();
        counts.sort_unstable_by_key(|&(part, count)| (Reverse(count), part));
        Self::new(token, counts.into_iter().map(|(part, _)| part.to_owned()).collect())
    }

    /// Creates the vocabulary with these tokens, from index 2 on, as returned by [`tokens`](Self::tokens).
    ///
    /// # Errors
    /// [`Error::Setting`] without tokens, or with more than 2²⁴ - 2, as f32 does not hold larger indices exactly;
    /// [`Error::Format`] for one that appears twice, or is not a single character or word.
    pub fn new(token: Token, tokens: Vec<String>) -> Result<Self> {
        let most = (1 << f32::MANTISSA_DIGITS) - Self::SPECIAL;
        let (count, wants) = (tokens.len(), "at least 1 and at most 2^24 - 2; change the minimum count");
        check_setting("the number of tokens of Vocabulary", count as f64, wants, (1..=most).contains(&count))?;
        if let Some(other) = tokens.iter().find(|text| !token.split(text).eq([text.as_str()])) {
            let problem = format!("{other:?} is not one {}", if token == Token::Word { "word" } else { "character" });
            return Err(Error::Format { what: NAME.into(), problem });
        }
        Ok(Self { token, tokens: Categories::new(NAME, tokens)? })
    }

    /// Keeps the most frequent tokens, so that there are at most `size` indices.
    ///
    /// # Errors
    /// [`Error::Setting`] for a size below 3: padding, unknown, and one token.
    pub fn at_most(self, size: usize) -> Result<Self> {
        check_setting("the size of Vocabulary", size as f64, "at least 3", size > Self::SPECIAL)?;
        Self::new(self.token, self.tokens().iter().take(size - Self::SPECIAL).cloned().collect())
    }

    /// The kind of its tokens.
    pub fn token(&self) -> Token {
        self.token
    }

    /// The tokens, from index 2 on.
    pub fn tokens(&self) -> &[String] {
        self.tokens.names()
    }

    /// The number of indices, padding and unknown included: the rows of an embedding, and the classes of a network that
    /// predicts tokens.
    pub fn size(&self) -> usize {
        Self::SPECIAL + self.tokens().len()
    }

    /// The index of this token: [`UNKNOWN`](Self::UNKNOWN) if it is not in the vocabulary.
    pub fn index(&self, token: &str) -> usize {
        self.tokens.number(token).map_or(Self::UNKNOWN, |number| Self::SPECIAL + number)
    }

    /// The indices of the tokens of this text.
    pub fn encode<A: Scalar>(&self, text: &str) -> Vec<A> {
        self.token.split(text).map(|token| A::of(self.index(token) as f64)).collect()
    }

    /// The text of these indices, with words joined by spaces. Padding is left out, and unknown is `�`.
    ///
    /// # Errors
    /// [`Error::Setting`] for an index that is not below [`size`](Self::size).
    pub fn decode(&self, indices: &[usize]) -> Result<String> {
        let mut parts = Vec::with_capacity(indices.len());
        for &index in indices.iter().filter(|&&index| index != Self::PADDING) {
            let (what, wants) = ("an index of Vocabulary", "below its size");
            check_setting(what, index as f64, wants, index < self.size())?;
            parts.push(if index == Self::UNKNOWN { "\u{fffd}" } else { &self.tokens()[index - Self::SPECIAL] });
        }
        Ok(parts.join(if self.token == Token::Word { " " } else { "" }))
    }
}
