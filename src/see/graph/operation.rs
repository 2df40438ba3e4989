//! The operations of a graph, with their forward and backward passes.

use std::fmt::{self, Debug};

use ndarray::{Array2, ArrayView2, Axis, Zip};

use crate::activations::Activation;
use crate::kernels::gemm::gemm;
use crate::{Error, Result, Scalar};

/// The operation of a node.
#[derive(Debug)]
pub(super) enum Operation<A: Scalar> {
    Input,
    Constant,
    Add,
    Subtract,
    Multiply,
    Divide,
    Negate,
    MatMul,
    Transpose,
    Exp,
    Ln,
    Power(f64),
    Sum,
    Mean,
    SumRows,
    Copy,
    Apply(Box<dyn Function<A>>),
}

impl<A: Scalar> Operation<A> {
    /// The value for these operands.
    pub(super) fn forward(&self, x: &[&Array2<A>]) -> Result<Array2<A>> {
        Ok(match (self, x) {
            (Self::Add, [a, b]) => self.zip(a, b, |a, b| a + b)?,
            (Self::Subtract, [a, b]) => self.zip(a, b, |a, b| a - b)?,
            (Self::Multiply, [a, b]) => self.zip(a, b, |a, b| a * b)?,
            (Self::Divide, [a, b]) => self.zip(a, b, |a, b| a / b)?,
            (Self::Negate, [a]) => a.mapv(|a| -a),
            (Self::MatMul, [a, b]) => {
                if a.ncols() != b.nrows() {
                    return Err(self.mismatch(a, b));
                }
                product(a.view(), b.view())
            }
            (Self::Transpose, [a]) => a.t().as_standard_layout().into_owned(),
            (Self::Exp, [a]) => a.mapv(A::exp),
            (Self::Ln, [a]) => a.mapv(A::ln),
            (Self::Power(p), [a]) => a.mapv(|a| power(a, *p)),
            (Self::Sum, [a]) => scalar(total(a)),
            (Self::Mean, [a]) => scalar(total(a) / a.len() as f64),
            (Self::SumRows, [a]) => {
                let sums = a.rows().into_iter().map(|row| A::of(row.iter().map(|x| x.to_f64()).sum()));
                sums.collect::<ndarray::Array1<A>>().insert_axis(Axis(1))
            }
            (Self::Copy, [a]) => (*a).clone(),
            (Self::Apply(f), [a]) => a.mapv(|a| f.apply(a)),
            // Inputs and constants already have values; `operators.rs` determines the number of operands.
            _ => Array2::default((0, 0)),
        })
    }

    /// dL/d(operand) for each operand, from the value `y` and dL/dy.
    pub(super) fn backward(&self, x: &[&Array2<A>], y: &Array2<A>, dy: &Array2<A>) -> Vec<Array2<A>> {
        match (self, x) {
            (Self::Add, [a, b]) => vec![reduce(dy.clone(), a), reduce(dy.clone(), b)],
            (Self::Subtract, [a, b]) => vec![reduce(dy.clone(), a), reduce(dy.mapv(|dy| -dy), b)],
            (Self::Multiply, [a, b]) => vec![reduce(dy * *b, a), reduce(dy * *a, b)],
            // a/b by b is -a/b² = -y/b.
            (Self::Divide, [a, b]) => vec![reduce(dy / *b, a), reduce((dy * y / *b).mapv(|x| -x), b)],
            (Self::Negate, _) => vec![dy.mapv(|dy| -dy)],
            (Self::MatMul, [a, b]) => vec![product(dy.view(), b.t()), product(a.t(), dy.view())],
            (Self::Transpose, _) => vec![dy.t().as_standard_layout().into_owned()],
            (Self::Exp, _) => vec![dy * y],
            (Self::Ln, [a]) => vec![dy / *a],
            (Self::Power(p), [a]) => vec![times(dy, a, |a| slope(a, *p))],
            (Self::Sum, [a]) => vec![Array2::from_elem(a.dim(), dy[[0, 0]])],
            (Self::Mean, [a]) => vec![Array2::from_elem(a.dim(), dy[[0, 0]] / A::of(a.len() as f64))],
            (Self::SumRows, [a]) => vec![dy.broadcast(a.dim()).map_or_else(|| dy.clone(), |dy| dy.to_owned())],
            (Self::Copy, _) => vec![dy.clone()],
            (Self::Apply(f), [a]) => vec![Zip::from(dy).and(*a).and(y).map_collect(|&dy, &a, &y| dy * f.slope(a, y))],
            _ => Vec::new(),
        }
    }

