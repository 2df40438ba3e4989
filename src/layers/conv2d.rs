//! [`Conv2d`]: the same small window of weights everywhere on an image.

use std::fmt;

use ndarray::{Array1, Array2, Array4};
use rand::Rng;

use crate::kernels::convolution::{Convolution, Geometry};
use crate::kernels::window::Window;
use crate::kernels::{flat, flat_mut};
use crate::layers::windows::{bias_row, check_sizes, restore_bias, restore_sizes, uniform, weight_rows, write_end};
use crate::layer::{Backward, Info, Layer, Parts, Pass, Restore, Role};
use crate::spec::Spec;
use crate::{Error, Init, Matrix, Result, Scalar, Shape};

/// A convolution of images: y of channel o at a place is b(o) + Σ w(o, c, i, j) · x(c) under the window there, over
/// input channels c and taps (i, j).
///
/// As in every deep-learning library it is a cross-correlation: the window is not mirrored. The window steps by
/// `stride`, its taps are `dilation` apart, and the image has zeros around it (see
/// [`Padding`](crate::layers::Padding)); with these, an axis of n cells gives ⌊(n + padding - dilation·(kernel - 1) -
/// 1) / stride⌋ + 1. With groups, output channels see only the input channels of their own group.
///
/// x is (samples, `[channels, height, width]`); the weights are stored as (channels out, channels in a group · kernel
/// height · kernel width), which is `PyTorch`'s layout.
///
/// ```
/// use neuropil::prelude::*;
///
/// let network = Sequential::<f32>::new([1, 28, 28])
///     .with(Conv2d::new(1, 6, [5, 5], &mut rng(0))?.padding(2))?
///     .with(Relu)?
///     .with(Conv2d::new(6, 16, [5, 5], &mut rng(1))?.stride([2, 2]))?;
/// assert_eq!(network.output(), [16, 12, 12].into());
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Conv2d<A: Scalar> {
    weight: Array2<A>,
    bias: Option<Array2<A>>,
    /// Channels in, all of them.
    inputs: usize,
    groups: usize,
    window: Window,
}

impl<A: Scalar> Conv2d<A> {
    /// A convolution of all channels with weights and biases uniform in ±1/√(channels in · window), as `PyTorch` starts
    /// it.
    ///
    /// # Errors
    /// [`Error::Setting`] for a number of channels or a window of 0, or weights that no memory could hold.
    pub fn new(inputs: usize, outputs: usize, kernel: [usize; 2], rng: &mut impl Rng) -> Result<Self> {
        Self::grouped(inputs, outputs, kernel, 1, rng)
    }

    /// A convolution in groups of channels; with as many groups as channels it is depthwise.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let depthwise = Conv2d::<f32>::grouped(8, 16, [3, 3], 8, &mut rng(0))?;
    /// assert_eq!(depthwise.weight().dim(), (16, 9));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`new`](Self::new); [`Error::Setting`] if the groups do not divide both numbers of channels.
    pub fn grouped(
        inputs: usize,
        outputs: usize,
        kernel: [usize; 2],
        groups: usize,
        rng: &mut impl Rng,
    ) -> Result<Self> {
        let fan_in = check_sizes("Conv2d", inputs, outputs, &kernel, groups)?;
        let init = uniform(fan_in);
        let mut layer = Self::with_init(inputs, outputs, kernel, groups, init, rng)?;
        layer.bias = Some(init.matrix(1, outputs, rng));
        Ok(layer)
    }

    /// A convolution whose weights come from `init`, with a bias of zero.
    ///
    /// # Errors
    /// Those of [`grouped`](Self::grouped).
    pub fn with_init(
        inputs: usize,
        outputs: usize,
        kernel: [usize; 2],
        groups: usize,
        init: Init,
        rng: &mut impl Rng,
    ) -> Result<Self> {
        let fan_in = check_sizes("Conv2d", inputs, outputs, &kernel, groups)?;
        let fan_out = outputs / groups * kernel[0] * kernel[1];
        let weight = init.matrix_with_fans(outputs, fan_in, fan_in, fan_out, rng);
        let bias = Some(Array2::from_elem((1, outputs), A::ZERO));
        Ok(Self { weight, bias, inputs, groups, window: Window::new(kernel, [1, 1]) })
    }

