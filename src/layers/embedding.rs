//! [`Embedding`]: a lookup table of learned vectors.

use std::fmt;

use ndarray::Array2;
use rand::Rng;

use super::shared::masked;
use crate::error::check_setting_of;
use crate::kernels::simd::{rows, vectorize};
use crate::kernels::{flat, flat_mut};
use crate::layer::{Backward, Layer, Parameter, Parts, Pass, Restore, Steps, parameters};
use crate::spec::Spec;
use crate::spec::layout::{Piece, System};
use crate::spec::onnx::{Attribute, INT64, Operators};
use crate::spec::rust::{Channels, Code, functions};
use crate::{Error, Init, Matrix, Result, Scalar, Shape};

/// Looks up a row of W for each index: `y = W[x]` (Bengio et al., 2003).
///
/// x is (samples, steps) indices, integers from 0; y is (samples, `[steps, features]`). W is (count, features),
/// initialized from the standard normal distribution, as in `PyTorch`. The gradient of a row of W is the sum of dy over
/// its lookups. The gradient with respect to an index is 0, so no layer before this one can learn.
///
/// The row of the [`padding`](Self::padding) index is 0 and gets no gradient. A padding index at the end of a sequence
/// is padding: the length of a sequence is the number of indices up to the last other one. Later layers use it, by
/// their [`Steps`](crate::layer::Steps), so the amount of padding never changes a result.
///
/// # Errors
/// In a network: [`Error::Input`] unless samples are flat features (or steps of one feature); [`Error::Setting`] for no
/// rows, no features, or more rows than the type can index exactly. In a pass: [`Error::Values`] for an index that is
/// not an integer or is out of range.
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let layer = Embedding::from_parameters(array![[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]);
/// let network = Sequential::new(2).with(layer)?; // samples of two words
/// assert_eq!(network.output(), [2, 2].into());
/// assert_eq!(network.predict(&array![[2.0, 0.0]])?, array![[4.0, 5.0, 0.0, 1.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Embedding<A: Scalar> {
    /// W, (count, features)
    weight: Parameter<A>,
    padding: Option<usize>,
}

impl<A: Scalar> Embedding<A> {
    /// Creates a table of `count` vectors of length `features`.
    pub fn new(count: usize, features: usize, rng: &mut impl Rng) -> Self {
        Self::of([count, features], Init::STANDARD_NORMAL.matrix(count, features, rng))
    }

    /// Creates a table from the rows of `weight`.
    pub fn from_parameters(weight: Array2<A>) -> Self {
        Self::of(weight.dim().into(), weight)
    }

    /// The layer with this table, of shape `dims`, or empty if its allocation failed.
    fn of(dims: [usize; 2], weight: Array2<A>) -> Self {
        Self { weight: Parameter::weight("weight", &dims, weight), padding: None }
    }

    /// Sets the padding index: its row is zeroed and not trained, and sequences end before it.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let rng = &mut rng(1);
    /// let network = Sequential::<f64>::new(3)
    ///     .with(Embedding::new(10, 4, rng).padding(0)?)?
    ///     .with(Dense::new(4, 4, rng))?
    ///     .with(Gru::new(4, 2, rng).last_state())?;
    /// assert_eq!(network.predict_one(&[7.0, 2.0, 0.0])?, network.predict_one(&[7.0, 2.0, 0.0, 0.0, 0.0])?);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] if the index is out of range.
    pub fn padding(mut self, index: usize) -> Result<Self> {
        self.set_padding(index)?;
        self.weight.row_mut(index).fill(A::ZERO);
        Ok(self)
    }

    /// Sets the padding index without zeroing its row, which is not trained.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let layer = Embedding::from_parameters(ndarray::array![[7.0_f32], [8.0]]).padding_kept(1)?;
    /// assert_eq!(layer.weight()[[1, 0]], 8.0);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] if the index is out of range.
    pub fn padding_kept(mut self, index: usize) -> Result<Self> {
        self.set_padding(index)?;
        Ok(self)
    }

    fn set_padding(&mut self, index: usize) -> Result<()> {
        check_setting_of(self, "padding index", index as f64, "below the number of rows", index < self.weight.nrows())?;
        self.padding = Some(index);
        Ok(())
    }

    /// W, (count, features).
    pub fn weight(&self) -> &Array2<A> {
        &self.weight
    }

    /// The error for the index at `position` in a batch of samples of `steps` steps.
    fn wrong_index(&self, index: A, position: usize, steps: usize) -> Error {
        Error::Values {
            layer: format!("{self:?}"),
            wants: format!("integers from 0 to {}", self.weight.nrows() - 1),
            got: format!("{index} at step {}", position % steps),
            row: Some(position / steps),
        }
    }
}

/// Lookups: the row of W, and the position in y.
type Lookups = Vec<(usize, usize)>;

