//! [`NamedSamples`]: samples with named inputs and targets.

use std::ops::Deref;

use ndarray::{Array2, s};
use rand::Rng;

use super::{Dataset, Samples};
use crate::{Error, Matrix, Result, Scalar};

/// Samples with named inputs and targets, for a network of several inputs or outputs.
///
/// It dereferences to its [`Samples`], whose columns are those of all parts, in order. A
/// [`Trainer`](crate::train::Trainer) checks that the names and widths match the network's.
///
/// ```
/// use neuropil::data::NamedSamples;
/// use ndarray::array;
///
/// let (image, age) = (array![[0.1, 0.2], [0.3, 0.4]], array![[30.0], [50.0]]);
/// let samples = NamedSamples::new(&[("image", &image), ("age", &age)], &[("class", &array![[1.0], [0.0]])])?;
/// assert_eq!(samples.x, array![[0.1, 0.2, 30.0], [0.3, 0.4, 50.0]]);
/// # Ok::<(), neuropil::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NamedSamples<A: Scalar> {
    samples: Samples<A>,
    inputs: Vec<(String, usize)>,
    targets: Vec<(String, usize)>,
    /// The column of `x` with the lengths, and the lengths.
    by_length: Option<(usize, Vec<usize>)>,
}

impl<A: Scalar> NamedSamples<A> {
    /// Creates samples of these inputs and targets, in the order of the network's inputs and of its losses.
    ///
    /// # Errors
    /// [`Error::Dimensions`] unless all parts have the same number of rows; [`Error::Empty`] without inputs.
    pub fn new(inputs: &[(&str, &Matrix<A>)], targets: &[(&str, &Matrix<A>)]) -> Result<Self> {
        let rows = inputs.first().ok_or(Error::Empty)?.1.nrows();
        let samples = Samples { x: side_by_side(inputs, rows)?, target: side_by_side(targets, rows)? };
        let widths = |parts: &[(&str, &Matrix<A>)]| {
            parts.iter().map(|(name, part)| ((*name).to_owned(), part.ncols())).collect()
        };
        Ok(Self { samples, inputs: widths(inputs), targets: widths(targets), by_length: None })
    }

    /// Lets a trainer make [batches of similar length](super::batches_by_length): `input` is the name of the input with
    /// the lengths, one column.
    ///
    /// ```
    /// use neuropil::data::{Dataset, NamedSamples, pad};
    /// use ndarray::array;
    ///
    /// let (x, lengths) = pad(&[vec![1.0, 2.0, 3.0], vec![4.0]], 1, None, 0.0)?;
    /// let class = array![[1.0], [0.0]];
    /// let samples = NamedSamples::new(&[("words", &x), ("lengths", &lengths)], &[("class", &class)])?;
    /// assert_eq!(samples.by_length("lengths")?.lengths(), [3, 1]);
    /// # Ok::<(), neuropil::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Unknown`] for a name that no input has; [`Error::Dimensions`] for an input of several columns;
    /// [`Error::Target`] for a length that is not an integer.
    pub fn by_length(self, input: &str) -> Result<Self> {
        let mut from = 0;
        for (name, width) in &self.inputs {
            if name != input {
                from += width;
                continue;
            }
            let (rows, what) = (self.len(), format!("the lengths in the input {name}"));
            if *width != 1 {
                return Err(Error::Dimensions { what, wants: [rows, 1], got: [rows, *width] });
            }
            let length = |x: A| x.to_f64() >= 0.0 && x.to_f64().fract() == 0.0;
            if let Some((row, x)) = self.x.column(from).iter().enumerate().find(|(_, x)| !length(**x)) {
                let (who, wants) = (format!("the input {name}"), "lengths, which are integers".into());
                return Err(Error::Target { who, wants, got: x.to_string(), row: Some(row) });
            }
            let by_length = Some((from, lengths(&self.samples, from)));
            return Ok(Self { by_length, ..self });
        }
        let known = self.inputs.iter().map(|(name, _)| name.clone()).collect();
        Err(Error::Unknown { what: "input", name: input.into(), known })
    }

    /// Shuffles the samples, and splits off a fraction for testing: see [`Samples::split`].
    ///
    /// # Errors
    /// [`Error::Setting`] unless the fraction is between 0 and 1.
    pub fn split(&self, fraction: f64, rng: &mut impl Rng) -> Result<(Self, Self)> {
        let (rest, part) = self.samples.split(fraction, rng)?;
        Ok((self.with(rest), self.with(part)))
    }

    /// The samples with these indices, in this order.
    ///
    /// # Errors
    /// [`Error::Setting`] for an index that is not below [`len`](Samples::len).
    pub fn select(&self, samples: &[usize]) -> Result<Self> {
        Ok(self.with(self.samples.select(samples)?))
    }

    fn with(&self, samples: Samples<A>) -> Self {
        let by_length = self.by_length.as_ref().map(|&(column, _)| (column, lengths(&samples, column)));
        Self { samples, inputs: self.inputs.clone(), targets: self.targets.clone(), by_length }
    }
}

/// A column of lengths, which are integers.
fn lengths<A: Scalar>(samples: &Samples<A>, column: usize) -> Vec<usize> {
    samples.x.column(column).iter().map(|length| length.to_f64() as usize).collect()
}

/// The columns of all parts, in order.
fn side_by_side<A: Scalar>(parts: &[(&str, &Matrix<A>)], rows: usize) -> Result<Array2<A>> {
    let mut all = Array2::from_elem((rows, parts.iter().map(|(_, part)| part.ncols()).sum()), A::ZERO);
    let mut from = 0;
    for (name, part) in parts {
        if part.nrows() != rows {
            let (wants, got) = ([rows, part.ncols()], part.dim().into());
            return Err(Error::Dimensions { what: format!("the part `{name}`"), wants, got });
        }
        all.slice_mut(s![.., from..from + part.ncols()]).assign(part);
        from += part.ncols();
    }
    Ok(all)
}

impl<A: Scalar> Deref for NamedSamples<A> {
    type Target = Samples<A>;
    fn deref(&self) -> &Samples<A> {
        &self.samples
    }
}

impl<A: Scalar> Dataset<A> for NamedSamples<A> {
    fn len(&self) -> usize {
        self.samples.len()
    }

    fn input_width(&self) -> usize {
        self.samples.x.ncols()
    }

    fn target_width(&self) -> usize {
        self.samples.target.ncols()
    }

    fn gather(&self, samples: &[usize], x: &mut Matrix<A>, target: &mut Matrix<A>) -> Result<()> {
        self.samples.gather(samples, x, target)
    }

    fn input_parts(&self) -> &[(String, usize)] {
        &self.inputs
    }

    fn target_parts(&self) -> &[(String, usize)] {
        &self.targets
    }

    fn lengths(&self) -> &[usize] {
        self.by_length.as_ref().map_or(&[], |(_, lengths)| lengths)
    }
}
