//! [`Dense`]: the fully connected layer.

use std::fmt;

use ndarray::{Array1, Array2, Axis};
use rand::Rng;

use crate::init::full;
use crate::kernels::{add_row, column_sums, gemm::gemm, groups, groups_mut};
use crate::layer::{Backward, Layer, Parameter, Parts, Pass, Restore, Steps, parameters};
use crate::spec::layout::{Piece, System};
use crate::spec::onnx::Operators;
use crate::spec::rust::{Channels, Code, functions};
use crate::spec::{Formula, Spec};
use crate::{Error, Init, Matrix, Result, Scalar, Shape};

/// A fully connected layer, y = x·W + b.
///
/// x is (samples, inputs), W is stored as (inputs, outputs), b as (1, outputs), and y is (samples, outputs). On a
/// sequence, it applies to each step.
///
/// ```
/// use neuropil::prelude::*;
/// use ndarray::array;
///
/// let layer = Dense::from_parameters(array![[1.0], [-2.0]], array![0.5])?;
/// let network = Sequential::new(2).with(layer)?;
/// assert_eq!(network.predict(&array![[3.0, 1.0]])?, array![[1.5]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Dense<A: Scalar> {
    /// W, (inputs, outputs)
    weight: Parameter<A>,
    /// b, (1, outputs)
    bias: Option<Parameter<A>>,
}

impl<A: Scalar> Dense<A> {
    /// Creates a layer with weights and biases uniform in ±1/√inputs, `PyTorch`'s default.
    pub fn new(inputs: usize, outputs: usize, rng: &mut impl Rng) -> Self {
        let bound = 1.0 / (inputs.max(1) as f64).sqrt();
        let init = Init::Uniform { low: -bound, high: bound };
        let (weight, bias) = (init.matrix(inputs, outputs, rng), init.matrix(1, outputs, rng));
        Self::of([inputs, outputs], weight, Some(bias))
    }

    /// Creates a layer with weights from `init` and zero biases.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let layer = Dense::<f32>::with_init(784, 128, Init::HE_NORMAL, &mut rng(0));
    /// assert_eq!(layer.weight().dim(), (784, 128));
    /// ```
    pub fn with_init(inputs: usize, outputs: usize, init: Init, rng: &mut impl Rng) -> Self {
        let (weight, bias) = (init.matrix(inputs, outputs, rng), full(1, outputs, A::ZERO));
        Self::of([inputs, outputs], weight, Some(bias))
    }

    /// Creates a layer from weights, (inputs, outputs), and biases, one per output.
    ///
    /// # Errors
    /// [`Error::Dimensions`] unless there is one bias per output.
    pub fn from_parameters(weight: Array2<A>, bias: Array1<A>) -> Result<Self> {
        if bias.len() != weight.ncols() {
            let (wants, got) = ([1, weight.ncols()], [1, bias.len()]);
            let what = format!("the bias of Dense({} -> {})", weight.nrows(), weight.ncols());
            return Err(Error::Dimensions { what, wants, got });
        }
        Ok(Self::of(weight.dim().into(), weight, Some(bias.insert_axis(Axis(0)))))
    }

    /// The layer with W, (inputs, outputs), and b, (1, outputs).
    fn of([inputs, outputs]: [usize; 2], weight: Array2<A>, bias: Option<Array2<A>>) -> Self {
        Self {
            weight: Parameter::weight("weight", &[inputs, outputs], weight),
            bias: bias.map(|bias| Parameter::bias("bias", &[outputs], bias)),
        }
    }

    /// Removes the bias: y = x·W.
    ///
    /// ```
    /// use neuropil::prelude::*;
    ///
    /// let layer = Dense::<f32>::new(3, 2, &mut rng(0)).without_bias();
    /// assert_eq!(format!("{layer:?}"), "Dense(3 -> 2, no bias)");
    /// ```
    #[must_use]
    pub fn without_bias(mut self) -> Self {
        self.bias = None;
        self
    }

    /// W, (inputs, outputs).
    pub fn weight(&self) -> &Array2<A> {
        &self.weight
    }

    /// b, (1, outputs), if the layer has one.
    pub fn bias(&self) -> Option<&Array2<A>> {
        self.bias.as_ref().map(Parameter::values)
    }
}

