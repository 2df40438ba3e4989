//! [`Conv2d`]: convolution of images.

use std::fmt;

use ndarray::{Array1, Array2, Array4};
use rand::Rng;

use crate::init::full;
use crate::kernels::convolution::{Convolution, Geometry};
use crate::kernels::window::Window;
use crate::kernels::{flat, flat_mut};
use crate::layer::{Backward, Layer, Needs, Parameter, Parts, Pass, Restore, parameters};
use crate::layers::windows::{
    axes_text, bias_parameter, bias_row, check_sizes, convolve, fan, group_attribute, not_image_of, restore_bias,
    restore_sizes, uniform, weight_rows, window_attributes, write_end,
};
use crate::spec::Spec;
use crate::spec::layout::{Piece, System};
use crate::spec::onnx::Operators;
use crate::spec::rust::{Channels, Code, functions};
use crate::{Init, Matrix, Result, Scalar, Shape};

/// A convolution of images: y(o, p, q) = b(o) + Σ w(o, c, i, j) · x(c, p·stride + i·dilation - padding, q·stride +
/// j·dilation - padding), over input channels c and kernel elements (i, j).
///
/// As in other deep-learning libraries, this is a cross-correlation: the kernel is not flipped. The image is padded
/// with zeros (see [`Padding`](crate::layers::Padding)); an axis of length n, including padding, gives ⌊(n -
/// dilation·(kernel - 1) - 1) / stride⌋ + 1 positions. With groups, output channels depend only on the input channels
/// of their group.
///
/// x is (samples, `[channels, height, width]`); weights are stored as (output channels, input channels per group ·
/// kernel height · kernel width), `PyTorch`'s layout.
///
/// ```
/// use neuropil::prelude::*;
///
/// let network = Sequential::<f32>::new([1, 28, 28])
///     .with(Conv2d::new(1, 6, [5, 5], &mut rng(0)).padding(2))?
///     .with(Relu)?
///     .with(Conv2d::new(6, 16, [5, 5], &mut rng(1)).stride([2, 2]))?;
/// assert_eq!(network.output(), [16, 12, 12].into());
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Conv2d<A: Scalar> {
    /// W, (outputs, inputs per group · kernel height · kernel width)
    weight: Parameter<A>,
    /// b, (1, outputs)
    bias: Option<Parameter<A>>,
    /// Input channels, of all groups together.
    inputs: usize,
    groups: usize,
    window: Window,
}

impl<A: Scalar> Conv2d<A> {
    /// Creates a convolution with weights and biases uniform in ±1/√(input channels · kernel size), `PyTorch`'s
    /// default.
    pub fn new(inputs: usize, outputs: usize, kernel: [usize; 2], rng: &mut impl Rng) -> Self {
        Self::grouped(inputs, outputs, kernel, 1, rng)
    }

    /// Creates a grouped convolution, initialized like [`new`](Self::new) with the input channels of a group; with one
    /// group per channel it is depthwise.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let depthwise = Conv2d::<f32>::grouped(8, 16, [3, 3], 8, &mut rng(0));
    /// assert_eq!(depthwise.weight().dim(), (16, 9));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn grouped(inputs: usize, outputs: usize, kernel: [usize; 2], groups: usize, rng: &mut impl Rng) -> Self {
        let init = uniform(fan(inputs, kernel, groups));
        let mut layer = Self::with_init(inputs, outputs, kernel, groups, init, rng);
        layer.bias = Some(bias_parameter(outputs, init.matrix(1, outputs, rng)));
        layer
    }

    /// Creates a convolution with weights from `init` and zero biases.
    pub fn with_init(
        inputs: usize,
        outputs: usize,
        kernel: [usize; 2],
        groups: usize,
        init: Init,
        rng: &mut impl Rng,
    ) -> Self {
        let (fan_in, fan_out) = (fan(inputs, kernel, groups), fan(outputs, kernel, groups));
        let weight = init.matrix_with_fans(outputs, fan_in, fan_in, fan_out, rng);
        let bias = Some(full(1, outputs, A::ZERO));
        Self::of(weight, bias, [inputs, outputs], groups, Window::new(kernel, [1, 1]))
    }

    /// Creates a convolution from weights, (output channels, input channels per group, height, width), and biases, one
    /// per output channel.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for 0 channels, an empty kernel, or groups that do not divide both
    /// numbers of channels; [`Error::Dimensions`](crate::Error::Dimensions) unless there is one bias per output
    /// channel.
    pub fn from_parameters(weight: Array4<A>, bias: Option<Array1<A>>, groups: usize) -> Result<Self> {
        let (outputs, inputs, height, width) = weight.dim();
        let inputs = inputs.saturating_mul(groups);
        let bias = bias.map(|bias| bias_row("Conv2d", inputs, outputs, bias)).transpose()?;
        let weight = weight_rows(&weight, outputs);
        let layer = Self::of(weight, bias, [inputs, outputs], groups, Window::new([height, width], [1, 1]));
        layer.check()?;
        Ok(layer)
    }

    /// The layer with these parameters.
    fn of(
        weight: Array2<A>,
        bias: Option<Array2<A>>,
        [inputs, outputs]: [usize; 2],
        groups: usize,
        window: Window,
    ) -> Self {
        let dims = [outputs, inputs / groups.max(1), window.kernel[0], window.kernel[1]];
        let weight = Parameter::weight("weight", &dims, weight);
        Self { weight, bias: bias.map(|bias| bias_parameter(outputs, bias)), inputs, groups, window }
    }

    fn check(&self) -> Result<()> {
        check_sizes(self, [self.inputs, self.weight.nrows()], self.groups)?;
        self.window.check(|| format!("{self:?}"))
    }

    image_setters!(stride, padding, dilation);
    bias_methods!();

    /// The weights, (output channels, input channels per group · kernel height · kernel width).
    pub fn weight(&self) -> &Array2<A> {
        &self.weight
    }

    fn geometry(&self, input: Shape) -> Result<Geometry> {
        check_sizes(self, [self.inputs, self.weight.nrows()], self.groups)?;
        if !matches!(input, Shape::Image { channels, .. } if channels == self.inputs) {
            return Err(not_image_of(self.inputs, self, input));
        }
        let axes = self.window.axes(|| format!("{self:?}"), input)?;
        let (inputs, outputs) = (self.inputs / self.groups, self.weight.nrows() / self.groups);
        Ok(Geometry { axes, groups: self.groups, inputs, outputs })
    }
}

