//! [`ConvTranspose2d`]: transposed convolution of images.

use std::fmt;

use ndarray::{Array1, Array2, Array4};
use rand::Rng;

use crate::init::full;
use crate::kernels::channels::block_sums;
use crate::kernels::convolution::{Convolution, Geometry};
use crate::kernels::rows::{Rows, each_row};
use crate::kernels::simd::rows;
use crate::kernels::streams::Streams;
use crate::kernels::window::Window;
use crate::kernels::{flat, flat_mut};
use crate::layer::{Backward, Layer, Needs, Parameter, Parts, Pass, Restore, parameters};
use crate::layers::Padding;
use crate::layers::windows::{
    axes_text, bias_parameter, bias_row, check_sizes, convolve, fan, group_attribute, not_image_of, restore_bias,
    restore_sizes, uniform, weight_rows, window_attributes, write_end,
};
use crate::spec::Spec;
use crate::spec::layout::{Piece, System};
use crate::spec::onnx::{Attribute, Operators};
use crate::spec::rust::{Channels, Code, functions};
use crate::{Error, Init, Matrix, Result, Scalar, Shape};

/// A transposed convolution: the gradient of a [`Conv2d`](crate::layers::Conv2d) with respect to its input.
///
/// Each pixel (i, j) of x adds the kernel, times its value, to y at (i·stride - padding, j·stride - padding); overlaps
/// are summed, then the bias is added. An axis of length n gives (n - 1)·stride + dilation·(kernel - 1) + 1 + output
/// padding pixels, from which the padding is cropped on both sides. A strided convolution maps several input sizes to
/// the same output size; output padding selects one of them.
///
/// x is (samples, `[channels, height, width]`); weights are stored as (input channels, output channels per group ·
/// kernel height · kernel width), `PyTorch`'s layout.
///
/// ```
/// use neuropil::layers::Padding;
/// use neuropil::prelude::*;
///
/// let network = Sequential::<f32>::new([8, 7, 7])
///     .with(ConvTranspose2d::new(8, 4, [4, 4], &mut rng(0)).stride([2, 2]).padding(1))?
///     .with(Relu)?
///     .with(ConvTranspose2d::new(4, 1, [3, 3], &mut rng(1)).stride([2, 2]).padding(Padding::Same))?;
/// assert_eq!(network.output(), [1, 28, 28].into());
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct ConvTranspose2d<A: Scalar> {
    /// W, (inputs, outputs per group · kernel height · kernel width)
    weight: Parameter<A>,
    /// b, (1, outputs)
    bias: Option<Parameter<A>>,
    /// Output channels, of all groups together.
    outputs: usize,
    groups: usize,
    window: Window,
    output_padding: [usize; 2],
}

impl<A: Scalar> ConvTranspose2d<A> {
    /// Creates a transposed convolution with weights and biases uniform in ±1/√(output channels · kernel size),
    /// `PyTorch`'s default.
    pub fn new(inputs: usize, outputs: usize, kernel: [usize; 2], rng: &mut impl Rng) -> Self {
        Self::grouped(inputs, outputs, kernel, 1, rng)
    }

    /// Creates a grouped transposed convolution, initialized like [`new`](Self::new) with the output channels of a
    /// group.
    pub fn grouped(inputs: usize, outputs: usize, kernel: [usize; 2], groups: usize, rng: &mut impl Rng) -> Self {
        let init = uniform(fan(outputs, kernel, groups));
        let mut layer = Self::with_init(inputs, outputs, kernel, groups, init, rng);
        layer.bias = Some(bias_parameter(outputs, init.matrix(1, outputs, rng)));
        layer
    }

    /// Creates a transposed convolution with weights from `init` and zero biases. The fan-in is the number of input
    /// channels per group times the kernel size, as for a convolution.
    pub fn with_init(
        inputs: usize,
        outputs: usize,
        kernel: [usize; 2],
        groups: usize,
        init: Init,
        rng: &mut impl Rng,
    ) -> Self {
        let (fan_in, fan_out) = (fan(inputs, kernel, groups), fan(outputs, kernel, groups));
        let weight = init.matrix_with_fans(inputs, fan_out, fan_in, fan_out, rng);
        let bias = Some(full(1, outputs, A::ZERO));
        Self::of(weight, bias, [inputs, outputs], groups, Window::new(kernel, [1, 1]))
    }

