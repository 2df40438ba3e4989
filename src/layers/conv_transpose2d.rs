//! [`ConvTranspose2d`]: a convolution backwards, from small images to larger ones.

use std::fmt;

use ndarray::{Array1, Array2, Array4};
use rand::Rng;

use crate::kernels::channels::block_sums;
use crate::kernels::convolution::{Convolution, Geometry};
use crate::kernels::rows::{Rows, each_row};
use crate::kernels::simd::rows;
use crate::kernels::streams::Streams;
use crate::kernels::window::Window;
use crate::kernels::{flat, flat_mut};
use crate::layers::windows::{bias_row, check_sizes, restore_bias, restore_sizes, uniform, weight_rows, write_end};
use crate::layer::{Backward, Info, Layer, Parts, Pass, Restore, Role};
use crate::layers::Padding;
use crate::spec::Spec;
use crate::{Error, Init, Matrix, Result, Scalar, Shape};

/// A transposed convolution: the step that takes a [`Conv2d`](crate::layers::Conv2d) back from its results to its
/// images.
///
/// Every pixel of x lays the window of weights, times its value, onto y: where x has the pixel (i, j), y gets the
/// window at (i·stride - padding, j·stride - padding), and windows that overlap are added up; the bias is added at
/// last. An axis of n pixels becomes (n - 1)·stride - padding + dilation·(kernel - 1) + 1 + output padding: the padding
/// is what is cut off, and the output padding is pixels more at the end, as a convolution with steps leaves it open how
/// many there were.
///
/// x is (samples, `[channels, height, width]`); the weights are stored as (channels in, channels out in a group ·
/// kernel height · kernel width), which is `PyTorch`'s layout.
///
/// ```
/// use neuropil::prelude::*;
///
/// let network = Sequential::<f32>::new([8, 7, 7])
///     .with(ConvTranspose2d::new(8, 4, [4, 4], &mut rng(0))?.stride([2, 2]).padding(1))?
///     .with(Relu)?
///     .with(ConvTranspose2d::new(4, 1, [3, 3], &mut rng(1))?.stride([2, 2]).padding(Padding::Same))?;
/// assert_eq!(network.output(), [1, 28, 28].into());
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct ConvTranspose2d<A: Scalar> {
    weight: Array2<A>,
    bias: Option<Array2<A>>,
    /// Channels out, all of them.
    outputs: usize,
    groups: usize,
    window: Window,
    output_padding: [usize; 2],
}

impl<A: Scalar> ConvTranspose2d<A> {
    /// A transposed convolution of all channels with weights and biases uniform in ±1/√(channels out · window), as
    /// `PyTorch` starts it.
    ///
    /// # Errors
    /// [`Error::Setting`] for a number of channels or a window of 0, or weights that no memory could hold.
    pub fn new(inputs: usize, outputs: usize, kernel: [usize; 2], rng: &mut impl Rng) -> Result<Self> {
        Self::grouped(inputs, outputs, kernel, 1, rng)
    }

