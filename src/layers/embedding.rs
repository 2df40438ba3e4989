//! [`Embedding`]: each word, or any index, is a vector that is learnt.

use std::fmt;

use ndarray::Array2;
use rand::Rng;

use crate::error::{check_setting_of, check_size};
use crate::kernels::simd::{rows, vectorize};
use crate::kernels::{flat, flat_mut};
use crate::layer::{Backward, Layer, Parameter, Parts, Pass, Restore, parameters};
use crate::spec::Spec;
use crate::spec::layout::{Piece, System};
use crate::spec::onnx::{Attribute, INT64, Operators};
use crate::{Error, Init, Matrix, Result, Scalar, Shape};

/// Looks up a row of W for each index: `y = W[x]` (Bengio and others, 2003).
///
/// x has the indices of a sample as whole numbers from 0 on, a column for each step; W is (count, features) and starts
/// from the standard normal distribution, as in `PyTorch`. From (samples, steps) indices come sequences of steps with
/// that many features. The gradient of a row of W is the sum of dy over the places that looked it up. There is no
/// gradient by an index: dx is 0, and no layer before this one can learn.
///
/// An index for [`padding`](Self::padding) is one whose row gets no gradient; the row starts at 0, which makes steps of
/// zeros.
///
/// # Errors
/// In a network: [`Error::Input`] unless samples are plain features (or steps of one feature); [`Error::Setting`] for no
/// rows, no features, or more rows than the type has whole numbers for. In a pass: [`Error::Values`] for an index that is
/// not whole, or not below the count.
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
    /// A table of `count` vectors of this many features.
    pub fn new(count: usize, features: usize, rng: &mut impl Rng) -> Self {
        Self::from_parameters(Init::STANDARD_NORMAL.matrix(count, features, rng))
    }

    /// A table of these vectors, one a row.
    pub fn from_parameters(weight: Array2<A>) -> Self {
        let dims = [weight.nrows(), weight.ncols()];
        Self { weight: Parameter::weight("weight", &dims, weight), padding: None }
    }

    /// Sets the index that stands for nothing: its row becomes 0 and is not trained.
    ///
    /// # Errors
    /// [`Error::Setting`] if there is no such row.
    pub fn padding(mut self, index: usize) -> Result<Self> {
        self.set_padding(index)?;
        self.weight.row_mut(index).fill(A::ZERO);
        Ok(self)
    }

    /// Sets the index that stands for nothing: its row stays as it is and is not trained.
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
    /// [`Error::Setting`] if there is no such row.
    pub fn padding_kept(mut self, index: usize) -> Result<Self> {
        self.set_padding(index)?;
        Ok(self)
    }

    fn set_padding(&mut self, index: usize) -> Result<()> {
        check_setting_of(self, "padding", index as f64, "below the number of rows", index < self.weight.nrows())?;
        self.padding = Some(index);
        Ok(())
    }

    /// W, (count, features).
    pub fn weight(&self) -> &Array2<A> {
        &self.weight
    }

    /// The error for what is at `place` in a batch of samples of this many steps.
    fn wrong_index(&self, index: A, place: usize, steps: usize) -> Error {
        Error::Values {
            layer: format!("{self:?}"),
            wants: format!("whole numbers from 0 to {}", self.weight.nrows() - 1),
            got: format!("{index} at step {}", place % steps),
            row: Some(place / steps),
        }
    }
}

/// What was looked up: the row of W, and the place in y.
type Lookups = Vec<(usize, usize)>;

impl<A: Scalar> Layer<A> for Embedding<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        let (count, features) = self.weight.dim();
        // Beyond, not every whole number is one of the type's.
        let most = 2.0 / A::EPSILON.to_f64();
        let ok = count > 0 && count as f64 <= most;
        check_setting_of(self, "rows", count as f64, "at least 1, and whole numbers of its type", ok)?;
        check_setting_of(self, "features", features as f64, "at least 1", features > 0)?;
        match input {
            Shape::Flat(steps) | Shape::Sequence { steps, features: 1 } => {
                check_size(self, input, Shape::Sequence { steps, features })
            }
            _ => Err(Error::Input { layer: format!("{self:?}"), wants: "one index for each step".into(), got: input }),
        }
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let ((count, features), weight) = (self.weight.dim(), flat(&self.weight));
        let lookups = pass.cache.get::<Lookups>();
        lookups.clear();
        for (place, (&x, y)) in flat(x).iter().zip(flat_mut(y).chunks_exact_mut(features)).enumerate() {
            let index = x.to_f64();
            // Neither NaN, nor infinite, nor negative, nor a fraction. -0 is 0.
            if !(index >= 0.0 && index < count as f64 && index.fract() == 0.0) {
                lookups.clear();
                return Err(self.wrong_index(x, place, pass.input.len()));
            }
            let index = index as usize;
            y.copy_from_slice(&weight[index * features..][..features]);
            if pass.recording {
                lookups.push((index, place));
            }
        }
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let features = self.weight.ncols();
        let lookups = pass.cache.get::<Lookups>();
        // By index, and for each by place: so sums have an order of their own.
        lookups.sort_unstable();
        let (dy, dw) = (flat(at.dy), flat_mut(&mut at.dw[0]));
        dw.fill(A::ZERO);
        for same in lookups.chunk_by(|a, b| a.0 == b.0) {
            let index = same[0].0;
            if self.padding != Some(index) {
                add_places(dy, same, &mut dw[index * features..][..features]);
            }
        }
        if let Some(dx) = at.dx {
            dx.fill(A::ZERO);
        }
        Ok(())
    }

    parameters!(A: weight);

    /// It looks up, and multiplies nothing.
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

    /// Layers are given the indices as floats, in a row whatever the shape.
    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let input = operators.input();
        operators.reshape(input, input.len().into());
        let weight = operators.parameter_constant("weight", None)?;
        operators.then("Cast", &[], [("to", Attribute::Int(INT64))]);
        let rows = operators.node("Gather", &[&weight, &operators.value()], [("axis", Attribute::Int(0))]);
        operators.set_value(rows);
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

/// The sum of dy over the places of one index, in `f64` for some columns at a time.
fn add_places<A: Scalar>(dy: &[A], places: &[(usize, usize)], dw: &mut [A]) {
    const COLUMNS: usize = 64;
    let width = dw.len();
    vectorize(
        #[inline(always)]
        || {
            for (tile, dw) in dw.chunks_mut(COLUMNS).enumerate() {
                let mut sums = [0.0; COLUMNS];
                let sums = &mut sums[..dw.len()];
                for &(_, place) in places {
                    let dy = &dy[place * width + tile * COLUMNS..][..dw.len()];
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
