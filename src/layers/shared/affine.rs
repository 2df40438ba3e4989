//! [`Affine`]: the elementwise affine transform of a norm, y = x̂ ∘ w + b.

use ndarray::{Array1, Array2, Axis};

use crate::error::NO_FORWARD;
use crate::init::full;
use crate::kernels::{flat, flat_mut};
use crate::layer::{Info, Parameter, Parameters, Parts};
use crate::spec::Formula;
use crate::spec::layout::{Piece, System};
use crate::spec::onnx::{Operators, Tensor};
use crate::spec::rust::{Code, functions};
use crate::{Error, Result, Scalar, Shape};

/// The learnable w and b of a norm, each (1, count), with one entry per element of a sample, or per channel. A norm may
/// have both, w alone, or neither.
#[derive(Clone, PartialEq)]
pub(in crate::layers) struct Affine<A: Scalar> {
    weight: Option<Parameter<A>>,
    bias: Option<Parameter<A>>,
}

impl<A: Scalar> Affine<A> {
    /// Neither w nor b.
    pub(in crate::layers) const NONE: Self = Self { weight: None, bias: None };

    /// w = 1 and b = 0.
    pub(in crate::layers) fn new(shape: Shape) -> Self {
        let filled = |name, value| Some(parameter(name, shape, full(1, shape.len(), value)));
        Self { weight: filled("weight", A::ONE), bias: filled("bias", A::ZERO) }
    }

    /// The given w and b; `layer` names the layer in errors.
    pub(in crate::layers) fn of(layer: &str, shape: Shape, weight: Array1<A>, bias: Option<Array1<A>>) -> Result<Self> {
        let given = |name, values| Ok(parameter(name, shape, row(layer, name, shape.len(), values)?));
        let weight = given("weight", weight)?;
        Ok(Self { weight: Some(weight), bias: bias.map(|bias| given("bias", bias)).transpose()? })
    }

    /// Restores w and b from a description; none unless it is `affine`.
    pub(in crate::layers) fn restore(parts: &mut Parts<'_, A>, shape: Shape, with_bias: bool) -> Result<Self> {
        if !parts.spec().flag("affine")? {
            return Ok(Self::NONE);
        }
        let mut take = |name| Ok(parameter(name, shape, parts.array(name, 1, shape.len())?));
        Ok(Self { weight: Some(take("weight")?), bias: if with_bias { Some(take("bias")?) } else { None } })
    }

    /// Removes b.
    pub(in crate::layers) fn without_bias(self) -> Self {
        Self { bias: None, ..self }
    }

    /// Whether w is present.
    pub(in crate::layers) fn has_weight(&self) -> bool {
        self.weight.is_some()
    }

    /// Whether b is present.
    pub(in crate::layers) fn has_bias(&self) -> bool {
        self.bias.is_some()
    }

    /// What a layer's `Debug` text says about it.
    pub(in crate::layers) fn note(&self) -> &'static str {
        if self.has_weight() { "" } else { ", not affine" }
    }

    /// The elements of w and b.
    pub(in crate::layers) fn values(&self) -> [Option<&[A]>; 2] {
        [&self.weight, &self.bias].map(|values| values.as_ref().map(|values| flat(values)))
    }

    /// The gradients of w and b among those of the layer.
    pub(in crate::layers) fn gradients<'d>(&self, dw: &'d mut [Array2<A>]) -> Result<[Option<&'d mut [A]>; 2]> {
        match (dw, &self.weight, &self.bias) {
            ([], None, None) => Ok([None, None]),
            ([dw], Some(_), None) => Ok([Some(flat_mut(dw)), None]),
            ([dw, db], Some(_), Some(_)) => Ok([Some(flat_mut(dw)), Some(flat_mut(db))]),
            _ => Err(NO_FORWARD),
        }
    }

    /// Multiplies the current value by w and adds b, as constants with dimensions `dims`.
    pub(in crate::layers) fn onnx(&self, operators: &mut Operators, dims: &[usize]) {
        for (name, op, values) in [("weight", "Mul", &self.weight), ("bias", "Add", &self.bias)] {
            if let Some(values) = values {
                let values = constant(operators, name, dims, flat(values));
                operators.then(op, &[&values], []);
            }
        }
    }

    /// Multiplies the current value by w and adds b, for this number of channels of `stride` contiguous elements.
    pub(in crate::layers) fn rust(&self, code: &mut Code, (channels, stride): (usize, usize)) {
        if self.has_weight() {
            let [weight, bias] = ["weight", "bias"].map(|name| code.optional(name));
            code.change(&functions::SCALE_AND_SHIFT, &[], &[&weight, &bias, &channels, &stride]);
        }
    }

    /// The formula of x̂, followed by w and b.
    pub(in crate::layers) fn formula(&self, text: &str, latex: &str) -> Formula {
        let (mut text, mut latex) = (text.to_owned(), latex.to_owned());
        if self.has_weight() {
            text += " ∘ {weight}";
            latex += " \\circ {weight}";
        }
        if self.has_bias() {
            text += " + {bias}";
            latex += " + {bias}";
        }
        Formula::new(text, latex)
    }
}

impl<A: Scalar> Parameters<A> for Affine<A> {
    fn show(&self, f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {
        self.weight.show(f);
        self.bias.show(f);
    }

    fn show_mut(&mut self, f: &mut dyn FnMut(Info<'_>, &mut Array2<A>)) {
        self.weight.show_mut(f);
        self.bias.show_mut(f);
    }
}

/// x̂ of the norms that subtract the mean.
pub(in crate::layers) const NORMALIZED: [&str; 2] =
    ["(□ − μ)/√(σ² + ε)", "\\frac{□ - \\mu}{\\sqrt{\\sigma^2 + \\epsilon}}"];

fn parameter<A: Scalar>(name: &'static str, shape: Shape, values: Array2<A>) -> Parameter<A> {
    shape.with_sizes(|dims| Parameter::bias(name, dims, values))
}

/// `values` as a row of `count` elements.
pub(in crate::layers) fn row<A: Scalar>(layer: &str, name: &str, count: usize, values: Array1<A>) -> Result<Array2<A>> {
    if values.len() == count {
        return Ok(values.insert_axis(Axis(0)));
    }
    let (wants, got) = ([1, count], [1, values.len()]);
    Err(Error::Dimensions { what: format!("the {name} of {layer}"), wants, got })
}

/// Keras' parameter names of norms; those of `PyTorch` are the ones used here.
pub(in crate::layers) fn layout(system: System, name: &str, dims: &[usize]) -> Vec<Piece> {
    let theirs = match (system, name) {
        (System::Keras, "weight") => "gamma",
        (System::Keras, "bias") => "beta",
        (System::Keras, "running_mean") => "moving_mean",
        (System::Keras, "running_var") => "moving_variance",
        _ => name,
    };
    vec![Piece::whole(theirs, dims)]
}

/// `numbers` as a constant with dimensions `dims`, named after a parameter.
pub(in crate::layers) fn constant<A: Scalar>(
    operators: &mut Operators,
    name: &str,
    dims: &[usize],
    numbers: &[A],
) -> String {
    operators.constant(name, Tensor::floats(dims, numbers.iter().map(|x| x.to_f64() as f32)))
}
