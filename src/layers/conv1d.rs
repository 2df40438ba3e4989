//! [`Conv1d`]: convolution of sequences.

use std::fmt;
use std::ops::Range;

use ndarray::{Array1, Array2, Array3, ArrayD, s};
use rand::Rng;

use crate::init::full;
use crate::kernels::window::{Axis, Window};
use crate::kernels::{column_sums, flat, flat_mut, gemm::gemm, groups, matrix_mut, resize};
use crate::layer::{Backward, Layer, Parameter, Parts, Pass, Restore, Steps, parameters};
use crate::layers::Padding;
use crate::layers::windows::{
    Term, axis_text, bias_parameter, bias_row, check_sizes, convolve, fan, group_attribute, in_parts, restore_bias,
    restore_sizes, terms, uniform, weight_rows, window_attributes, write_end, write_steps,
};
use crate::spec::Spec;
use crate::spec::layout::{Piece, System};
use crate::spec::onnx::{Attribute, Operators, Tensor};
use crate::spec::rust::{Channels, Code, functions};
use crate::{Error, Init, Matrix, Result, Scalar, Shape};

/// A convolution of sequences: the sum of one dense layer per kernel element (tap).
///
/// With the steps x and the weights Wᵢ of tap i, y(p) = b + Σᵢ x(p·stride + i·dilation - padding)·Wᵢ, where steps
/// outside the sequence are zero. A sequence of n steps, including padding, gives ⌊(n - dilation·(kernel - 1) - 1) /
/// stride⌋ + 1 positions. With groups, output features depend only on the input features of their group. As in other
/// deep-learning libraries, the kernel is not flipped.
///
/// x is (samples, `[steps, features]`), as for the recurrent layers and in Keras; `PyTorch`'s `Conv1d` takes
/// (features, steps). Weights are stored as (kernel · input features per group, output features).
///
/// ```
/// use neuropil::prelude::*;
///
/// let network = Sequential::<f32>::new([100, 8])
///     .with(Conv1d::new(8, 16, 5, &mut rng(0)).stride(2))?
///     .with(Relu)?
///     .with(Conv1d::new(16, 4, 3, &mut rng(1)).causal())?;
/// assert_eq!(network.output(), [48, 4].into());
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Conv1d<A: Scalar> {
    /// W, (kernel · inputs per group, outputs)
    weight: Parameter<A>,
    /// b, (1, outputs)
    bias: Option<Parameter<A>>,
    /// Input features, of all groups together.
    inputs: usize,
    groups: usize,
    window: Window,
}

impl<A: Scalar> Conv1d<A> {
    /// Creates a convolution with weights and biases uniform in ±1/√(input features · kernel), `PyTorch`'s default.
    pub fn new(inputs: usize, outputs: usize, kernel: usize, rng: &mut impl Rng) -> Self {
        Self::grouped(inputs, outputs, kernel, 1, rng)
    }

    /// Creates a grouped convolution, initialized like [`new`](Self::new) with the input features of a group; with one
    /// group per feature it is depthwise.
    pub fn grouped(inputs: usize, outputs: usize, kernel: usize, groups: usize, rng: &mut impl Rng) -> Self {
        let init = uniform(fan(inputs, [kernel, 1], groups));
        let mut layer = Self::with_init(inputs, outputs, kernel, groups, init, rng);
        layer.bias = Some(bias_parameter(outputs, init.matrix(1, outputs, rng)));
        layer
    }

    /// Creates a convolution with weights from `init` and zero biases.
    pub fn with_init(
        inputs: usize,
        outputs: usize,
        kernel: usize,
        groups: usize,
        init: Init,
        rng: &mut impl Rng,
    ) -> Self {
        let (fan_in, fan_out) = (fan(inputs, [kernel, 1], groups), fan(outputs, [kernel, 1], groups));
        let weight = init.matrix_with_fans(fan_in, outputs, fan_in, fan_out, rng);
        let bias = Some(full(1, outputs, A::ZERO));
        Self::of(weight, bias, [inputs, outputs], groups, Window::new([kernel, 1], [1, 1]))
    }

    /// Creates a convolution from weights, (kernel, input features per group, output features), and biases, one per
    /// output feature. `PyTorch`'s weights have the three axes reversed.
    ///
    /// ```
    /// use neuropil::prelude::*;
    /// use ndarray::array;
    ///
    /// // The difference of adjacent steps.
    /// let layer = Conv1d::from_parameters(array![[[-1.0]], [[1.0]]], None, 1)?;
    /// let network = Sequential::new([4, 1]).with(layer)?;
    /// assert_eq!(network.predict(&array![[1.0, 2.0, 4.0, 8.0]])?, array![[1.0, 2.0, 4.0]]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] for 0 features, an empty kernel, or groups that do not divide both numbers of features;
    /// [`Error::Dimensions`] unless there is one bias per output feature.
    pub fn from_parameters(weight: Array3<A>, bias: Option<Array1<A>>, groups: usize) -> Result<Self> {
        let (kernel, per_group, outputs) = weight.dim();
        let inputs = per_group.saturating_mul(groups);
        let bias = bias.map(|bias| bias_row("Conv1d", inputs, outputs, bias)).transpose()?;
        let weight = weight_rows(&weight, kernel * per_group);
        let layer = Self::of(weight, bias, [inputs, outputs], groups, Window::new([kernel, 1], [1, 1]));
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
        let dims = [window.kernel[0], inputs / groups.max(1), outputs];
        let weight = Parameter::weight("weight", &dims, weight);
        Self { weight, bias: bias.map(|bias| bias_parameter(outputs, bias)), inputs, groups, window }
    }