    /// Creates a transposed convolution from weights, (input channels, output channels per group, height, width), and
    /// biases, one per output channel.
    ///
    /// ```
    /// use neuropil::prelude::*;
    /// use ndarray::array;
    ///
    /// let layer = ConvTranspose2d::from_parameters(array![[[[1.0, 10.0, 100.0]]]], None, 1)?;
    /// let network = Sequential::new([1, 1, 2]).with(layer)?;
    /// assert_eq!(network.predict(&array![[3.0, 2.0]])?, array![[3.0, 32.0, 320.0, 200.0]]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] for 0 channels, an empty kernel, or groups that do not divide both numbers of channels;
    /// [`Error::Dimensions`] unless there is one bias per output channel.
    pub fn from_parameters(weight: Array4<A>, bias: Option<Array1<A>>, groups: usize) -> Result<Self> {
        let (inputs, outputs, height, width) = weight.dim();
        let outputs = outputs.saturating_mul(groups);
        let bias = bias.map(|bias| bias_row("ConvTranspose2d", inputs, outputs, bias)).transpose()?;
        let weight = weight_rows(&weight, inputs);
        let layer = Self::of(weight, bias, [inputs, outputs], groups, Window::new([height, width], [1, 1]));
        layer.check()?;
        Ok(layer)
    }

    /// The layer with these parameters, without output padding.
    fn of(
        weight: Array2<A>,
        bias: Option<Array2<A>>,
        [inputs, outputs]: [usize; 2],
        groups: usize,
        window: Window,
    ) -> Self {
        let dims = [inputs, outputs / groups.max(1), window.kernel[0], window.kernel[1]];
        let weight = Parameter::weight("weight", &dims, weight);
        let bias = bias.map(|bias| bias_parameter(outputs, bias));
        Self { weight, bias, outputs, groups, window, output_padding: [0, 0] }
    }

    fn check(&self) -> Result<()> {
        check_sizes(self, [self.weight.nrows(), self.outputs], self.groups)?;
        self.window.check(|| format!("{self:?}"))
    }

    /// Sets the stride, in rows and columns; 1 by default.
    #[must_use]
    pub fn stride(mut self, stride: [usize; 2]) -> Self {
        self.window.stride = stride;
        self
    }

    /// Sets the padding, which crops the result; none by default. [`Padding::Same`] turns n pixels into n·stride, as in
    /// Keras: an odd total crops one more pixel at the end, a negative one appends pixels that hold only the bias.
    #[must_use]
    pub fn padding(mut self, padding: impl Into<Padding>) -> Self {
        self.window.padding = padding.into();
        self
    }

    /// Sets the output padding, 0 by default: rows and columns added at the end of the result, fewer than the larger of
    /// stride and dilation.
    #[must_use]
    pub fn output_padding(mut self, padding: [usize; 2]) -> Self {
        self.output_padding = padding;
        self
    }

    image_setters!(dilation);
    bias_methods!();

    /// The weights, (input channels, output channels per group · kernel height · kernel width).
    pub fn weight(&self) -> &Array2<A> {
        &self.weight
    }

    /// The convolution that this layer transposes: from its output to its input.
    fn geometry(&self, input: Shape) -> Result<Geometry> {
        let inputs = self.weight.nrows();
        let wrong = |wants: String| Error::Input { layer: format!("{self:?}"), wants, got: input };
        let (height, width) = match input {
            Shape::Image { channels, height, width } if channels == inputs => (height, width),
            _ => return Err(not_image_of(inputs, self, input)),
        };
        self.check()?;
        for i in 0..2 {
            let most = self.window.stride[i].max(self.window.dilation[i]) - 1;
            if self.output_padding[i] > most {
                let (what, wants) = (format!("the output padding of {self:?}"), "below the stride or the dilation");
                return Err(Error::Setting { what, wants, got: self.output_padding[i] as f64 });
            }
        }
        if height == 0 || width == 0 {
            return Err(wrong("images of at least 1 x 1 pixels".into()));
        }
        let axes = [(0, height), (1, width)].map(|(i, n)| self.window.transposed_axis(i, n, self.output_padding[i]));
        let [rows, columns] = axes;
        if rows.input == 0 || columns.input == 0 {
            return Err(wrong("images whose output is larger than the padding that is cut off".into()));
        }
        let (inputs, outputs) = (self.outputs / self.groups, inputs / self.groups);
        Ok(Geometry { axes, groups: self.groups, inputs, outputs })
    }
}

/// The state on a tape.
#[derive(Debug)]
struct State<A> {
    convolution: Convolution<A>,
    /// The gradient of the bias for blocks of samples, and its sum.
    partial: Vec<f64>,
    sums: Vec<f64>,
}

impl<A> Default for State<A> {
    fn default() -> Self {
        Self { convolution: Convolution::default(), partial: Vec::new(), sums: Vec::new() }
    }
}