impl<A: Scalar> Layer<A> for Embedding<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        let (count, features) = self.weight.dim();
        // Beyond this, the type does not represent every integer.
        let most = 2.0 / A::EPSILON.to_f64();
        let ok = count > 0 && count as f64 <= most;
        check_setting_of(self, "rows", count as f64, "at least 1, and an exact integer in its type", ok)?;
        check_setting_of(self, "features", features as f64, "at least 1", features > 0)?;
        match input {
            Shape::Flat(steps) | Shape::Sequence { steps, features: 1 } => Ok(Shape::Sequence { steps, features }),
            _ => Err(Error::Input { layer: format!("{self:?}"), wants: "one index for each step".into(), got: input }),
        }
    }

    fn steps(&self, _: Shape) -> Steps {
        Steps::Each
    }

    fn finds_lengths(&self) -> bool {
        self.padding.is_some()
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let ((count, features), weight) = (self.weight.dim(), flat(&self.weight));
        if let (Some(found), Some(padding)) = (&mut pass.found, self.padding) {
            let padding = A::of(padding as f64);
            let length = |x: &[A]| x.iter().rposition(|&index| index != padding).map_or(0, |last| last + 1);
            found.extend(flat(x).chunks_exact(x.ncols()).map(length));
        }
        let lookups = pass.cache.get::<Lookups>();
        lookups.clear();
        for (position, (&x, y)) in flat(x).iter().zip(flat_mut(y).chunks_exact_mut(features)).enumerate() {
            let index = x.to_f64();
            // Rejects NaN, infinities, negative numbers and fractions. -0 is 0.
            if !(index >= 0.0 && index < count as f64 && index.fract() == 0.0) {
                lookups.clear();
                return Err(self.wrong_index(x, position, pass.input.len()));
            }
            let index = index as usize;
            y.copy_from_slice(&weight[index * features..][..features]);
            if pass.recording {
                lookups.push((index, position));
            }
        }
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let features = self.weight.ncols();
        let lookups = pass.cache.get::<Lookups>();
        // By index, then by position, for a fixed order of summation.
        lookups.sort_unstable();
        let (dy, dw) = (flat(at.dy), flat_mut(&mut at.dw[0]));
        dw.fill(A::ZERO);
        for same in lookups.chunk_by(|a, b| a.0 == b.0) {
            let index = same[0].0;
            if self.padding != Some(index) {
                add_rows(dy, same, &mut dw[index * features..][..features]);
            }
        }
        if let Some(dx) = at.dx {
            dx.fill(A::ZERO);
        }
        Ok(())
    }

    parameters!(A: weight);

    /// A lookup needs no multiplication.
    fn multiply_adds(&self, _: Shape) -> u64 {
        0
    }

    fn differentiable(&self) -> bool {
        false
    }

    fn spec(&self) -> Option<Spec> {
        let (count, features) = self.weight.dim();
        let spec = Spec::new("embedding").set("count", count).set("features", features);
        Some(self.padding.into_iter().fold(spec, |spec, index| spec.set("padding", index)))
    }

    /// Keras stores the table under the name `embeddings`.
    fn layout(&self, system: System, name: &str, dims: &[usize]) -> Vec<Piece> {
        vec![Piece::whole(if system == System::Keras { "embeddings" } else { name }, dims)]
    }

    /// The indices are floats, and each sample is a row, whatever its shape.
    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        if let Shape::Sequence { .. } = operators.input() {
            let sizes = operators.integers(&[0, -1]);
            operators.then("Reshape", &[&sizes], []);
        }
        let weight = operators.parameter_constant("weight", None)?;
        if let Some(padding) = self.padding {
            let padding = operators.number(padding as f64);
            let same = operators.node("Equal", &[&operators.value(), &padding], []);
            let word = operators.node("Not", &[&same], []);
            let lengths = masked::last_of(operators, &word);
            operators.set_found(lengths);
        }
        operators.then("Cast", &[], [("to", Attribute::Int(INT64))]);
        let rows = operators.node("Gather", &[&weight, &operators.value()], [("axis", Attribute::Int(0))]);
        operators.set_value(rows);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let features = self.weight.ncols();
        let [weight, scale] = code.weight("weight", Channels::columns(features))?;
        code.then(&functions::EMBEDDING, code.input().len() * features, &[&weight, &scale, &features]);
        Ok(())
    }
}

impl<A: Scalar> Restore<A> for Embedding<A> {
    const KIND: &'static str = "embedding";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let spec = parts.spec();
        let (count, features) = (spec.count("count")?, spec.count("features")?);
        let layer = Self { weight: parts.weight("weight", &[count, features], count, features)?, padding: None };
        if spec.get("padding").is_some() { layer.padding_kept(spec.count("padding")?) } else { Ok(layer) }
    }
}

/// The sum of dy over the positions of one index, accumulated in `f64`, a few columns at a time.
fn add_rows<A: Scalar>(dy: &[A], lookups: &[(usize, usize)], dw: &mut [A]) {
    const COLUMNS: usize = 64;
    let width = dw.len();
    vectorize(
        #[inline(always)]
        || {
            for (tile, dw) in dw.chunks_mut(COLUMNS).enumerate() {
                let mut sums = [0.0; COLUMNS];
                let sums = &mut sums[..dw.len()];
                for &(_, position) in lookups {
                    let dy = &dy[position * width + tile * COLUMNS..][..dw.len()];
                    rows::each((&mut *sums, dy), |(sum, &dy)| *sum += dy.to_f64());
                }
                rows::each((dw, &*sums), |(dw, &sum)| *dw = A::of(sum));
            }
        },
    );
}

impl<A: Scalar> fmt::Debug for Embedding<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, features) = self.weight.dim();
        write!(f, "Embedding({count} x {features}")?;
        self.padding.map_or(Ok(()), |index| write!(f, ", padding {index}"))?;
        f.write_str(")")
    }
}