    fn check(&self) -> Result<()> {
        check_sizes(self, [self.inputs, self.weight.ncols()], self.groups)?;
        self.window.check(|| format!("{self:?}"))
    }

    step_setters!(stride, dilation);
    bias_methods!();

    /// Sets the zero padding on both sides, in steps; none by default.
    #[must_use]
    pub fn padding(self, steps: usize) -> Self {
        self.padding_each([steps, steps])
    }

    /// Sets the zero padding before and after the sequence, in steps.
    #[must_use]
    pub fn padding_each(mut self, [before, after]: [usize; 2]) -> Self {
        self.window.padding = Padding::Each([[before, after], [0, 0]]);
        self
    }

    /// Sets the padding to [`Padding::Same`], for ⌈steps / stride⌉ positions.
    #[must_use]
    pub fn padding_same(mut self) -> Self {
        self.window.padding = Padding::Same;
        self
    }

    /// Sets causal padding, only before the sequence, so that no output depends on later steps. Call it after
    /// [`dilation`](Self::dilation), on which its size depends.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let layer = Conv1d::<f64>::new(1, 1, 3, &mut rng(0)).dilation(4).causal();
    /// assert_eq!(layer.output_shape([20, 1].into())?, [20, 1].into());
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn causal(self) -> Self {
        let before = self.reach();
        self.padding_each([before, 0])
    }

    /// The weights, (kernel · input features per group, output features).
    pub fn weight(&self) -> &Array2<A> {
        &self.weight
    }

    /// The positions of the window on the steps of a sequence.
    fn positions(&self, input: Shape) -> Result<Axis> {
        let wrong = |wants: String| Error::Input { layer: format!("{self:?}"), wants, got: input };
        let steps = match input {
            Shape::Sequence { steps, features } if features == self.inputs => steps,
            _ => return Err(wrong(format!("sequences [steps, {}]", self.inputs))),
        };
        self.check()?;
        let positions = self.window.axis(0, steps);
        if positions.output == 0 {
            return Err(wrong(format!("sequences of at least {} steps", positions.least())));
        }
        Ok(positions)
    }

    /// Whether no output depends on later steps.
    fn is_causal(&self) -> bool {
        self.window.padding == Padding::Each([[self.reach(), 0], [0, 0]])
    }

    /// The number of steps before its own that an output of a causal convolution depends on.
    fn reach(&self) -> usize {
        self.window.dilation[0].saturating_mul(self.window.kernel[0].saturating_sub(1))
    }

    /// Computes y for the windows at `positions`.
    fn convolve(&self, positions: Axis, x: &Matrix<A>, y: &mut Matrix<A>) {
        let (samples, before, after) = (x.nrows(), x.ncols(), y.ncols());
        let (x, w) = (flat(x), flat(&self.weight));
        in_parts(samples, flat_mut(y), after, after.saturating_mul(self.weight.nrows()), &|samples, y| {
            for (sample, y) in samples.zip(y.chunks_exact_mut(after)) {
                match &self.bias {
                    Some(bias) => y.chunks_exact_mut(bias.len()).for_each(|y| y.copy_from_slice(flat(bias))),
                    None => y.fill(A::ZERO),
                }
                let x = &x[sample * before..][..before];
                for term in self.terms(positions, 0..positions.kernel) {
                    let mut y = matrix_mut(&mut y[term.y..], term.positions, term.features[1], term.strides[1]);
                    gemm(A::ONE, &term.x(x), &term.w(w), A::ONE, &mut y);
                }
            }
        });
    }

    /// The outputs for the next steps of a stream; the cache holds the steps before them, initially zeros.
    fn stream(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let (rows, reach) = (x.nrows(), self.reach() * self.inputs);
        let (recent, joined) = pass.cache.get::<(Array2<A>, Array2<A>)>();
        if recent.dim() != (rows, reach) {
            resize(recent, rows, reach)?;
            recent.fill(A::ZERO);
        }
        resize(joined, rows, reach + x.ncols())?;
        joined.slice_mut(s![.., ..reach]).assign(recent);
        joined.slice_mut(s![.., reach..]).assign(x);
        recent.assign(&joined.slice(s![.., x.ncols()..]));
        let unpadded = Window { padding: Padding::NONE, ..self.window };
        self.convolve(unpadded.axis(0, joined.ncols() / self.inputs), joined, y);
        Ok(())
    }

    fn terms(&self, positions: Axis, taps: Range<usize>) -> impl Iterator<Item = Term> {
        terms(positions, [self.inputs, self.weight.ncols()], self.groups, taps)
    }
}

