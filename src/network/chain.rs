//! How data and gradients pass through the layers of a [`Sequential`].

use std::any::TypeId;

use ndarray::Array2;

use super::Sequential;
use super::nodes::{Node, no_gradient};
use crate::kernels::resize;
use crate::layers::{Backward, Cache, Info, Layer, Pass};
use crate::spec::Spec;
use crate::{Error, Matrix, Result, Scalar, Shape};

/// What a chain keeps on a tape.
struct State<A: Scalar> {
    /// The output of each layer but the last when training; two to alternate between when predicting.
    outputs: Vec<Array2<A>>,
    /// dL/d(output) of each layer but the last.
    gradients: Vec<Array2<A>>,
    caches: Vec<Cache>,
    /// The chain that filled this.
    id: usize,
}

impl<A: Scalar> Default for State<A> {
    fn default() -> Self {
        Self { outputs: Vec::new(), gradients: Vec::new(), caches: Vec::new(), id: 0 }
    }
}

impl<A: Scalar> Layer<A> for Sequential<A> {
    fn output_shape(&self, input: Shape) -> Result<Shape> {
        if self.nodes.is_empty() {
            return Err(Error::Empty);
        }
        if input.len() != self.input().len() {
            let wants = format!("{} features a sample", self.input());
            return Err(Error::Input { layer: format!("{self:?}"), wants, got: input });
        }
        Ok(self.output())
    }

    fn forward(&self, x: &Matrix<A>, y: &mut Matrix<A>, pass: &mut Pass<'_>) -> Result<()> {
        let state = pass.cache.get::<State<A>>();
        let Some(last) = self.nodes.len().checked_sub(1) else { return Err(Error::Empty) };
        if pass.training {
            self.check_trainable()?;
        }
        let buffers = if pass.training { last } else { last.min(2) };
        state.outputs.resize_with(buffers.max(state.outputs.len()), || Array2::default((0, 0)));
        state.caches.resize_with(self.nodes.len(), Cache::default);
        state.id = self.nodes.id();
        for (i, node) in self.nodes.iter().enumerate() {
            let pass = &mut Pass {
                training: pass.training,
                input: self.shapes[i],
                cache: &mut state.caches[i],
                rng: pass.rng,
            };
            // The buffer before the layer and the one after it; the chain's own x and y at the ends.
            let (before, after) = if pass.training { (i.wrapping_sub(1), i) } else { ((i + 1) % 2, i % 2) };
            let after = if i < last { Some(after) } else { None };
            if let Some(after) = after {
                resize(&mut state.outputs[after], x.nrows(), self.shapes[i + 1].len());
            }
            let result = match (i, after) {
                (0, None) => node.layer.forward(x, y, pass),
                (0, Some(after)) => node.layer.forward(x, &mut state.outputs[after], pass),
                (_, None) => node.layer.forward(&state.outputs[before], y, pass),
                (_, Some(after)) => {
                    let [x, y] = state.outputs.get_disjoint_mut([before, after]).expect("two different buffers");
                    node.layer.forward(x, y, pass)
                }
            };
            result.map_err(|error| error.at(i))?;
        }
        Ok(())
    }

    fn backward(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) {
        let state = pass.cache.get::<State<A>>();
        let Backward { x, y, dy, mut dx, mut dw } = at;
        if state.id != self.nodes.id() || self.nodes.is_empty() {
            return no_gradient(dx, dw);
        }
        let last = self.nodes.len() - 1;
        state.gradients.resize_with(last, || Array2::default((0, 0)));
        // Without dx, nothing before the first parameter that learns is of interest.
        let first = if dx.is_some() { 0 } else { self.nodes.iter().position(Node::learns).unwrap_or(last + 1) };
        for (i, node) in self.nodes.iter().enumerate().skip(first).rev() {
            let (rest, own) = dw.split_at_mut(dw.len() - node.slots);
            dw = rest;
            // What is before the layer and what is after it; the chain's own matrices at the ends.
            let (before, after) = state.gradients.split_at_mut(i);
            let at = Backward {
                x: if i == 0 { x } else { &state.outputs[i - 1] },
                y: if i == last { y } else { &state.outputs[i] },
                dy: if i == last { dy } else { &after[0] },
                dx: match before.last_mut() {
                    None => dx.as_deref_mut(),
                    Some(_) if i == first => None,
                    Some(dx) => {
                        resize(dx, x.nrows(), self.shapes[i].len());
                        Some(&mut *dx)
                    }
                },
                dw: own,
            };
            let cache = &mut state.caches[i];
            node.layer.backward(at, &mut Pass { training: pass.training, input: self.shapes[i], cache, rng: pass.rng });
        }
        for dw in dw.iter_mut() {
            dw.fill(A::ZERO);
        }
    }

    fn visit(&self, f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {
        self.nodes.visit(f);
    }

    fn visit_mut(&mut self, f: &mut dyn FnMut(Info<'_>, &mut Array2<A>)) {
        self.nodes.visit_mut(f);
    }

    fn update_statistics(&mut self, cache: &mut Cache) {
        self.nodes.update_statistics(&mut cache.get::<State<A>>().caches);
    }

    fn scale_rates(&self, rates: &mut [f64]) {
        self.nodes.scale_rates(rates);
    }

    fn multiply_adds(&self, _: Shape) -> u64 {
        self.nodes.iter().zip(&self.shapes).map(|(node, &input)| node.layer.multiply_adds(input)).sum()
    }

    fn differentiable(&self) -> bool {
        self.nodes.iter().all(|node| node.layer.differentiable())
    }

    fn spec(&self) -> Option<Spec> {
        let rates: Vec<f64> = self.nodes.iter().map(|node| node.rate).collect();
        Some(Spec::new("sequential").set("input", self.input()).set("layers", self.nodes.specs()?).set("rates", rates))
    }

    fn identity(&self) -> (TypeId, usize) {
        (TypeId::of::<Self>(), self.nodes.id())
    }
}

impl<A: Scalar> Sequential<A> {
    /// The output of each layer but the last, and the gradient of the loss by it, as the last training step left them.
    pub(crate) fn between<'c>(&self, cache: &'c mut Cache) -> (&'c [Array2<A>], &'c [Array2<A>]) {
        let State { outputs, gradients, .. } = cache.get::<State<A>>();
        let count = self.nodes.len().saturating_sub(1);
        (&outputs[..count.min(outputs.len())], &gradients[..count.min(gradients.len())])
    }

    /// The error if a layer would have to learn through one without a useful gradient.
    fn check_trainable(&self) -> Result<()> {
        let mut learns = false;
        for (i, node) in self.nodes.iter().enumerate() {
            if learns && !node.layer.differentiable() {
                return Err(Error::NotDifferentiable { layer: format!("{:?}", node.layer) }.at(i));
            }
            // Inside a chain in this chain, it is that one's own check.
            learns |= node.learns();
        }
        Ok(())
    }
}
