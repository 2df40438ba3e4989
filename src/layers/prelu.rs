//! [`PRelu`]: a rectifier with a learnable negative slope.

use std::fmt;

use ndarray::{Array1, Array2, Axis};

use crate::init::full;
use crate::kernels::channels::{self, block_sums};
use crate::kernels::rows::{Rows, each_row};
use crate::kernels::simd::{each, sum};
use crate::kernels::{channels_of, flat, flat_mut};
use crate::layer::{Backward, Layer, Parameter, Parts, Pass, Restore, Steps, parameters};
use crate::spec::Spec;
use crate::spec::layout::{Piece, System};
use crate::spec::onnx::Operators;
use crate::spec::rust::{Code, functions};
use crate::{Error, Matrix, Result, Scalar, Shape};

/// The parametric rectified linear unit: x for x > 0, else w·x, with a learnable slope w (He et al., 2015).
///
/// There is one slope for all elements, or one per channel: a feature of flat samples or of steps, or a channel of an
/// image. w is (1, slopes), initialized to 0.25. With s(x) = 1 for x > 0 and w otherwise: y = x·s(x), dx = dy·s(x), and
/// dw is the sum of dy·x over the x <= 0 of its channel.
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let network = Sequential::new(2).with(PRelu::per_channel(2))?;
/// assert_eq!(network.parameter_count(), 2);
/// assert_eq!(network.predict(&array![[3.0, -4.0]])?, array![[3.0, -1.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct PRelu<A: Scalar> {
    /// w, (1, slopes)
    weight: Parameter<A>,
}

impl<A: Scalar> PRelu<A> {
    /// Creates a rectifier with one slope for all elements.
    pub fn new() -> Self {
        Self::per_channel(1)
    }

    /// Creates a rectifier with one slope per channel.
    pub fn per_channel(channels: usize) -> Self {
        Self { weight: Parameter::weight("weight", &[channels], full(1, channels, A::of(0.25))) }
    }

    /// Creates a rectifier with these slopes: one for all elements, or one per channel.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let layer = PRelu::from_parameters(ndarray::array![0.1_f32, 0.2]);
    /// assert_eq!(format!("{layer:?}"), "PRelu(2 slopes)");
    /// ```
    pub fn from_parameters(weight: Array1<A>) -> Self {
        Self { weight: Parameter::weight("weight", &[weight.len()], weight.insert_axis(Axis(0))) }
    }

    /// The slopes, (1, slopes).
    pub fn weight(&self) -> &Array2<A> {
        &self.weight
    }

    /// out = v·s(x), elementwise.
    fn scale(&self, x: &Matrix<A>, v: &Matrix<A>, out: &mut Matrix<A>, input: Shape) {
        let (x, v, out, w) = (flat(x), flat(v), flat_mut(out), flat(&self.weight));
        let scale = |x: A, v: A, w: A| if x > A::ZERO { v } else { w * v };
        if let &[w] = w {
            return each((x, v, out), |(&x, &v, out)| *out = scale(x, v, w));
        }
        let (_, stride) = channels_of(input);
        let samples = Rows((x, v, out), input.len());
        each_row(
            samples,
            input.len(),
            #[inline(always)]
            |sample| channels::each(sample, stride, w, |(&x, &v, out), &w| *out = scale(x, v, w)),
        );
    }
}

impl<A: Scalar> Default for PRelu<A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<A: Scalar> Layer<A> for PRelu<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        let slopes = self.weight.len();
        if slopes == 1 || (slopes == channels_of(input).0 && slopes > 0) {
            return Ok(input);
        }
        let wants = format!("{slopes} channels (a slope for each; or use one slope for all)");
        Err(Error::Input { layer: format!("{self:?}"), wants, got: input })
    }

    fn steps(&self, _: Shape) -> Steps {
        Steps::Each
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        self.scale(x, x, y, pass.input);
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let (x, dy, dw) = (flat(at.x), flat(at.dy), flat_mut(&mut at.dw[0]));
        let term = |(&x, &dy): (&A, &A)| if x > A::ZERO { A::ZERO } else { dy * x };
        if let [dw] = dw {
            *dw = A::of(sum((x, dy), term));
        } else {
            let ((_, stride), width, w) = (channels_of(pass.input), pass.input.len(), flat(&self.weight));
            let (partial, sums) = pass.cache.get::<(Vec<f64>, Vec<f64>)>();
            sums.resize(w.len(), 0.0);
            block_sums(
                Rows((x, dy), width),
                width,
                partial,
                sums,
                #[inline(always)]
                |rows, sums| channels::add_sums(rows.0, stride, w, sums, |at, _| term(at).to_f64()),
            );
            for (dw, &sum) in dw.iter_mut().zip(&*sums) {
                *dw = A::of(sum);
            }
        }
        if let Some(dx) = at.dx {
            self.scale(at.x, at.dy, dx, pass.input);
        }
        Ok(())
    }

    fn multiply_adds(&self, _: Shape) -> u64 {
        0 // Elementwise.
    }

    parameters!(A: weight);

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("p_relu").set("slopes", self.weight.len()))
    }

    /// Keras stores the slopes under the name `alpha`.
    fn layout(&self, system: System, name: &str, dims: &[usize]) -> Vec<Piece> {
        vec![Piece::whole(if system == System::Keras { "alpha" } else { name }, dims)]
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let dims = operators.per_channel(self.weight.len());
        let slopes = operators.parameter_constant("weight", Some(&dims))?;
        operators.then("PRelu", &[&slopes], []);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let (slopes, len) = (code.parameter("weight")?.len(), code.input().len());
        let stride = if slopes == 1 { len } else { channels_of(code.input()).1 };
        let weight = code.optional("weight");
        code.change(&functions::P_RELU, &[], &[&weight, &stride]);
        Ok(())
    }
}

impl<A: Scalar> Restore<A> for PRelu<A> {
    const KIND: &'static str = "p_relu";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let slopes = parts.spec().count("slopes")?;
        Ok(Self { weight: parts.weight("weight", &[slopes], 1, slopes)? })
    }
}

impl<A: Scalar> fmt::Debug for PRelu<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slopes = self.weight.len();
        write!(f, "PRelu({slopes} slope{})", if slopes == 1 { "" } else { "s" })
    }
}
