//! [`Nodes`]: the layers in a layer.

use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::Array2;

use crate::layers::{Cache, Info, Layer};
use crate::spec::Spec;
use crate::{Matrix, Scalar};

/// The layers that a larger layer is made of, each with its name there.
#[derive(Clone)]
pub(crate) struct Nodes<A: Scalar> {
    list: Vec<Node<A>>,
    /// Clones share it until one of them is changed; 0 without layers.
    id: usize,
}

/// A layer in its place.
#[derive(Clone)]
pub(crate) struct Node<A: Scalar> {
    pub(crate) layer: Box<dyn Layer<A>>,
    pub(crate) name: String,
    /// How many trainable parameters it has, each with a slot for its gradient.
    pub(crate) slots: usize,
    /// Its learning rate as a multiple of the optimizer's.
    pub(crate) rate: f64,
}

impl<A: Scalar> Node<A> {
    /// Whether training changes it.
    pub(crate) fn learns(&self) -> bool {
        self.slots > 0 && self.rate > 0.0
    }
}

impl<A: Scalar> Nodes<A> {
    pub(crate) fn new() -> Self {
        Self { list: Vec::new(), id: 0 }
    }

    /// Adds a layer, whose parameters are shown with `name` and a point in front.
    pub(crate) fn push(&mut self, name: String, layer: Box<dyn Layer<A>>) {
        let mut slots = 0;
        layer.visit(&mut |info, _| slots += usize::from(info.role.is_trainable()));
        self.list.push(Node { layer, name, slots, rate: 1.0 });
        self.id = next_id();
    }

    /// Sets a learning rate, and returns whether there is such a layer.
    pub(crate) fn set_rate(&mut self, index: usize, rate: f64) -> bool {
        let Some(node) = self.list.get_mut(index) else { return false };
        node.rate = rate;
        self.id = next_id();
        true
    }

    /// What tells these layers from others.
    pub(crate) fn id(&self) -> usize {
        self.id
    }

    /// As [`Layer::visit`].
    pub(crate) fn visit(&self, f: &mut dyn FnMut(Info<'_>, &Array2<A>)) {
        for Node { layer, name, .. } in &self.list {
            layer.visit(&mut |info, matrix| f(Info { name: &format_args!("{name}.{}", info.name), ..info }, matrix));
        }
    }

    /// As [`Layer::visit_mut`].
    pub(crate) fn visit_mut(&mut self, f: &mut dyn FnMut(Info<'_>, &mut Array2<A>)) {
        for Node { layer, name, .. } in &mut self.list {
            layer.visit_mut(&mut |info, matrix| {
                let dim = matrix.dim();
                f(Info { name: &format_args!("{name}.{}", info.name), ..info }, matrix);
                keep_form(matrix, dim);
            });
        }
    }

    /// As [`Layer::update_statistics`], with a cache for each layer.
    pub(crate) fn update_statistics(&mut self, caches: &mut [Cache]) {
        for (node, cache) in self.list.iter_mut().zip(caches) {
            if node.rate > 0.0 {
                node.layer.update_statistics(cache);
            }
        }
    }

    /// As [`Layer::scale_rates`].
    pub(crate) fn scale_rates(&self, mut rates: &mut [f64]) {
        for node in &self.list {
            let (own, rest) = rates.split_at_mut(node.slots);
            node.layer.scale_rates(own);
            for rate in own.iter_mut() {
                *rate *= node.rate;
            }
            rates = rest;
        }
    }

    /// As [`Layer::spec`], for each layer.
    pub(crate) fn specs(&self) -> Option<Vec<Spec>> {
        self.list.iter().map(|node| node.layer.spec()).collect()
    }
}

impl<A: Scalar> Deref for Nodes<A> {
    type Target = [Node<A>];
    fn deref(&self) -> &[Node<A>] {
        &self.list
    }
}

/// A number that no layers had before.
fn next_id() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Undoes what a visitor must not do to a parameter: the layers were checked for its size, and it is read row by row.
fn keep_form<A: Scalar>(matrix: &mut Array2<A>, dim: (usize, usize)) {
    if matrix.dim() != dim {
        *matrix = Array2::from_elem(dim, A::NAN);
    } else if !matrix.is_standard_layout() {
        *matrix = matrix.as_standard_layout().into_owned();
    }
}

/// There is no gradient for layers that are not those of the forward pass. A tape does not let it come to this.
pub(super) fn no_gradient<A: Scalar>(dx: Option<&mut Matrix<A>>, dw: &mut [Array2<A>]) {
    for dw in dw {
        dw.fill(A::NAN);
    }
    if let Some(dx) = dx {
        dx.fill(A::NAN);
    }
}
