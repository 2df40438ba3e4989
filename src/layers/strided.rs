//! [`Strided`]: slices, reversals, repetitions and transpositions of a sample.

use std::fmt;

use crate::kernels::rows::{Rows, each_row};
use crate::kernels::{flat, flat_mut};
use crate::layer::{Backward, Layer, Parts, Pass, Restore};
use crate::spec::Spec;
use crate::spec::onnx::{Attribute, Operators, Tensor, dims};
use crate::spec::rust::{Code, functions};
use crate::{Error, Matrix, Result, Scalar, Shape};

/// Reads the elements of a sample with strides: y\[i, j, …\] = x\[offset + i·strides₁ + j·strides₂ + …\].
///
/// Positive strides give a slice, negative ones a reversal, 0 a repetition, and strides in another order a
/// transposition. It is `PyTorch`'s `as_strided` without the batch axis, extended to negative strides. dx is the sum of
/// dy over all elements of y that read the same element of x.
///
/// ```
/// use neuropil::layers::Strided;
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// // The last two of three steps, in reverse order.
/// let network = Sequential::new([3, 2]).with(Strided::new([3, 2], [2, 2], [-2, 1], 4))?;
/// assert_eq!(network.predict(&array![[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])?, array![[5.0, 6.0, 3.0, 4.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Strided {
    /// The length of a sample. Others are rejected, because their last elements would be ignored.
    input: usize,
    shape: Shape,
    /// The size and the stride of each axis; the product of the sizes is the length of the shape.
    axes: Vec<(usize, isize)>,
    offset: usize,
}

impl Strided {
    /// Creates a layer for samples of the shape `input`, with outputs of the shape `output`, one stride per axis of the
    /// output, and the offset of the first element.
    pub fn new<const AXES: usize>(
        input: impl Into<Shape>,
        output: impl Into<Shape>,
        strides: [isize; AXES],
        offset: usize,
    ) -> Self {
        let (input, shape) = (input.into().len(), output.into());
        // Too few strides leave an axis out, too many add one of size 0: errors when the layer is added to a network.
        let axes = dims(shape).into_iter().chain(std::iter::repeat(0)).zip(strides).collect();
        Self { input, shape, axes, offset }
    }

    /// Whether all elements lie within a sample, and fill the shape.
    fn fits(&self) -> bool {
        let product = self.axes.iter().try_fold(1_usize, |product, &(size, _)| product.checked_mul(size));
        let (mut low, mut high) = (self.offset as i128, self.offset as i128);
        for &(size, stride) in &self.axes {
            // Both factors are below 2⁶⁴.
            let reach = (size.max(1) as i128 - 1) * stride as i128;
            (low, high) = (low.saturating_add(reach.min(0)), high.saturating_add(reach.max(0)));
        }
        product == Some(self.shape.len()) && self.shape.len() > 0 && low >= 0 && high < self.input as i128
    }

    /// Calls `f` for each innermost row of y with its index, and with the start and stride in x.
    #[inline(always)]
    fn each(&self, mut f: impl FnMut(usize, usize, isize)) {
        let [outer @ .., (_, stride)] = &*self.axes else { return };
        let rows = outer.iter().map(|(size, _)| size).product();
        for row in 0..rows {
            let (mut rest, mut start) = (row, self.offset as isize);
            for &(size, stride) in outer.iter().rev() {
                start += (rest % size) as isize * stride;
                rest /= size;
            }
            f(row, start as usize, *stride);
        }
    }

    /// The size of an innermost row of y.
    fn width(&self) -> usize {
        self.axes.last().map_or(1, |&(size, _)| size)
    }
}

impl<A: Scalar> Layer<A> for Strided {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        let wrong = |wants: String| Err(Error::Input { layer: format!("{self:?}"), wants, got: input });
        if input.len() != self.input {
            return wrong(format!("samples of {} elements", self.input));
        }
        if !self.fits() {
            return wrong("samples with every element that it reads".into());
        }
        Ok(self.shape)
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let (from, to, width) = (pass.input.len(), self.shape.len(), self.width());
        each_row((Rows(flat(x), from), Rows(flat_mut(y), to)), to, |(x, y)| {
            self.each(|row, start, stride| {
                let y = &mut y[row * width..][..width];
                if stride == 1 {
                    return y.copy_from_slice(&x[start..][..width]);
                }
                for (i, y) in y.iter_mut().enumerate() {
                    *y = x[start.wrapping_add_signed(i as isize * stride)];
                }
            });
        });
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let Some(dx) = at.dx else { return Ok(()) };
        let (from, to, width) = (pass.input.len(), self.shape.len(), self.width());
        each_row((Rows(flat_mut(dx), from), Rows(flat(at.dy), to)), from, |(dx, dy)| {
            dx.fill(A::ZERO);
            self.each(|row, start, stride| {
                for (i, &dy) in dy[row * width..][..width].iter().enumerate() {
                    dx[start.wrapping_add_signed(i as isize * stride)] += dy;
                }
            });
        });
        Ok(())
    }

    fn spec(&self) -> Option<Spec> {
        let (sizes, strides): (Vec<usize>, Vec<f64>) =
            self.axes.iter().map(|&(size, stride)| (size, stride as f64)).unzip();
        let spec = Spec::new("strided")
            .set("input", self.input)
            .set("shape", self.shape)
            .set("sizes", sizes)
            .set("strides", strides);
        Some(spec.set("offset", self.offset))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let (width, mut indices) = (self.width(), Vec::new());
        self.each(|_, start, stride| {
            indices.extend((0..width as isize).map(|i| start.wrapping_add_signed(i * stride) as i64));
        });
        operators.reshape(operators.input(), Shape::Flat(operators.input().len()));
        let indices = operators.unnamed(Tensor::ints(&dims(self.shape), &indices));
        operators.then("Gather", &[&indices], [("axis", Attribute::Int(1))]);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let axes = format!("&{:?}", self.axes);
        code.then(&functions::STRIDED, self.shape.len(), &[&axes, &self.offset]);
        Ok(())
    }
}

impl<A: Scalar> Restore<A> for Strided {
    const KIND: &'static str = "strided";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let spec = parts.spec();
        let (sizes, strides) = (spec.numbers("sizes")?, spec.numbers("strides")?);
        let sized = sizes.iter().all(|&size| size >= 1.0 && size.fract() == 0.0);
        if sizes.len() != strides.len() || !sized || strides.iter().any(|stride| stride.fract() != 0.0) {
            return Err(spec.problem("its sizes and strides are not lists of integers of one length".into()));
        }
        let axes = sizes.iter().zip(strides).map(|(&size, stride)| (size as usize, stride as isize)).collect();
        Ok(Self { input: spec.count("input")?, shape: spec.shape("shape")?, axes, offset: spec.count("offset")? })
    }
}

impl fmt::Debug for Strided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let axes: Vec<String> = self.axes.iter().map(|(size, stride)| format!("{size} by {stride}")).collect();
        write!(f, "Strided({} from {})", axes.join(", "), self.offset)
    }
}
