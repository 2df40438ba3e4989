//! [`MatMul`]: the matrix product of two values.

use ndarray::{ArrayView2, ArrayViewMut2};

use super::pair_of;
use crate::kernels::gemm::gemm;
use crate::kernels::{flat, flat_mut, matrix, matrix_mut};
use crate::layer::{Inputs, Join, JoinBackward, JoinPass, Parts, Restore};
use crate::spec::onnx::Operators;
use crate::spec::rust::{Code, functions};
use crate::spec::{Formula, Spec};
use crate::{Error, Matrix, Result, Scalar, Shape};

/// The matrix product of two values, for each sample: Y = A·B, dA = dY·Bᵀ, dB = Aᵀ·dY.
///
/// Sequences `[n, k]` and `[k, m]` give `[n, m]`; images are multiplied channel by channel, as the heads of an
/// attention layer are.
///
/// ```
/// use neuropil::joins::MatMul;
/// use neuropil::prelude::*;
///
/// let mut g = Network::<f64>::new();
/// let (a, b) = (g.input("a", [1, 2]), g.input("b", [2, 2]));
/// let y = g.join(MatMul, [a, b])?;
/// g.output("y", y)?;
/// assert_eq!(g.predict(&ndarray::array![[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])?, ndarray::array![[13.0, 16.0]]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MatMul;

/// The sizes of a product: channels, n, k, m.
fn sizes(inputs: &[Shape]) -> Option<[usize; 4]> {
    match *inputs {
        [Shape::Sequence { steps: n, features: k }, Shape::Sequence { steps, features: m }] if steps == k => {
            Some([1, n, k, m])
        }
        [Shape::Image { channels, height: n, width: k }, Shape::Image { channels: same, height, width: m }]
            if channels == same && height == k =>
        {
            Some([channels, n, k, m])
        }
        _ => None,
    }
}

/// The matrices of all channels of all samples, each (rows, columns).
fn matrices<A>(x: &Matrix<A>, rows: usize, columns: usize) -> impl Iterator<Item = ArrayView2<'_, A>> {
    flat(x).chunks_exact((rows * columns).max(1)).map(move |x| matrix(x, rows, columns, columns))
}

fn matrices_mut<A>(x: &mut Matrix<A>, rows: usize, columns: usize) -> impl Iterator<Item = ArrayViewMut2<'_, A>> {
    flat_mut(x).chunks_exact_mut((rows * columns).max(1)).map(move |x| matrix_mut(x, rows, columns, columns))
}

impl<A: Scalar> Join<A> for MatMul {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape> {
        pair_of("MatMul", inputs)?;
        match (inputs[0], sizes(inputs)) {
            (Shape::Image { .. }, Some([channels, n, _, m])) => Ok([channels, n, m].into()),
            (_, Some([_, n, _, m])) => Ok([n, m].into()),
            _ => {
                let wants = format!("a second value of as many rows as {} has columns", inputs[0]);
                Err(Error::Input { layer: "MatMul".into(), wants, got: inputs[1] })
            }
        }
    }

    fn forward(&self, inputs: Inputs<'_, A>, y: &mut Matrix<A>, pass: &mut JoinPass<'_>) -> Result<()> {
        let [_, n, k, m] = sizes(pass.inputs).unwrap_or_default();
        let factors = matrices(inputs.get(0), n, k).zip(matrices(inputs.get(1), k, m));
        for ((a, b), mut y) in factors.zip(matrices_mut(y, n, m)) {
            gemm(A::ONE, &a, &b, A::ZERO, &mut y);
        }
        Ok(())
    }

    fn backward(&self, at: JoinBackward<'_, A>, pass: &mut JoinPass<'_>) -> Result<()> {
        let [_, n, k, m] = sizes(pass.inputs).unwrap_or_default();
        let [da, db] = at.dx else { return Ok(()) };
        let factors = matrices(at.inputs.get(0), n, k).zip(matrices(at.inputs.get(1), k, m));
        let slopes = matrices_mut(da, n, k).zip(matrices_mut(db, k, m));
        for (((a, b), dy), (mut da, mut db)) in factors.zip(matrices(at.dy, n, m)).zip(slopes) {
            gemm(A::ONE, &dy, &b.t(), A::ZERO, &mut da);
            gemm(A::ONE, &a.t(), &dy, A::ZERO, &mut db);
        }
        Ok(())
    }

    fn multiply_adds(&self, inputs: &[Shape]) -> u64 {
        sizes(inputs).map_or(0, |sizes| sizes.iter().fold(1, |product, &n| product.saturating_mul(n as u64)))
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::new("mat_mul"))
    }

    fn onnx(&self, operators: &mut Operators) -> Result<()> {
        let second = operators.inputs()[1].0.clone();
        operators.then("MatMul", &[&second], []);
        Ok(())
    }

    fn rust(&self, code: &mut Code) -> Result<()> {
        let (values, shapes): (Vec<_>, Vec<_>) = code.inputs().iter().copied().unzip();
        let [channels, n, k, m] = sizes(&shapes).unwrap_or_default();
        let y = code.call(&functions::MAT_MUL, &values, channels * n * m, &[&format!("[{n}, {k}, {m}]")]);
        code.set_current(y);
        Ok(())
    }

    fn formula(&self, _: usize) -> Option<Formula> {
        Some(Formula::new("□1 · □2", "□1 \\cdot □2"))
    }
}

impl<A: Scalar> Restore<A> for MatMul {
    const KIND: &'static str = "mat_mul";

    fn restore(_: &mut Parts<'_, A>) -> Result<Self> {
        Ok(Self)
    }
}
