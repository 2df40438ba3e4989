//! Attention as a join of query, key and value.

use ndarray::Array2;

use super::{Memory, MultiHeadAttention};
use crate::layer::{Info, Inputs, Join, JoinBackward, JoinPass, Layer, Needs, Steps};
use crate::spec::Spec;
use crate::spec::layout::{Piece, System};
use crate::spec::onnx::Operators;
use crate::spec::rust::Code;
use crate::{Error, Matrix, Result, Scalar, Shape};

/// Cross-attention: the steps of the query attend to those of key and value, as when a decoder attends to an encoder.
/// With two inputs, the second is both key and value.
///
/// If [`masked`](MultiHeadAttention::masked), padding of the second input is masked as keys, and outputs are 0 where
/// the query is padding. If [`causal`](MultiHeadAttention::causal), step t attends only to keys up to t.
///
/// ```
/// use neuropil::prelude::*;
///
/// let mut g = Network::<f64>::new();
/// let (query, memory) = (g.input("query", [2, 8]), g.input("memory", [5, 8]));
/// let seen = g.join(MultiHeadAttention::new(8, 2, &mut rng(1)), [query, memory])?;
/// g.output("seen", seen)?;
/// assert_eq!(g.prediction_shape(), Shape::Sequence { steps: 2, features: 8 });
/// # Ok::<(), Error>(())
/// ```
impl<A: Scalar> Join<A> for MultiHeadAttention<A> {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape> {
        let wrong = |wants: String, got| Err(Error::Input { layer: format!("{self:?}"), wants, got });
        for (name, shape) in ["query", "key", "value"].into_iter().zip(inputs) {
            match *shape {
                Shape::Sequence { steps: 1.., features } if features == self.features() => {}
                other => return wrong(format!("a {name} of sequences [steps, {}]", self.features()), other),
            }
        }
        if let [query, key, ..] = *inputs {
            self.check_mask(query, [query, key])?;
        }
        match *inputs {
            [_, key, value] if key != value => wrong(format!("a value of the key's shape, {key}"), value),
            [query, _] | [query, _, _] => Ok(query),
            _ => {
                let problem =
                    format!("it takes query, key and value, or a query and one value for both, not {}", inputs.len());
                Err(Error::Graph { step: format!("the join {self:?}"), problem })
            }
        }
    }

    /// The lengths of the output are those of the query; keys in padding are masked.
    fn steps(&self) -> Steps {
        Steps::All
    }

    fn forward(&self, inputs: Inputs<'_, A>, y: &mut Matrix<A>, pass: &mut JoinPass<'_>) -> Result<()> {
        let memory = pass.cache.get::<Memory<A>>();
        self.find_padding(inputs.get(0), pass.lengths.get(0), &mut memory.padding);
        self.find_padding(inputs.get(1), pass.lengths.get(1), &mut memory.hidden);
        self.start(memory, [pass.training, pass.recording], pass.rng);
        self.cross(three(inputs), memory, y)
    }

    fn backward(&self, at: JoinBackward<'_, A>, pass: &mut JoinPass<'_>) -> Result<()> {
        self.cross_backward(at.dy, three(at.inputs), at.dx, at.dw, pass.cache.get::<Memory<A>>())
    }

    fn visit(&self, f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {
        Layer::visit(self, f);
    }

    fn visit_mut(&mut self, f: &mut dyn FnMut(Info<'_>, &mut Array2<A>)) {
        Layer::visit_mut(self, f);
    }

    fn needs(&self, inputs: &[Shape], _: Shape) -> Needs {
        let steps = |at: usize| inputs.get(at).map_or(0, |shape| shape.positions());
        self.needs(steps(0), steps(1))
    }

    fn multiply_adds(&self, inputs: &[Shape]) -> u64 {
        let steps = |at: usize| inputs.get(at).map_or(0, |shape| shape.positions() as u64);
        self.products(steps(0), steps(1))
    }

    fn spec(&self) -> Option<Spec> {
        Layer::spec(self)
    }

    fn layout(&self, system: System, name: &str, dims: &[usize]) -> Vec<Piece> {
        Layer::layout(self, system, name, dims)
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let inputs = operators.inputs().to_vec();
        let input =
            |i: usize| inputs.get(i).or(inputs.last()).map_or(("", Shape::Flat(0)), |(name, shape)| (&**name, *shape));
        self.write(operators, [0, 1, 2].map(input))
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let inputs = code.inputs();
        let inputs = [0, 1, 2].map(|i: usize| inputs[i.min(inputs.len() - 1)].0);
        self.write_rust(code, inputs)
    }
}

/// Query, key and value; the last two may be the same.
fn three<A: Scalar>(inputs: Inputs<'_, A>) -> [&Matrix<A>; 3] {
    [0, 1, 2].map(|i| inputs.get(i.min(inputs.len() - 1)))
}
