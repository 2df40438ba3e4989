//! [`Conv1d`]: the same small window of weights everywhere on a sequence.

use std::fmt;
use std::ops::Range;

use ndarray::{Array1, Array2, Array3};
use rand::Rng;

use crate::error::check_size;
use crate::kernels::window::{Axis, Window};
use crate::kernels::{column_sums, flat, flat_mut, gemm::gemm, groups, matrix_mut};
use crate::layers::windows::{
    Term, bias_row, check_sizes, in_parts, restore_bias, restore_sizes, terms, uniform, weight_rows, write_end,
    write_steps,
};
use crate::layer::{Backward, Info, Layer, Parts, Pass, Restore, Role};
use crate::layers::Padding;
use crate::spec::Spec;
use crate::{Error, Init, Matrix, Result, Scalar, Shape};

/// A convolution of sequences: one dense layer for each tap of a window that moves over the steps, added up.
///
/// With the steps x and the weights Wᵢ of tap i, y(p) = b + Σᵢ x(p·stride + i·dilation - padding)·Wᵢ, where steps outside
/// the sequence are zero; n steps give ⌊(n + padding - dilation·(kernel - 1) - 1) / stride⌋ + 1. With groups, output
/// features see only the input features of their own group. As in every deep-learning library the window is not mirrored.
///
/// x is (samples, `[steps, features]`), step after step, as for the recurrent layers and in Keras; `PyTorch`'s `Conv1d`
/// has (features, steps). The weights are stored tap after tap, as (kernel · features in a group, features out).
///
/// ```
/// use neuropil::prelude::*;
///
/// let network = Sequential::<f32>::new([100, 8])
///     .with(Conv1d::new(8, 16, 5, &mut rng(0))?.stride(2))?
///     .with(Relu)?
///     .with(Conv1d::new(16, 4, 3, &mut rng(1))?.causal())?;
/// assert_eq!(network.output(), [48, 4].into());
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Conv1d<A: Scalar> {
    weight: Array2<A>,
    bias: Option<Array2<A>>,
    /// Features in, all of them.
    inputs: usize,
    groups: usize,
    window: Window,
}

impl<A: Scalar> Conv1d<A> {
    /// A convolution of all features with weights and biases uniform in ±1/√(features in · kernel), as `PyTorch` starts
    /// it.
    ///
    /// # Errors
    /// [`Error::Setting`] for a number of features or a kernel of 0, or weights that no memory could hold.
    pub fn new(inputs: usize, outputs: usize, kernel: usize, rng: &mut impl Rng) -> Result<Self> {
        Self::grouped(inputs, outputs, kernel, 1, rng)
    }

    /// A convolution in groups of features; with as many groups as features it is depthwise.
    ///
    /// # Errors
    /// Those of [`new`](Self::new); [`Error::Setting`] if the groups do not divide both numbers of features.
    pub fn grouped(inputs: usize, outputs: usize, kernel: usize, groups: usize, rng: &mut impl Rng) -> Result<Self> {
        let fan_in = check_sizes("Conv1d", inputs, outputs, &[kernel], groups)?;
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
        kernel: usize,
        groups: usize,
        init: Init,
        rng: &mut impl Rng,
    ) -> Result<Self> {
        let fan_in = check_sizes("Conv1d", inputs, outputs, &[kernel], groups)?;
        let weight = init.matrix_with_fans(fan_in, outputs, fan_in, outputs / groups * kernel, rng);
        let bias = Some(Array2::from_elem((1, outputs), A::ZERO));
        Ok(Self { weight, bias, inputs, groups, window: Window::new([kernel, 1], [1, 1]) })
    }

