//! The computational graph of a formula, with values and gradients: backpropagation made visible.
//!
//! Formulas are written as in a textbook; each operation becomes a node with its value. [`Var::backward`] walks from
//! the result back to the inputs and applies the chain rule at each operation (reverse-mode differentiation,
//! Linnainmaa, 1970). The graph prints as a table, as DOT for Graphviz, and as an SVG drawing with each value above its
//! edge and each gradient below.
//!
//! ```
//! use neuropil::graph::Graph;
//!
//! let graph = Graph::new();
//! let (x, y, z) = (graph.scalar("x", -2.0), graph.scalar("y", 5.0), graph.scalar("z", -4.0));
//! let f = ((x + y).named("q") * z).named("f");
//! assert_eq!(f.item()?, -12.0);
//!
//! f.backward()?;
//! assert_eq!(x.gradient(), Some(ndarray::array![[-4.0]])); // df/dx = z
//! assert_eq!(z.gradient(), Some(ndarray::array![[3.0]])); // df/dz = x + y
//! println!("{graph}");
//! std::fs::write(std::env::temp_dir().join("graph.svg"), graph.svg()).unwrap();
//! # Ok::<(), neuropil::Error>(())
//! ```
//!
//! As in PyTorch, gradients accumulate over several passes until they are [cleared](Var::clear_gradient), intermediate
//! nodes keep theirs only [on request](Var::retain_gradient), and a backward pass frees the graph;
//! [`backward_retaining`](Var::backward_retaining) keeps it.
//!
//! A value is a matrix; a scalar is 1 x 1. Single rows and columns broadcast, as in NumPy. Rust's operators cannot
//! return errors, so an invalid operation gives a variable without a value, whose [`Var::value`] and [`Var::backward`]
//! return the error.
//!
//! The graph is for teaching and experiments: [`GraphLoss`] and [`GraphLayer`] turn a formula into a loss or a layer. A
//! layer with its own backward pass is many times faster.

use std::cell::{Ref, RefCell};

use ndarray::Array2;

use crate::{Error, Result, Scalar};

// In the order in which the documentation lists the methods of a graph.
mod build;

mod draw;
mod function;
mod operation;
mod operators;

use operation::Operation;

pub use function::{GraphLayer, GraphLoss};

/// The nodes of one or more formulas, in the order of computation.
#[derive(Debug, Default)]
pub struct Graph<A: Scalar> {
    nodes: RefCell<Vec<Node<A>>>,
}

/// A value of the graph, and the operation that computed it.
#[derive(Debug)]
struct Node<A: Scalar> {
    name: Option<String>,
    operation: Operation<A>,
    /// The indices of the operands, all smaller than its own.
    operands: Vec<usize>,
    value: Result<Array2<A>>,
    gradient: Option<Array2<A>>,
    /// Whether it depends on an input.
    varies: bool,
    /// Whether it retains its gradient.
    retains: bool,
    /// Whether a backward pass has freed the node.
    freed: bool,
}

/// A node of a [`Graph`]: a `Copy` handle for writing formulas.
#[derive(Debug, Clone, Copy)]
pub struct Var<'g, A: Scalar> {
    graph: &'g Graph<A>,
    index: usize,
}

impl<A: Scalar> Graph<A> {
    fn push(
        &self,
        operation: Operation<A>,
        operands: Vec<usize>,
        value: Result<Array2<A>>,
        varies: bool,
    ) -> Var<'_, A> {
        let retains = matches!(operation, Operation::Input);
        let node = Node { name: None, operation, operands, value, gradient: None, varies, retains, freed: false };
        let mut nodes = self.nodes.borrow_mut();
        nodes.push(node);
        Var { graph: self, index: nodes.len() - 1 }
    }

    /// Adds the node of an operation on nodes of this graph.
    fn compute(&self, operation: Operation<A>, operands: Vec<usize>) -> Var<'_, A> {
        let nodes = self.nodes.borrow();
        let values: Result<Vec<&Array2<A>>> =
            operands.iter().map(|&i| nodes[i].value.as_ref().map_err(Clone::clone)).collect();
        let value = values.and_then(|values| operation.forward(&values));
        let varies = operands.iter().any(|&i| nodes[i].varies);
        drop(nodes);
        self.push(operation, operands, value, varies)
    }
}

impl<'g, A: Scalar> Var<'g, A> {
    /// Names the node, for tables and drawings.
    pub fn named(self, name: &str) -> Self {
        self.graph.nodes.borrow_mut()[self.index].name = Some(name.to_owned());
        self
    }

    /// The value.
    ///
    /// # Errors
    /// [`Error::Operands`] if it depends on an operation with incompatible shapes; [`Error::OtherGraph`] if operands
    /// belong to two graphs.
    pub fn value(self) -> Result<Array2<A>> {
        self.node().value.clone()
    }

