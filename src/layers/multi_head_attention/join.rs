//! Attention as a join of query, key and value.

use ndarray::Array2;

use super::{Memory, MultiHeadAttention};
use crate::kernels::{groups, groups_mut, steps_before_padding};
use crate::layer::{Info, Inputs, Join, JoinBackward, JoinPass, Layer};
use crate::spec::Spec;
use crate::spec::layout::{Piece, System};
use crate::{Error, Matrix, Result, Scalar, Shape};

/// The steps of the first value, the query, attend to those of the second and third, key and value: as in a decoder that
/// looks at an encoder. With two values, the second is key and value.
///
/// ```
/// use neuropil::prelude::*;
///
/// let mut g = Network::<f64>::new();
/// let (query, memory) = (g.input("query", [2, 8]), g.input("memory", [5, 8]));
/// let seen = g.join(MultiHeadAttention::new(8, 2, &mut rng(1))?, [query, memory])?;
/// g.output("seen", seen)?;
/// assert_eq!(g.prediction_shape(), Shape::Sequence { steps: 2, features: 8 });
/// # Ok::<(), Error>(())
/// ```
impl<A: Scalar> Join<A> for MultiHeadAttention<A> {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape> {
        let [query, rest @ ..] = inputs else { return Err(self.wrong_count(0)) };
        if ![1, 2].contains(&rest.len()) {
            return Err(self.wrong_count(inputs.len()));
        }
        for (name, shape) in ["query", "key", "value"].into_iter().zip(inputs) {
            let wrong = |wants: String| Err(Error::Input { layer: format!("{self:?}"), wants, got: *shape });
            match *shape {
                Shape::Sequence { steps, features } if steps > 0 && features == self.features() => {
                    // A number for each pair of steps must fit in memory, which is the layer's own check.
                    Layer::output_shape(self, *shape)?;
                }
                _ => return wrong(format!("a {name} of sequences [steps, {}]", self.features())),
            }
        }
        match rest {
            [key, value] if key != value => {
                let wants = format!("a value of the key's shape, {key}");
                Err(Error::Input { layer: format!("{self:?}"), wants, got: *value })
            }
            _ => Ok(*query),
        }
    }

    fn forward(&self, inputs: Inputs<'_, A>, y: &mut Matrix<A>, pass: &mut JoinPass<'_>) -> Result<()> {
        let features = self.features();
        let memory = pass.cache.get::<Memory<A>>();
        let key = inputs.get(1);
        let keys = key.ncols() / features;
        (memory.samples, memory.queries, memory.keys) = (y.nrows(), y.ncols() / features, keys);
        memory.hidden.clear();
        if self.masked {
            for key in key.rows() {
                let length = steps_before_padding(&key, features);
                memory.hidden.extend((0..keys).map(|t| t >= length));
            }
        }
        for i in 0..3 {
            self.project(i, inputs.get(i.min(inputs.len() - 1)), memory);
        }
        self.mix(memory, &mut groups_mut(y, features));
        Ok(())
    }

    fn backward(&self, at: JoinBackward<'_, A>, pass: &mut JoinPass<'_>) -> Result<()> {
        let features = self.features();
        let memory = pass.cache.get::<Memory<A>>();
        let (dw_in, dw_out, mut db_in, db_out) = match at.dw {
            [dw_in, db_in, dw_out, db_out] => (dw_in, dw_out, Some(db_in), Some(db_out)),
            [dw_in, dw_out] => (dw_in, dw_out, None, None),
            _ => unreachable!("two weights, with biases or without"),
        };
        self.mix_backward(&groups(at.dy, features), dw_out, db_out, memory);
        let last = at.inputs.len() - 1;
        for i in 0..=last {
            let db_in = db_in.as_deref_mut();
            self.project_backward(i, at.inputs.get(i), memory, dw_in, db_in, &mut at.dx[i]);
        }
        if last == 1 {
            // The key is the value, too.
            let mut more = std::mem::take(&mut memory.dvalue);
            crate::kernels::resize(&mut more, at.dx[1].nrows(), at.dx[1].ncols());
            self.project_backward(2, at.inputs.get(1), memory, dw_in, db_in, &mut more);
            at.dx[1].zip_mut_with(&more, |dx, &more| *dx += more);
            memory.dvalue = more;
        }
        Ok(())
    }

    fn visit(&self, f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {
        Layer::visit(self, f);
    }

    fn visit_mut(&mut self, f: &mut dyn FnMut(Info<'_>, &mut Array2<A>)) {
        Layer::visit_mut(self, f);
    }

    fn multiply_adds(&self, inputs: &[Shape]) -> u64 {
        let steps = |at: usize| inputs.get(at).map_or(0, |shape| shape.positions() as u64);
        let (queries, keys, features) = (steps(0), steps(1), self.features() as u64);
        let projections = (queries.saturating_add(keys)).saturating_mul(2 * features).saturating_mul(features);
        let pairs = queries.saturating_mul(keys).saturating_mul(2 * features);
        projections.saturating_add(pairs)
    }

    fn spec(&self) -> Option<Spec> {
        Layer::spec(self)
    }

    fn layout(&self, system: System, name: &str, dims: &[usize]) -> Vec<Piece> {
        Layer::layout(self, system, name, dims)
    }
}

impl<A: Scalar> MultiHeadAttention<A> {
    fn wrong_count(&self, got: usize) -> Error {
        let problem = format!("it takes query, key and value, or a query and one value for both, not {got} values");
        Error::Graph { step: format!("the join {self:?}"), problem }
    }
}
