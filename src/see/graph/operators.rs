//! The operators and methods of [`Var`].

use std::ops::{Add, Div, Mul, Neg, Sub};

use ndarray::Array2;

use super::{Operation, Var};
use crate::activations::Activation;
use crate::{Error, Scalar};

impl<A: Scalar> Var<'_, A> {
    /// The matrix product with `other`.
    pub fn matmul(self, other: Self) -> Self {
        self.with(other, Operation::MatMul)
    }

    /// The transposed matrix.
    pub fn t(self) -> Self {
        self.map(Operation::Transpose)
    }

    /// eˣ, elementwise.
    pub fn exp(self) -> Self {
        self.map(Operation::Exp)
    }

    /// The natural logarithm, elementwise.
    pub fn ln(self) -> Self {
        self.map(Operation::Ln)
    }

    /// xᵖ, elementwise.
    pub fn pow(self, p: f64) -> Self {
        self.map(Operation::Power(p))
    }

    /// The sum of all elements.
    pub fn sum(self) -> Self {
        self.map(Operation::Sum)
    }

    /// The mean of all elements.
    pub fn mean(self) -> Self {
        self.map(Operation::Mean)
    }

    /// The sum of each row: (m, n) becomes (m, 1).
    pub fn sum_rows(self) -> Self {
        self.map(Operation::SumRows)
    }

    /// Applies an activation, elementwise.
    pub fn apply(self, activation: impl Activation) -> Self {
        self.map(Operation::Apply(Box::new(activation)))
    }

    /// Copies of the node, each with its own gradient: a fork. The gradient of the node is the sum of theirs.
    ///
    /// ```
    /// use neuropil::graph::Graph;
    ///
    /// let graph = Graph::new();
    /// let x = graph.scalar("x", 3.0);
    /// let [a, b] = x.copies();
    /// (a.retain_gradient() * b.retain_gradient()).backward()?;
    /// assert_eq!(a.gradient(), Some(ndarray::array![[3.0]]));
    /// assert_eq!(x.gradient(), Some(ndarray::array![[6.0]])); // d(x²)/dx = x + x
    /// # Ok::<(), neuropil::Error>(())
    /// ```
    pub fn copies<const N: usize>(self) -> [Self; N] {
        std::array::from_fn(|_| self.map(Operation::Copy))
    }

    fn map(self, operation: Operation<A>) -> Self {
        self.graph.compute(operation, vec![self.index])
    }

    fn with(self, other: Self, operation: Operation<A>) -> Self {
        if !std::ptr::eq(self.graph, other.graph) {
            return self.graph.push(operation, vec![self.index], Err(Error::OtherGraph), true);
        }
        self.graph.compute(operation, vec![self.index, other.index])
    }

    /// A constant in a formula, such as the 1 in 1/(1 + x).
    fn number(self, x: A) -> Self {
        let name = crate::text::figures(x.to_f64(), 6);
        self.graph.constant(&name, Array2::from_elem((1, 1), x))
    }
}

impl<A: Scalar> Neg for Var<'_, A> {
    type Output = Self;
    fn neg(self) -> Self {
        self.map(Operation::Negate)
    }
}

/// A number to the left of a variable.
macro_rules! from_the_left {
    ($float:ident, $trait:ident, $method:ident) => {
        impl<'g> $trait<Var<'g, $float>> for $float {
            type Output = Var<'g, $float>;
            fn $method(self, other: Var<'g, $float>) -> Var<'g, $float> {
                other.number(self).$method(other)
            }
        }
    };
}

macro_rules! operator {
    ($trait:ident, $method:ident, $operation:ident) => {
        impl<A: Scalar> $trait for Var<'_, A> {
            type Output = Self;
            fn $method(self, other: Self) -> Self {
                self.with(other, Operation::$operation)
            }
        }

        impl<A: Scalar> $trait<A> for Var<'_, A> {
            type Output = Self;
            fn $method(self, other: A) -> Self {
                self.$method(self.number(other))
            }
        }

        from_the_left!(f32, $trait, $method);
        from_the_left!(f64, $trait, $method);
    };
}
operator!(Add, add, Add);
operator!(Sub, sub, Subtract);
operator!(Mul, mul, Multiply);
operator!(Div, div, Divide);