impl<A: Scalar> Layer<A> for Conv1d<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        Ok([self.positions(input)?.output, self.weight.ncols()].into())
    }

    /// If there are as many positions as steps, the padding of a sequence, zeros, acts as the convolution's own
    /// padding.
    fn steps(&self, input: Shape) -> Steps {
        match self.positions(input) {
            Ok(axis) if self.is_causal() && axis.output == input.positions() => Steps::Causal,
            Ok(axis) if axis.output == input.positions() => Steps::All,
            _ => Steps::Unknown,
        }
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let positions = self.positions(pass.input)?;
        if pass.stream {
            return self.stream(x, y, pass);
        }
        self.convolve(positions, x, y);
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let positions = self.positions(pass.input)?;
        let (samples, before, after) = (at.x.nrows(), at.x.ncols(), at.y.ncols());
        let (x, dy, w) = (flat(at.x), flat(at.dy), flat(&self.weight));
        if let Some(dx) = at.dx {
            in_parts(samples, flat_mut(dx), before, after.saturating_mul(self.weight.nrows()), &|samples, dx| {
                for (sample, dx) in samples.zip(dx.chunks_exact_mut(before)) {
                    dx.fill(A::ZERO);
                    let dy = &dy[sample * after..][..after];
                    for term in self.terms(positions, 0..positions.kernel) {
                        let mut dx = matrix_mut(&mut dx[term.x..], term.positions, term.features[0], term.strides[0]);
                        gemm(A::ONE, &term.y(dy), &term.w(w).t(), A::ONE, &mut dx);
                    }
                }
            });
        }
        // The rows of dW of different taps are independent sums.
        let rows = self.inputs / self.groups * self.weight.ncols();
        let work = at.dy.len().saturating_mul(self.inputs / self.groups);
        in_parts(positions.kernel, flat_mut(&mut at.dw[0]), rows, work, &|taps, dw| {
            dw.fill(A::ZERO);
            for sample in 0..samples {
                let (x, dy) = (&x[sample * before..][..before], &dy[sample * after..][..after]);
                for term in self.terms(positions, taps.clone()) {
                    let dw = &mut dw[term.w - taps.start * rows..];
                    let mut dw = matrix_mut(dw, term.features[0], term.features[1], term.strides[1]);
                    gemm(A::ONE, &term.x(x).t(), &term.y(dy), A::ONE, &mut dw);
                }
            }
        });
        if self.bias.is_some() {
            column_sums(&groups(at.dy, self.weight.ncols()), &mut at.dw[1]);
        }
        Ok(())
    }

    parameters!(A: weight, bias);

    fn spec(&self) -> Option<Spec> {
        let spec = Spec::new("conv1d").set("inputs", self.inputs).set("outputs", self.weight.ncols());
        let spec = self.window.describe(spec.set("groups", self.groups));
        Some(spec.set("bias", self.bias.is_some()))
    }

    /// `PyTorch` reverses the axes, (outputs, inputs per group, kernel); Keras has this order.
    fn layout(&self, system: System, name: &str, dims: &[usize]) -> Vec<Piece> {
        vec![match (system, name) {
            (System::PyTorch, "weight") => Piece::axes(name, dims, &[2, 1, 0]),
            (System::Keras, "weight") => Piece::whole("kernel", dims),
            _ => Piece::whole(name, dims),
        }]
    }

    /// ONNX expects features before steps, and the weight's axes reversed.
    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let [kernel, strides, dilations, pads] = window_attributes([self.positions(operators.input())?]);
        if self.window.depends_on_size() {
            operators.keep_steps();
        }
        let (dims, numbers) = operators.parameter("weight")?;
        let weight = ArrayD::from_shape_vec(dims, numbers).expect("a parameter of its shape").reversed_axes();
        let weight = operators.constant("weight", Tensor::floats(weight.shape(), weight.iter().copied()));
        let swap = || [("perm", Attribute::sizes([0, 2, 1]))];
        operators.then("Transpose", &[], swap());
        convolve(operators, "Conv", &weight, [kernel, strides, dilations, pads, group_attribute(self.groups)])?;
        operators.then("Transpose", &[], swap());
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let (steps, features) = (self.positions(code.input())?, self.weight.ncols());
        let (outputs, columns) = (steps.output * features, Channels::columns(features));
        code.linear(&functions::CONV1D, outputs, ("weight", "bias"), columns, &[&axis_text(steps), &self.groups])
    }
}

impl<A: Scalar> Restore<A> for Conv1d<A> {
    const KIND: &'static str = "conv1d";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let [inputs, outputs, groups] = restore_sizes(parts)?;
        let window = Window::restore(parts.spec())?;
        let weight = parts.array("weight", fan(inputs, window.kernel, groups), outputs)?;
        let bias = restore_bias(parts, outputs)?;
        Ok(Self::of(weight, bias, [inputs, outputs], groups, window))
    }
}

impl<A: Scalar> fmt::Debug for Conv1d<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Conv1d({} -> {}, ", self.inputs, self.weight.ncols())?;
        write_steps(f, &self.window, false)?;
        write_end(f, self.groups, self.bias.is_some())
    }
}
