//! [`Fork`]: layers side by side, which all take the same input.

use ndarray::Array2;

use super::nodes::{Nodes, no_gradient};
use crate::kernels::simd::each;
use crate::kernels::{flat, flat_mut, resize};
use crate::layers::{Backward, Cache, Pass};
use crate::{Matrix, Result, Scalar};

/// What layers side by side keep on a tape.
pub(crate) struct Fork<A: Scalar> {
    /// The output of each layer.
    pub(crate) outputs: Vec<Array2<A>>,
    /// dL/d(output) of each layer; empty if they all have that of the whole.
    pub(crate) gradients: Vec<Array2<A>>,
    /// dL/dx by way of one layer.
    dx: Array2<A>,
    pub(crate) caches: Vec<Cache>,
    /// The layers that filled this.
    id: usize,
}

impl<A: Scalar> Default for Fork<A> {
    fn default() -> Self {
        let (outputs, gradients, caches) = (Vec::new(), Vec::new(), Vec::new());
        Self { outputs, gradients, dx: Array2::default((0, 0)), caches, id: 0 }
    }
}

impl<A: Scalar> Nodes<A> {
    /// Passes `x` through each layer, and returns the outputs.
    pub(crate) fn fork<'p>(&self, x: &Matrix<A>, pass: &'p mut Pass<'_>) -> Result<&'p [Array2<A>]> {
        let Pass { training, input, ref mut cache, ref mut rng } = *pass;
        let fork = cache.get::<Fork<A>>();
        fork.outputs.resize_with(self.len(), || Array2::default((0, 0)));
        fork.caches.resize_with(self.len(), Cache::default);
        fork.id = self.id();
        for (i, (node, y)) in self.iter().zip(&mut fork.outputs).enumerate() {
            resize(y, x.nrows(), node.layer.output_shape(input)?.len());
            let pass = &mut Pass { training, input, cache: &mut fork.caches[i], rng };
            node.layer.forward(x, y, pass).map_err(|error| error.at(i))?;
        }
        Ok(&fork.outputs)
    }

    /// Passes dL/dy, or [`Fork::gradients`], back through each layer; dL/dx is the sum of theirs.
    pub(crate) fn join_gradients(&self, at: Backward<'_, A>, pass: &mut Pass<'_>) {
        let Backward { x, dy, mut dx, mut dw, .. } = at;
        let Pass { training, input, ref mut cache, ref mut rng } = *pass;
        let fork = cache.get::<Fork<A>>();
        if fork.id != self.id() || self.is_empty() {
            return no_gradient(dx, dw);
        }
        for (i, node) in self.iter().enumerate() {
            let (own, rest) = dw.split_at_mut(node.slots);
            dw = rest;
            let one = match &mut dx {
                // Nobody asks for what it could tell.
                None if !node.learns() => {
                    own.iter_mut().for_each(|dw| dw.fill(A::ZERO));
                    continue;
                }
                None => None,
                Some(dx) if i == 0 => Some(&mut **dx),
                Some(_) => {
                    resize(&mut fork.dx, x.nrows(), x.ncols());
                    Some(&mut *fork.dx)
                }
            };
            let dy = fork.gradients.get(i).map_or(dy, |dy| dy);
            let at = Backward { x, y: &fork.outputs[i], dy, dx: one, dw: own };
            node.layer.backward(at, &mut Pass { training, input, cache: &mut fork.caches[i], rng });
            if let Some(dx) = dx.as_deref_mut().filter(|_| i > 0) {
                add(dx, &fork.dx);
            }
        }
    }
}

/// Adds `x` to `sum`.
pub(crate) fn add<A: Scalar>(sum: &mut Matrix<A>, x: &Matrix<A>) {
    each((flat_mut(sum), flat(x)), |(sum, &x)| *sum += x);
}
