//! [`SpatialDropout`]: zeroes random channels during training.

use crate::kernels::rows::{Rows, each_row};
use crate::kernels::{channels, channels_of, flat, flat_mut};
use crate::layer::{Backward, Layer, Parts, Pass, Restore, Steps};
use crate::layers::dropout::{check_probability, draw};
use crate::spec::Spec;
use crate::spec::onnx::Operators;
use crate::spec::rust::Code;
use crate::{Matrix, Result, Scalar, Shape};

/// [`Dropout`](super::Dropout) of entire channels: feature maps of an image, or features of a sequence over all steps
/// (Tompson et al., 2015; `PyTorch`'s `Dropout1d` and `Dropout2d`).
///
/// Adjacent pixels of a feature map are strongly correlated, so dropping single ones has little effect. During
/// training, a factor m꜀ is drawn for each channel c of each sample, 0 with probability p and otherwise 1/(1 - p), for
/// y = m꜀·x and dx = m꜀·dy. When predicting, y = x and dx = dy. A flat feature is a channel of one element. Accepts any
/// shape.
///
/// # Errors
/// A probability outside 0 to 1 is an [`Error::Setting`](crate::Error::Setting) when the layer is added to a network.
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let network = Sequential::new([2, 1, 2]).with(SpatialDropout::new(0.5))?; // two maps of two pixels
/// let mut tape = Tape::new(&network, 7);
/// let y = tape.forward(&network, &array![[1.0, 1.0, 1.0, 1.0]])?;
/// assert!(y[[0, 0]] == y[[0, 1]] && y[[0, 2]] == y[[0, 3]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpatialDropout {
    /// The probability that a channel is zeroed.
    pub probability: f64,
}

impl SpatialDropout {
    /// Creates a layer that zeroes each channel with this probability.
    pub const fn new(probability: f64) -> Self {
        Self { probability }
    }
}

/// y = m꜀·x; `mask` holds the factor of each channel of each sample.
fn scale<A: Scalar>(x: &Matrix<A>, mask: &[A], y: &mut Matrix<A>, input: Shape) {
    let ((count, stride), width) = (channels_of(input), input.len());
    let samples = (Rows(flat(x), width), Rows(flat_mut(y), width), Rows(mask, count));
    each_row(
        samples,
        width,
        #[inline(always)]
        move |(x, y, mask)| channels::each((x, y), stride, mask, |(&x, y), &m| *y = x * m),
    );
}

impl<A: Scalar> Layer<A> for SpatialDropout {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        check_probability("SpatialDropout's probability", self.probability)?;
        Ok(input)
    }

    fn steps(&self, _: Shape) -> Steps {
        Steps::Causal
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        if !pass.training {
            y.assign(x);
            return Ok(());
        }
        let mask = pass.cache.get::<Vec<A>>();
        draw(mask, x.nrows() * channels_of(pass.input).0, self.probability, pass.rng);
        scale(x, mask, y, pass.input);
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let Some(dx) = at.dx else { return Ok(()) };
        if pass.training {
            scale(at.dy, pass.cache.get::<Vec<A>>(), dx, pass.input);
        } else {
            dx.assign(at.dy);
        }
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("spatial_dropout").set("probability", self.probability))
    }

    fn onnx(&self, _: &mut Operators) -> Result<()> {
        Ok(())
    }

    fn rust(&self, _: &mut Code) -> Result<()> {
        Ok(())
    }
}

impl<A: Scalar> Restore<A> for SpatialDropout {
    const KIND: &'static str = "spatial_dropout";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        Ok(SpatialDropout::new(parts.spec().number("probability")?))
    }
}