impl<A: Scalar> Layer<A> for Conv2d<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        let [rows, columns] = self.geometry(input)?.axes;
        Ok([self.weight.nrows(), rows.output, columns.output].into())
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let geometry = self.geometry(pass.input)?;
        let bias = self.bias.as_ref().map(|bias| flat(bias));
        pass.cache.get::<Convolution<A>>().forward(&geometry, flat(&self.weight), bias, flat(x), flat_mut(y));
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let geometry = self.geometry(pass.input)?;
        let (dw, db) = at.dw.split_at_mut(1);
        pass.cache.get::<Convolution<A>>().backward(
            &geometry,
            flat(&self.weight),
            [flat(at.x), flat(at.dy)],
            at.dx.map(|dx| flat_mut(dx)),
            flat_mut(&mut dw[0]),
            db.first_mut().map(|db| flat_mut(db)),
        );
        Ok(())
    }

    parameters!(A: weight, bias);

    fn needs(&self, input: Shape, _: Shape) -> Needs {
        self.geometry(input).map_or(Needs::default(), |geometry| Needs::once(geometry.needs()))
    }

    fn spec(&self) -> Option<Spec> {
        let spec = Spec::new("conv2d").set("inputs", self.inputs).set("outputs", self.weight.nrows());
        let spec = self.window.describe(spec.set("groups", self.groups));
        Some(spec.set("bias", self.bias.is_some()))
    }

    /// Keras stores the kernel as (height, width, inputs, outputs). Its depthwise convolution is a separate layer, with
    /// the same values as (height, width, channels, outputs per channel).
    fn layout(&self, system: System, name: &str, dims: &[usize]) -> Vec<Piece> {
        vec![match (system, name, dims) {
            (System::Keras, "weight", &[outputs, 1, height, width]) => {
                Piece::axes("kernel", dims, &[2, 3, 1, 0]).shaped(&[height, width, self.groups, outputs / self.groups])
            }
            (System::Keras, "weight", _) => Piece::axes("kernel", dims, &[2, 3, 1, 0]),
            _ => Piece::whole(name, dims),
        }]
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let [kernel, strides, dilations, pads] = window_attributes(self.geometry(operators.input())?.axes);
        let weight = operators.parameter_constant("weight", None)?;
        convolve(operators, "Conv", &weight, [kernel, strides, dilations, pads, group_attribute(self.groups)])
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let axes = self.geometry(code.input())?.axes;
        let outputs = self.weight.nrows() * axes[0].output * axes[1].output;
        let channels = Channels::rows(self.weight.ncols());
        code.linear(&functions::CONV2D, outputs, ("weight", "bias"), channels, &[&axes_text(axes), &self.groups])
    }
}

impl<A: Scalar> Restore<A> for Conv2d<A> {
    const KIND: &'static str = "conv2d";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let [inputs, outputs, groups] = restore_sizes(parts)?;
        let window = Window::restore(parts.spec())?;
        let weight = parts.array("weight", outputs, fan(inputs, window.kernel, groups))?;
        let bias = restore_bias(parts, outputs)?;
        Ok(Self::of(weight, bias, [inputs, outputs], groups, window))
    }
}

impl<A: Scalar> fmt::Debug for Conv2d<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Conv2d({} -> {}, {}", self.inputs, self.weight.nrows(), self.window)?;
        write_end(f, self.groups, self.bias.is_some())
    }
}