    /// A convolution with these weights, (channels out, channels in a group, height, width), and biases, one for each
    /// channel out.
    ///
    /// # Errors
    /// Those of [`grouped`](Self::grouped); [`Error::Dimensions`] if there are not as many biases as channels.
    pub fn from_parameters(weight: Array4<A>, bias: Option<Array1<A>>, groups: usize) -> Result<Self> {
        let (outputs, inputs, height, width) = weight.dim();
        let inputs = inputs.saturating_mul(groups);
        check_sizes("Conv2d", inputs, outputs, &[height, width], groups)?;
        let bias = bias.map(|bias| bias_row("Conv2d", inputs, outputs, bias)).transpose()?;
        let weight = weight_rows(&weight, outputs);
        Ok(Self { weight, bias, inputs, groups, window: Window::new([height, width], [1, 1]) })
    }

    image_setters!(stride, padding, dilation);
    bias_methods!();

    /// The weights, (channels out, channels in a group · kernel height · kernel width).
    pub fn weight(&self) -> &Array2<A> {
        &self.weight
    }

    fn geometry(&self, input: Shape) -> Result<Geometry> {
        let wrong = |wants: String| Error::Input { layer: format!("{self:?}"), wants, got: input };
        if !matches!(input, Shape::Image { channels, .. } if channels == self.inputs) {
            return Err(wrong(format!("images of {} channels", self.inputs)));
        }
        let axes = self.window.axes(|| format!("{self:?}"), input)?;
        let (inputs, outputs) = (self.inputs / self.groups, self.weight.nrows() / self.groups);
        let geometry = Geometry { axes, groups: self.groups, inputs, outputs };
        if geometry.fits() {
            Ok(geometry)
        } else {
            Err(wrong("images whose patches and results can be counted (something overflows here)".into()))
        }
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
        let geometry = self.geometry(pass.input).expect("the shape went forward");
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

    fn visit(&self, f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {
        let ([height, width], inputs, outputs) = (self.window.kernel, self.inputs / self.groups, self.weight.nrows());
        f(Info { name: &"weight", role: Role::Weight, dims: &[outputs, inputs, height, width] }, &self.weight);
        if let Some(bias) = &self.bias {
            f(Info { name: &"bias", role: Role::Bias, dims: &[outputs] }, bias);
        }
    }

    fn visit_mut(&mut self, f: &mut dyn FnMut(Info<'_>, &mut Array2<A>)) {
        let ([height, width], inputs, outputs) = (self.window.kernel, self.inputs / self.groups, self.weight.nrows());
        f(Info { name: &"weight", role: Role::Weight, dims: &[outputs, inputs, height, width] }, &mut self.weight);
        if let Some(bias) = &mut self.bias {
            f(Info { name: &"bias", role: Role::Bias, dims: &[outputs] }, bias);
        }
    }

    fn spec(&self) -> Option<Spec> {
        let spec = Spec::new("conv2d").set("inputs", self.inputs).set("outputs", self.weight.nrows());
        let spec = self.window.describe(spec.set("groups", self.groups));
        Some(spec.set("bias", self.bias.is_some()))
    }
}

impl<A: Scalar> Restore<A> for Conv2d<A> {
    const KIND: &'static str = "conv2d";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let [inputs, outputs, groups] = restore_sizes(parts)?;
        let window = Window::restore(parts.spec())?;
        let fan_in = check_sizes("Conv2d", inputs, outputs, &window.kernel, groups)?;
        let weight = parts.array("weight", outputs, fan_in)?;
        let bias = restore_bias(parts, outputs)?;
        Ok(Self { weight, bias, inputs, groups, window })
    }
}

impl<A: Scalar> fmt::Debug for Conv2d<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Conv2d({} -> {}, {}", self.inputs, self.weight.nrows(), self.window)?;
        write_end(f, self.groups, self.bias.is_some())
    }
}