    /// A transposed convolution in groups of channels.
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
        check_sizes("ConvTranspose2d", inputs, outputs, &kernel, groups)?;
        let init = uniform(outputs / groups * kernel[0] * kernel[1]);
        let mut layer = Self::with_init(inputs, outputs, kernel, groups, init, rng)?;
        layer.bias = Some(init.matrix(1, outputs, rng));
        Ok(layer)
    }

    /// A transposed convolution whose weights come from `init`, with a bias of zero. What goes into a pixel counts as
    /// channels in of a group times the window, as for a convolution.
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
        let fan_in = check_sizes("ConvTranspose2d", inputs, outputs, &kernel, groups)?;
        let fan_out = outputs / groups * kernel[0] * kernel[1];
        let weight = init.matrix_with_fans(inputs, fan_out, fan_in, fan_out, rng);
        let bias = Some(Array2::from_elem((1, outputs), A::ZERO));
        let window = Window::new(kernel, [1, 1]);
        Ok(Self { weight, bias, outputs, groups, window, output_padding: [0, 0] })
    }

    /// A transposed convolution with these weights, (channels in, channels out in a group, height, width), and biases,
    /// one for each channel out.
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
    /// Those of [`grouped`](Self::grouped); [`Error::Dimensions`] if there are not as many biases as channels.
    pub fn from_parameters(weight: Array4<A>, bias: Option<Array1<A>>, groups: usize) -> Result<Self> {
        let (inputs, outputs, height, width) = weight.dim();
        let outputs = outputs.saturating_mul(groups);
        check_sizes("ConvTranspose2d", inputs, outputs, &[height, width], groups)?;
        let bias = bias.map(|bias| bias_row("ConvTranspose2d", inputs, outputs, bias)).transpose()?;
        let (weight, window) = (weight_rows(&weight, inputs), Window::new([height, width], [1, 1]));
        Ok(Self { weight, bias, outputs, groups, window, output_padding: [0, 0] })
    }

    /// The same layer with a distance of `stride` rows and columns from window to window.
    #[must_use]
    pub fn stride(mut self, stride: [usize; 2]) -> Self {
        self.window.stride = stride;
        self
    }

    /// The same layer with this padding cut off around the result. [`Padding::Same`] makes n·stride pixels of n, as in
    /// Keras: of an odd number to cut off, the larger part goes at the end; if there are too few, pixels with only the
    /// bias are added there.
    #[must_use]
    pub fn padding(mut self, padding: impl Into<Padding>) -> Self {
        self.window.padding = padding.into();
        self
    }

    /// The same layer with these rows and columns added at the end of the result; fewer than the stride or the
    /// dilation.
    #[must_use]
    pub fn output_padding(mut self, cells: [usize; 2]) -> Self {
        self.output_padding = cells;
        self
    }

    image_setters!(dilation);
    bias_methods!();

    /// The weights, (channels in, channels out in a group · kernel height · kernel width).
    pub fn weight(&self) -> &Array2<A> {
        &self.weight
    }

    /// The convolution that this layer is the transpose of: from our results to our images.
    fn geometry(&self, input: Shape) -> Result<Geometry> {
        let inputs = self.weight.nrows();
        let wrong = |wants: String| Error::Input { layer: format!("{self:?}"), wants, got: input };
        let (height, width) = match input {
            Shape::Image { channels, height, width } if channels == inputs => (height, width),
            _ => return Err(wrong(format!("images of {inputs} channels"))),
        };
        self.window.check(|| format!("{self:?}"))?;
        for i in 0..2 {
            let most = self.window.stride[i].max(self.window.dilation[i]) - 1;
            if self.output_padding[i] > most {
                let (what, wants) = (format!("the output padding of {self:?}"), "less than the stride or the dilation");
                return Err(Error::Setting { what, wants, got: self.output_padding[i] as f64 });
            }
        }
        if height == 0 || width == 0 {
            return Err(wrong("images of at least 1 x 1 pixels".into()));
        }
        let axes = [(0, height), (1, width)].map(|(i, n)| self.window.transposed_axis(i, n, self.output_padding[i]));
        let [Some(rows), Some(columns)] = axes else {
            return Err(wrong("images whose result can be counted (something overflows here)".into()));
        };
        if rows.input == 0 || columns.input == 0 {
            return Err(wrong("images that leave something when the padding is cut off".into()));
        }
        let (inputs, outputs) = (self.outputs / self.groups, inputs / self.groups);
        let geometry = Geometry { axes: [rows, columns], groups: self.groups, inputs, outputs };
        if geometry.fits() {
            Ok(geometry)
        } else {
            Err(wrong("images whose result fits into memory (its size overflows here)".into()))
        }
    }
}

/// What the layer keeps on a tape.
#[derive(Debug)]
struct State<A> {
    convolution: Convolution<A>,
    /// The bias's gradient from blocks of samples, and its sum.
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
        // Our dy takes the part of the convolution's images, and our x that of its gradient.
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

    fn visit(&self, f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {
        let ([height, width], outputs) = (self.window.kernel, self.outputs / self.groups);
        f(
            Info { name: &"weight", role: Role::Weight, dims: &[self.weight.nrows(), outputs, height, width] },
            &self.weight,
        );
        if let Some(bias) = &self.bias {
            f(Info { name: &"bias", role: Role::Bias, dims: &[self.outputs] }, bias);
        }
    }

    fn visit_mut(&mut self, f: &mut dyn FnMut(Info<'_>, &mut Array2<A>)) {
        let ([height, width], outputs) = (self.window.kernel, self.outputs / self.groups);
        let dims = &[self.weight.nrows(), outputs, height, width];
        f(Info { name: &"weight", role: Role::Weight, dims }, &mut self.weight);
        if let Some(bias) = &mut self.bias {
            f(Info { name: &"bias", role: Role::Bias, dims: &[self.outputs] }, bias);
        }
    }

    /// Every weight meets every pixel before the layer.
    fn multiply_adds(&self, input: Shape) -> u64 {
        (self.weight.len() as u64).saturating_mul(input.positions() as u64)
    }

    fn spec(&self) -> Option<Spec> {
        let spec = Spec::new("conv_transpose2d").set("inputs", self.weight.nrows()).set("outputs", self.outputs);
        let spec = self.window.describe(spec.set("groups", self.groups)).set("output_padding", self.output_padding);
        Some(spec.set("bias", self.bias.is_some()))
    }
}

impl<A: Scalar> Restore<A> for ConvTranspose2d<A> {
    const KIND: &'static str = "conv_transpose2d";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let [inputs, outputs, groups] = restore_sizes(parts)?;
        let (window, output_padding) = (Window::restore(parts.spec())?, parts.spec().counts("output_padding")?);
        check_sizes("ConvTranspose2d", inputs, outputs, &window.kernel, groups)?;
        let weight = parts.array("weight", inputs, outputs / groups * window.kernel[0] * window.kernel[1])?;
        let bias = restore_bias(parts, outputs)?;
        Ok(Self { weight, bias, outputs, groups, window, output_padding })
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