    /// A convolution with these weights, (kernel, features in a group, features out), and biases, one for each feature
    /// out. `PyTorch`'s weights are these with the three axes in reverse.
    ///
    /// ```
    /// use neuropil::prelude::*;
    /// use ndarray::array;
    ///
    /// // The difference of neighbouring steps.
    /// let layer = Conv1d::from_parameters(array![[[-1.0]], [[1.0]]], None, 1)?;
    /// let network = Sequential::new([4, 1]).with(layer)?;
    /// assert_eq!(network.predict(&array![[1.0, 2.0, 4.0, 8.0]])?, array![[1.0, 2.0, 4.0]]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`grouped`](Self::grouped); [`Error::Dimensions`] if there are not as many biases as features.
    pub fn from_parameters(weight: Array3<A>, bias: Option<Array1<A>>, groups: usize) -> Result<Self> {
        let (kernel, inputs, outputs) = weight.dim();
        let inputs = inputs.saturating_mul(groups);
        let fan_in = check_sizes("Conv1d", inputs, outputs, &[kernel], groups)?;
        let bias = bias.map(|bias| bias_row("Conv1d", inputs, outputs, bias)).transpose()?;
        let weight = weight_rows(&weight, fan_in);
        Ok(Self { weight, bias, inputs, groups, window: Window::new([kernel, 1], [1, 1]) })
    }

    step_setters!(stride, dilation);
    bias_methods!();

    /// The same layer with `steps` of zeros before the sequence and as many after it.
    #[must_use]
    pub fn padding(self, steps: usize) -> Self {
        self.padding_each([steps, steps])
    }

    /// The same layer with these numbers of zero steps before and after the sequence.
    #[must_use]
    pub fn padding_each(mut self, [before, after]: [usize; 2]) -> Self {
        self.window.padding = Padding::Each([[before, after], [0, 0]]);
        self
    }

    /// The same layer with as many zeros as make ⌈steps / stride⌉ positions of the window, as [`Padding::Same`] says.
    #[must_use]
    pub fn padding_same(mut self) -> Self {
        self.window.padding = Padding::Same;
        self
    }

    /// The same layer with zeros before the sequence only, as many as keep every result from seeing later steps. Call it
    /// after [`dilation`](Self::dilation).
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let layer = Conv1d::<f64>::new(1, 1, 3, &mut rng(0))?.dilation(4).causal();
    /// assert_eq!(layer.output_shape([20, 1].into())?, [20, 1].into());
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn causal(self) -> Self {
        let before = self.window.dilation[0].saturating_mul(self.window.kernel[0] - 1);
        self.padding_each([before, 0])
    }

    /// The weights, (kernel · features in a group, features out).
    pub fn weight(&self) -> &Array2<A> {
        &self.weight
    }

    /// The places of the window on the steps.
    fn places(&self, input: Shape) -> Result<Axis> {
        let wrong = |wants: String| Error::Input { layer: format!("{self:?}"), wants, got: input };
        let steps = match input {
            Shape::Sequence { steps, features } if features == self.inputs => steps,
            _ => return Err(wrong(format!("sequences of {} features", self.inputs))),
        };
        self.window.check(|| format!("{self:?}"))?;
        let Some(places) = self.window.axis(0, steps) else {
            return Err(wrong(
                "sequences whose padded steps and window can be counted (something overflows here)".into(),
            ));
        };
        if places.stride.checked_mul(self.inputs).is_none_or(|stride| stride > isize::MAX as usize) {
            let (what, wants) = (format!("the stride of {self:?}"), "a number of steps that can be counted");
            return Err(Error::Setting { what, wants, got: places.stride as f64 });
        }
        if places.output == 0 {
            return Err(wrong(format!("sequences of at least {} steps", places.least())));
        }
        Ok(places)
    }

    fn terms(&self, places: Axis, taps: Range<usize>) -> impl Iterator<Item = Term> {
        terms(places, [self.inputs, self.weight.ncols()], self.groups, taps)
    }
}

