//! [`Layer`] for boxed layers.

use std::any::TypeId;

use ndarray::Array2;

use super::{Backward, Cache, Info, Layer, Needs, Pass, Steps};
use crate::spec::layout::{Piece, System};
use crate::spec::onnx::Operators;
use crate::spec::rust::Code;
use crate::spec::{Formula, Spec};
use crate::{Matrix, Result, Scalar, Shape};

/// Delegates the methods of [`Layer`] to the inner layer, except `output_shape` and the descriptive ones.
macro_rules! delegate_layer {
    ($scalar:ty, $self:ident => $inner:expr) => {
        fn forward(&$self, x: &Matrix<$scalar>, y: &mut Matrix<$scalar>, pass: &mut Pass<'_>) -> Result<()> {
            $inner.forward(x, y, pass)
        }

        fn backward(&$self, at: Backward<'_, $scalar>, pass: &mut Pass<'_>) -> Result<()> {
            $inner.backward(at, pass)
        }

        fn visit(&$self, f: &mut dyn FnMut(Info<'_>, &Array2<$scalar>)) {
            $inner.visit(f);
        }

        fn visit_mut(&mut $self, f: &mut dyn FnMut(Info<'_>, &mut Array2<$scalar>)) {
            $inner.visit_mut(f);
        }

        fn update_statistics(&mut $self, cache: &mut Cache) {
            $inner.update_statistics(cache);
        }

        fn scale_rates(&$self, rates: &mut [f64]) {
            $inner.scale_rates(rates);
        }

        fn multiply_adds(&$self, input: Shape) -> u64 {
            $inner.multiply_adds(input)
        }

        fn steps(&$self, input: Shape) -> Steps {
            Layer::steps(&$inner, input)
        }

        fn finds_lengths(&$self) -> bool {
            $inner.finds_lengths()
        }

        fn needs(&$self, input: Shape, output: Shape) -> Needs {
            $inner.needs(input, output)
        }

        fn differentiable(&$self) -> bool {
            $inner.differentiable()
        }

        fn identity(&$self) -> (TypeId, usize) {
            $inner.identity()
        }
    };
}

pub(crate) use delegate_layer;

/// For layers chosen at run time; a network unboxes them.
impl<A: Scalar> Layer<A> for Box<dyn Layer<A>> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        (**self).output_shape(input)
    }

    delegate_layer!(A, self => (**self));

    fn spec(&self) -> Option<Spec> {
        (**self).spec()
    }

    fn layout(&self, system: System, name: &str, dims: &[usize]) -> Vec<Piece> {
        (**self).layout(system, name, dims)
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        (**self).onnx(operators)
    }

    fn formula(&self) -> Option<Formula> {
        (**self).formula()
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        (**self).rust(code)
    }
}
