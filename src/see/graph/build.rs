//! The inputs and constants of a [`Graph`].

use std::cell::RefCell;

use ndarray::Array2;

use super::{Graph, Operation, Var};
use crate::Scalar;

impl<A: Scalar> Graph<A> {
    /// Creates an empty graph.
    pub fn new() -> Self {
        Self { nodes: RefCell::default() }
    }

    /// Adds a scalar input, which requires gradients.
    pub fn scalar(&self, name: &str, value: A) -> Var<'_, A> {
        self.input(name, Array2::from_elem((1, 1), value))
    }

    /// Adds a matrix input, which requires gradients.
    pub fn input(&self, name: &str, value: Array2<A>) -> Var<'_, A> {
        let var = self.push(Operation::Input, Vec::new(), Ok(value), true);
        var.named(name)
    }

    /// Adds a constant matrix, without gradients, such as data.
    pub fn constant(&self, name: &str, value: Array2<A>) -> Var<'_, A> {
        let var = self.push(Operation::Constant, Vec::new(), Ok(value), false);
        var.named(name)
    }

    /// Clears all gradients.
    pub fn clear_gradients(&self) {
        for node in self.nodes.borrow_mut().iter_mut() {
            node.gradient = None;
        }
    }

    /// Makes every existing node retain its gradient.
    pub fn retain_gradients(&self) {
        for node in self.nodes.borrow_mut().iter_mut() {
            node.retains = true;
        }
    }

    /// The inputs, constants and operations so far, in order.
    pub fn vars(&self) -> impl Iterator<Item = Var<'_, A>> {
        (0..self.nodes.borrow().len()).map(|index| Var { graph: self, index })
    }
}