impl<A: Scalar> Layer<A> for Conv1d<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        check_size(self, input, [self.places(input)?.output, self.weight.ncols()].into())
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let places = self.places(pass.input)?;
        let (samples, before, after) = (x.nrows(), x.ncols(), y.ncols());
        let (x, w) = (flat(x), flat(&self.weight));
        in_parts(samples, flat_mut(y), after, after * self.weight.nrows(), &|samples, y| {
            for (sample, y) in samples.zip(y.chunks_exact_mut(after)) {
                match &self.bias {
                    Some(bias) => y.chunks_exact_mut(bias.len()).for_each(|y| y.copy_from_slice(flat(bias))),
                    None => y.fill(A::ZERO),
                }
                let x = &x[sample * before..][..before];
                for term in self.terms(places, 0..places.kernel) {
                    let mut y = matrix_mut(&mut y[term.y..], term.positions, term.sides[1], term.strides[1]);
                    gemm(A::ONE, &term.x(x), &term.w(w), A::ONE, &mut y);
                }
            }
        });
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let places = self.places(pass.input)?;
        let (samples, before, after) = (at.x.nrows(), at.x.ncols(), at.y.ncols());
        let (x, dy, w) = (flat(at.x), flat(at.dy), flat(&self.weight));
        if let Some(dx) = at.dx {
            in_parts(samples, flat_mut(dx), before, after * self.weight.nrows(), &|samples, dx| {
                for (sample, dx) in samples.zip(dx.chunks_exact_mut(before)) {
                    dx.fill(A::ZERO);
                    let dy = &dy[sample * after..][..after];
                    for term in self.terms(places, 0..places.kernel) {
                        let mut dx = matrix_mut(&mut dx[term.x..], term.positions, term.sides[0], term.strides[0]);
                        gemm(A::ONE, &term.y(dy), &term.w(w).t(), A::ONE, &mut dx);
                    }
                }
            });
        }
        // The rows of dW that belong to different taps are sums of their own.
        let rows = self.inputs / self.groups * self.weight.ncols();
        in_parts(places.kernel, flat_mut(&mut at.dw[0]), rows, at.dy.len() * self.inputs / self.groups, &|taps, dw| {
            dw.fill(A::ZERO);
            for sample in 0..samples {
                let (x, dy) = (&x[sample * before..][..before], &dy[sample * after..][..after]);
                for term in self.terms(places, taps.clone()) {
                    let dw = &mut dw[term.w - taps.start * rows..];
                    let mut dw = matrix_mut(dw, term.sides[0], term.sides[1], term.strides[1]);
                    gemm(A::ONE, &term.x(x).t(), &term.y(dy), A::ONE, &mut dw);
                }
            }
        });
        if self.bias.is_some() {
            column_sums(&groups(at.dy, self.weight.ncols()), &mut at.dw[1]);
        }
        Ok(())
    }

    fn visit(&self, f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {
        let (kernel, inputs, outputs) = (self.window.kernel[0], self.inputs / self.groups, self.weight.ncols());
        f(Info { name: &"weight", role: Role::Weight, dims: &[kernel, inputs, outputs] }, &self.weight);
        if let Some(bias) = &self.bias {
            f(Info { name: &"bias", role: Role::Bias, dims: &[outputs] }, bias);
        }
    }

    fn visit_mut(&mut self, f: &mut dyn FnMut(Info<'_>, &mut Array2<A>)) {
        let (kernel, inputs, outputs) = (self.window.kernel[0], self.inputs / self.groups, self.weight.ncols());
        f(Info { name: &"weight", role: Role::Weight, dims: &[kernel, inputs, outputs] }, &mut self.weight);
        if let Some(bias) = &mut self.bias {
            f(Info { name: &"bias", role: Role::Bias, dims: &[outputs] }, bias);
        }
    }

    fn spec(&self) -> Option<Spec> {
        let spec = Spec::new("conv1d").set("inputs", self.inputs).set("outputs", self.weight.ncols());
        let spec = self.window.describe(spec.set("groups", self.groups));
        Some(spec.set("bias", self.bias.is_some()))
    }
}

impl<A: Scalar> Restore<A> for Conv1d<A> {
    const KIND: &'static str = "conv1d";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let [inputs, outputs, groups] = restore_sizes(parts)?;
        let window = Window::restore(parts.spec())?;
        let fan_in = check_sizes("Conv1d", inputs, outputs, &window.kernel, groups)?;
        let weight = parts.array("weight", fan_in, outputs)?;
        let bias = restore_bias(parts, outputs)?;
        Ok(Self { weight, bias, inputs, groups, window })
    }
}

impl<A: Scalar> fmt::Debug for Conv1d<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Conv1d({} -> {}, ", self.inputs, self.weight.ncols())?;
        write_steps(f, &self.window, false)?;
        write_end(f, self.groups, self.bias.is_some())
    }
}