    /// The value of a scalar node.
    ///
    /// # Errors
    /// Those of [`value`](Self::value); [`Error::Dimensions`] for a larger matrix.
    pub fn item(self) -> Result<A> {
        let value = self.value()?;
        self.check_scalar("the value")?;
        Ok(value[[0, 0]])
    }

    /// The gradient accumulated since it was last cleared; `None` before a backward pass, and for intermediate nodes
    /// that do not [retain](Self::retain_gradient) theirs.
    pub fn gradient(self) -> Option<Array2<A>> {
        self.node().gradient.clone()
    }

    /// Clears the gradient.
    pub fn clear_gradient(self) {
        self.graph.nodes.borrow_mut()[self.index].gradient = None;
    }

    /// Makes an intermediate node retain the gradients of later passes, as inputs do.
    pub fn retain_gradient(self) -> Self {
        self.graph.nodes.borrow_mut()[self.index].retains = true;
        self
    }

    /// Adds d(self)/d(node) to the gradient of every input and of every intermediate node that retains it, and frees
    /// the nodes in between: no other pass can go through them.
    ///
    /// # Errors
    /// [`Error::FreedGraph`] if an earlier pass has freed a node; [`Error::Dimensions`] if this is not a scalar;
    /// [`Error::Order`] if it depends on no input; those of [`value`](Self::value). No gradient is then changed.
    pub fn backward(self) -> Result<()> {
        self.backward_scalar(false)
    }

    /// [`backward`](Self::backward) without freeing the graph.
    ///
    /// # Errors
    /// Those of [`backward`](Self::backward).
    pub fn backward_retaining(self) -> Result<()> {
        self.backward_scalar(true)
    }

    /// [`backward_retaining`](Self::backward_retaining) for a node of any shape, from the gradient `upstream` =
    /// dL/d(self).
    ///
    /// # Errors
    /// Those of [`backward`](Self::backward); `upstream` must have the shape of this node.
    pub fn backward_from(self, upstream: &Array2<A>) -> Result<()> {
        let (wants, got) = (self.value()?.dim().into(), upstream.dim().into());
        if wants != got {
            return Err(Error::Dimensions { what: "the upstream gradient".into(), wants, got });
        }
        self.run_backward(upstream.clone(), true)
    }

    fn backward_scalar(self, retain: bool) -> Result<()> {
        self.check_scalar("the value that `backward` starts from")?;
        self.run_backward(Array2::from_elem((1, 1), A::ONE), retain)
    }

    fn run_backward(self, upstream: Array2<A>, retain: bool) -> Result<()> {
        let mut nodes = self.graph.nodes.borrow_mut();
        let start = &nodes[self.index];
        if !start.varies {
            return Err(Error::Order { call: "backward", needs: "an input in the formula" });
        }
        // The nodes on a path from an input to this one; operands precede their operations.
        let mut on_path = vec![false; self.index + 1];
        on_path[self.index] = true;
        for i in (0..=self.index).rev().filter(|&i| nodes[i].varies) {
            if on_path[i] {
                if nodes[i].freed {
                    return Err(Error::FreedGraph);
                }
                nodes[i].operands.iter().for_each(|&operand| on_path[operand] = nodes[operand].varies);
            }
        }
        let mut gradients: Vec<Option<Array2<A>>> = vec![None; self.index + 1];
        gradients[self.index] = Some(upstream);
        for i in (0..=self.index).rev().filter(|&i| on_path[i]) {
            // A node that does not contribute to the result.
            let Some(dy) = gradients[i].take() else { continue };
            let node = &nodes[i];
            let values: Vec<&Array2<A>> =
                node.operands.iter().filter_map(|&operand| nodes[operand].value.as_ref().ok()).collect();
            if let Ok(y) = &node.value
                && values.len() == node.operands.len()
            {
                for (&operand, dx) in node.operands.iter().zip(node.operation.backward(&values, y, &dy)) {
                    if on_path[operand] {
                        add(&mut gradients[operand], dx);
                    }
                }
            }
            let node = &mut nodes[i];
            if node.retains {
                add(&mut node.gradient, dy);
            }
            node.freed = !retain && !matches!(node.operation, Operation::Input);
        }
        Ok(())
    }

    fn check_scalar(self, what: &str) -> Result<()> {
        let got: [usize; 2] = self.node().value.as_ref().map_err(Clone::clone)?.dim().into();
        let wants = [1, 1];
        if got == wants { Ok(()) } else { Err(Error::Dimensions { what: what.to_owned(), wants, got }) }
    }

    fn node(&self) -> Ref<'g, Node<A>> {
        Ref::map(self.graph.nodes.borrow(), |nodes| &nodes[self.index])
    }
}

/// sum += x, where `None` is zero.
fn add<A: Scalar>(sum: &mut Option<Array2<A>>, x: Array2<A>) {
    match sum {
        Some(sum) => *sum += &x,
        None => *sum = Some(x),
    }
}