impl<A: Scalar> Layer<A> for ConvTranspose2d<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        let [rows, columns] = self.geometry(input)?.axes;
        Ok([self.outputs, rows.input, columns.input].into())
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let geometry = self.geometry(pass.input)?;
        let convolution = &mut pass.cache.get::<State<A>>().convolution;
        convolution.input_gradient(&geometry, flat(&self.weight), flat(x), flat_mut(y));
        if let Some(bias) = &self.bias {
            let (bias, width, plane) = (flat(bias), y.ncols(), y.ncols() / self.outputs);
            each_row(
                Rows(flat_mut(y), width),
                width,
                #[inline(always)]
                |y| {
                    for (y, &b) in y.chunks_exact_mut(plane).zip(bias) {
                        y.iter_mut().for_each(|y| *y += b);
                    }
                },
            );
        }
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let geometry = self.geometry(pass.input)?;
        let State { convolution, partial, sums } = pass.cache.get::<State<A>>();
        let (x, dy, width) = (flat(at.x), flat(at.dy), at.dy.ncols());
        // To the convolution, dy is the input, and x the gradient of the output.
        let (dw, db) = at.dw.split_at_mut(1);
        convolution.backward(&geometry, flat(&self.weight), [dy, x], None, flat_mut(&mut dw[0]), None);
        if let Some(dx) = at.dx {
            convolution.forward(&geometry, flat(&self.weight), None, dy, flat_mut(dx));
        }
        if let Some(db) = db.first_mut() {
            sums.resize(self.outputs, 0.0);
            let plane = width / self.outputs;
            block_sums(
                Rows(dy, width),
                width,
                partial,
                sums,
                #[inline(always)]
                |samples: Rows<&[A]>, sums| {
                    for dy in samples.items() {
                        for (dy, sum) in dy.chunks_exact(plane).zip(&mut *sums) {
                            *sum += rows::sum(dy, |&dy| dy);
                        }
                    }
                },
            );
            db.iter_mut().zip(&*sums).for_each(|(db, &sum)| *db = A::of(sum));
        }
        Ok(())
    }

    parameters!(A: weight, bias);

    fn needs(&self, input: Shape, _: Shape) -> Needs {
        self.geometry(input).map_or(Needs::default(), |geometry| Needs::once(geometry.needs()))
    }

    /// Each weight is multiplied by each input pixel.
    fn multiply_adds(&self, input: Shape) -> u64 {
        (self.weight.len() as u64).saturating_mul(input.positions() as u64)
    }

    fn spec(&self) -> Option<Spec> {
        let spec = Spec::new("conv_transpose2d").set("inputs", self.weight.nrows()).set("outputs", self.outputs);
        let spec = self.window.describe(spec.set("groups", self.groups)).set("output_padding", self.output_padding);
        Some(spec.set("bias", self.bias.is_some()))
    }

    /// Keras stores the kernel as (height, width, outputs, inputs).
    fn layout(&self, system: System, name: &str, dims: &[usize]) -> Vec<Piece> {
        vec![match (system, name) {
            (System::Keras, "weight") => Piece::axes("kernel", dims, &[2, 3, 1, 0]),
            _ => Piece::whole(name, dims),
        }]
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let axes = self.geometry(operators.input())?.axes;
        // The pixels past the last window.
        let rest = axes.map(|axis| axis.padded() - (axis.output - 1) * axis.stride - axis.span());
        let [kernel, strides, dilations, pads] = window_attributes(axes);
        let rest = ("output_padding", Attribute::sizes(rest));
        let attributes = [kernel, strides, dilations, pads, rest, group_attribute(self.groups)];
        let weight = operators.parameter_constant("weight", None)?;
        convolve(operators, "ConvTranspose", &weight, attributes)
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let axes = self.geometry(code.input())?.axes;
        let outputs = self.outputs * axes[0].input * axes[1].input;
        let [inner, outer] = [self.window.kernel.iter().product(), self.weight.len() / self.groups];
        let channels = Channels { inner, count: self.outputs / self.groups, outer };
        code.linear(
            &functions::CONV_TRANSPOSE2D,
            outputs,
            ("weight", "bias"),
            channels,
            &[&axes_text(axes), &self.groups],
        )
    }
}

impl<A: Scalar> Restore<A> for ConvTranspose2d<A> {
    const KIND: &'static str = "conv_transpose2d";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let [inputs, outputs, groups] = restore_sizes(parts)?;
        let (window, output_padding) = (Window::restore(parts.spec())?, parts.spec().counts("output_padding")?);
        let weight = parts.array("weight", inputs, fan(outputs, window.kernel, groups))?;
        let bias = restore_bias(parts, outputs)?;
        Ok(Self { output_padding, ..Self::of(weight, bias, [inputs, outputs], groups, window) })
    }
}

impl<A: Scalar> fmt::Debug for ConvTranspose2d<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConvTranspose2d({} -> {}, {}", self.weight.nrows(), self.outputs, self.window)?;
        if self.output_padding != [0, 0] {
            write!(f, ", output padding {}x{}", self.output_padding[0], self.output_padding[1])?;
        }
        write_end(f, self.groups, self.bias.is_some())
    }
}