#[allow(clippy::only_used_in_recursion)] // A sequence is a batch of its steps.
impl<A: Scalar> Layer<A> for Dense<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        let (inputs, outputs) = self.weight.dim();
        let wrong = |wants: String| Err(Error::Input { layer: format!("{self:?}"), wants, got: input });
        match input {
            _ if inputs == 0 => {
                Err(Error::Setting { what: "the inputs of a Dense layer".into(), wants: "at least 1", got: 0.0 })
            }
            _ if outputs == 0 => {
                Err(Error::Setting { what: "the outputs of a Dense layer".into(), wants: "at least 1", got: 0.0 })
            }
            Shape::Flat(features) if features == inputs => Ok(Shape::Flat(outputs)),
            Shape::Sequence { steps, features } if features == inputs => {
                Ok(Shape::Sequence { steps, features: outputs })
            }
            Shape::Image { .. } if input.len() == inputs => {
                wrong(format!("{inputs} flat features per sample (put a Flatten before it)"))
            }
            _ => wrong(format!("{inputs} features per sample")),
        }
    }

    fn steps(&self, _: Shape) -> Steps {
        Steps::Each
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let (inputs, outputs) = self.weight.dim();
        if x.ncols() != inputs {
            // Each step of a sequence is a row.
            return self.forward(&groups(x, inputs), &mut groups_mut(y, outputs), pass);
        }
        gemm(A::ONE, x, &self.weight, A::ZERO, y);
        if let Some(bias) = &self.bias {
            add_row(y, bias);
        }
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) -> Result<()> {
        let (inputs, outputs) = self.weight.dim();
        let Backward { x, y, dy, dx, dw } = at;
        if x.ncols() != inputs {
            let mut dx = dx.map(|dx| groups_mut(dx, inputs));
            let (x, y, dy) = (&groups(x, inputs), &groups(y, outputs), &groups(dy, outputs));
            return self.backward(Backward { x, y, dy, dx: dx.as_deref_mut(), dw }, pass);
        }
        // dW = xᵀ·dy, db = the sum of dy over the samples, dx = dy·Wᵀ.
        gemm(A::ONE, &x.t(), dy, A::ZERO, &mut dw[0]);
        if self.bias.is_some() {
            column_sums(dy, &mut dw[1]);
        }
        if let Some(dx) = dx {
            gemm(A::ONE, dy, &self.weight.t(), A::ZERO, dx);
        }
        Ok(())
    }

    parameters!(A: weight, bias);

    fn spec(&self) -> Option<Spec> {
        let (inputs, outputs) = self.weight.dim();
        Some(Spec::new("dense").set("inputs", inputs).set("outputs", outputs).set("bias", self.bias.is_some()))
    }

    /// `PyTorch` stores the weight as (outputs, inputs), Keras under the name `kernel`.
    fn layout(&self, system: System, name: &str, dims: &[usize]) -> Vec<Piece> {
        vec![match (system, name) {
            (System::PyTorch, "weight") => Piece::axes(name, dims, &[1, 0]),
            (System::Keras, "weight") => Piece::whole("kernel", dims),
            _ => Piece::whole(name, dims),
        }]
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let weight = operators.parameter_constant("weight", None)?;
        let bias = self.bias.as_ref().map(|_| operators.parameter_constant("bias", None)).transpose()?;
        match (operators.input(), &bias) {
            (Shape::Flat(_), Some(bias)) => operators.then("Gemm", &[&weight, bias], []),
            (Shape::Flat(_), None) => operators.then("Gemm", &[&weight], []),
            (_, bias) => {
                operators.then("MatMul", &[&weight], []);
                if let Some(bias) = bias {
                    operators.then("Add", &[bias], []);
                }
            }
        }
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let (outputs, width) = (self.weight.ncols(), code.current().len() / self.weight.nrows());
        let columns = Channels::columns(outputs);
        code.linear(&functions::DENSE, width * outputs, ("weight", "bias"), columns, &[&outputs])
    }

    fn formula(&self) -> Option<Formula> {
        let (text, latex) = if self.bias.is_some() {
            ("□·{weight} + {bias}", "□ {weight} + {bias}")
        } else {
            ("□·{weight}", "□ {weight}")
        };
        Some(Formula::new(text, latex).with_backward("∂·{weight}ᵀ", "∂ {weight}^\\top"))
    }
}

impl<A: Scalar> Restore<A> for Dense<A> {
    const KIND: &'static str = "dense";

    fn restore(parts: &mut Parts<'_, A>) -> Result<Self> {
        let (inputs, outputs) = (parts.spec().count("inputs")?, parts.spec().count("outputs")?);
        let weight = parts.weight("weight", &[inputs, outputs], inputs, outputs)?;
        let bias = if parts.spec().flag("bias")? { Some(parts.bias("bias", outputs)?) } else { None };
        Ok(Self { weight, bias })
    }
}

impl<A: Scalar> fmt::Debug for Dense<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (inputs, outputs) = self.weight.dim();
        write!(f, "Dense({inputs} -> {outputs}{})", if self.bias.is_some() { "" } else { ", no bias" })
    }
}