    /// Applies `f` elementwise, with broadcasting of single rows and columns.
    fn zip(&self, a: &Array2<A>, b: &Array2<A>, f: impl Fn(A, A) -> A) -> Result<Array2<A>> {
        let side = |a: usize, b: usize| match (a, b) {
            (a, b) if a == b || b == 1 => Some(a),
            (1, b) => Some(b),
            _ => None,
        };
        let views = side(a.nrows(), b.nrows()).zip(side(a.ncols(), b.ncols()));
        let views = views.and_then(|dim| a.broadcast(dim).zip(b.broadcast(dim)));
        let (a, b) = views.ok_or_else(|| self.mismatch(a, b))?;
        Ok(Zip::from(a).and(b).map_collect(|&a, &b| f(a, b)))
    }

    fn mismatch(&self, a: &Array2<A>, b: &Array2<A>) -> Error {
        Error::Operands { operation: self.symbol(), left: a.dim().into(), right: b.dim().into() }
    }

    /// The symbol in a drawing.
    pub(super) fn symbol(&self) -> String {
        match self {
            Self::Input => "input".into(),
            Self::Constant => "constant".into(),
            Self::Add => "+".into(),
            Self::Subtract | Self::Negate => "−".into(),
            Self::Multiply => "×".into(),
            Self::Divide => "/".into(),
            Self::MatMul => "@".into(),
            Self::Transpose => "T".into(),
            Self::Exp => "exp".into(),
            Self::Ln => "ln".into(),
            Self::Power(p) => format!("^{p}"),
            Self::Sum => "sum".into(),
            Self::Mean => "mean".into(),
            Self::SumRows => "sum rows".into(),
            Self::Copy => "copy".into(),
            Self::Apply(f) => format!("{f:?}"),
        }
    }

    /// The formula of the operation, with these names for the operands.
    pub(super) fn formula(&self, names: &[String]) -> String {
        match (self, names) {
            (Self::Negate, [a]) => format!("−{a}"),
            (Self::Transpose | Self::Power(_), [a]) => {
                format!("{a}{}", if let Self::Power(p) = self { format!("^{p}") } else { "ᵀ".into() })
            }
            (_, [a, b]) => format!("{a} {} {b}", self.symbol()),
            (_, [a]) => format!("{}({a})", self.symbol()),
            _ => self.symbol(),
        }
    }
}

/// An [`Activation`] for one number type.
pub(super) trait Function<A: Scalar>: Send {
    fn apply(&self, x: A) -> A;
    fn slope(&self, x: A, y: A) -> A;
    fn name(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

impl<A: Scalar, F: Activation> Function<A> for F {
    fn apply(&self, x: A) -> A {
        Activation::apply(self, x)
    }
    fn slope(&self, x: A, y: A) -> A {
        Activation::slope(self, x, y)
    }
    fn name(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Debug::fmt(self, f)
    }
}

impl<A: Scalar> Debug for dyn Function<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name(f)
    }
}

/// a·b, for matching shapes.
#[allow(clippy::needless_pass_by_value)] // A view is a reference.
fn product<A: Scalar>(a: ArrayView2<'_, A>, b: ArrayView2<'_, A>) -> Array2<A> {
    let mut c = Array2::from_elem((a.nrows(), b.ncols()), A::ZERO);
    gemm(A::ONE, &a, &b, A::ZERO, &mut c);
    c
}

/// Sums the gradient of a broadcast operand over its repetitions.
fn reduce<A: Scalar>(mut gradient: Array2<A>, operand: &Array2<A>) -> Array2<A> {
    for axis in [Axis(0), Axis(1)] {
        if operand.len_of(axis) == 1 && gradient.len_of(axis) != 1 {
            gradient = gradient.map_axis(axis, |lane| A::of(lane.iter().map(|x| x.to_f64()).sum())).insert_axis(axis);
        }
    }
    gradient
}

/// dy ∘ f(x).
fn times<A: Scalar>(dy: &Array2<A>, x: &Array2<A>, f: impl Fn(A) -> A) -> Array2<A> {
    Zip::from(dy).and(x).map_collect(|&dy, &x| dy * f(x))
}

/// xᵖ: by multiplication for small integers p, by a square root for ½, otherwise as e^(p ln x).
fn power<A: Scalar>(x: A, p: f64) -> A {
    if p.fract() == 0.0 && p.abs() <= 64.0 {
        let product = (0..p.abs() as u32).fold(A::ONE, |product, _| product * x);
        return if p < 0.0 { A::ONE / product } else { product };
    }
    if p == 0.5 { x.sqrt() } else { (A::of(p) * x.ln()).exp() }
}

/// p·xᵖ⁻¹.
fn slope<A: Scalar>(x: A, p: f64) -> A {
    if p == 0.0 { A::ZERO } else { A::of(p) * power(x, p - 1.0) }
}

fn total<A: Scalar>(x: &Array2<A>) -> f64 {
    x.iter().map(|x| x.to_f64()).sum()
}

fn scalar<A: Scalar>(x: f64) -> Array2<A> {
    Array2::from_elem((1, 1), A::of(x))
}
