//! Rotary position embeddings.

use ndarray::Array2;

use crate::kernels::rows::{Rows, each_row};
use crate::kernels::{flat, flat_mut, resize, simd};
use crate::layers::sinusoidal_positions::sine;
use crate::{Result, Scalar};

/// Writes the cosines and sines of the angles θ = t·base^(-2i/d) of the steps t from `first`, (steps, d): cos θ of pair
/// i in column i, sin θ in column d/2 + i.
fn write_codes<A: Scalar>(codes: &mut Array2<A>, base: f64, first: usize) {
    let width = codes.ncols();
    for i in 0..width / 2 {
        let frequency = Scalar::exp(-((2 * i) as f64 / width as f64) * Scalar::ln(base));
        for (t, mut codes) in codes.rows_mut().into_iter().enumerate() {
            let angle = (first + t) as f64 * frequency;
            (codes[i], codes[width / 2 + i]) = (A::of(sine(angle, 1.0)), A::of(sine(angle, 0.0)));
        }
    }
}

/// The cosines and sines of the first steps, for files.
pub(super) fn codes(base: f64, steps: usize, width: usize) -> Array2<f64> {
    let mut codes = Array2::default((steps, width));
    write_codes(&mut codes, base, 0);
    codes
}

/// The cosines and sines of the angles of some steps.
#[derive(Debug, Clone)]
pub(super) struct Angles<A> {
    codes: Array2<A>,
    base: f64,
}

impl<A: Scalar> Default for Angles<A> {
    fn default() -> Self {
        Self { codes: Array2::default((0, 0)), base: 0.0 }
    }
}

impl<A: Scalar> Angles<A> {
    /// Computes those of the first `steps` steps, unless already done.
    pub(super) fn know(&mut self, base: f64, steps: usize, width: usize) -> Result<()> {
        if self.base == base && self.codes.ncols() == width && self.codes.nrows() >= steps {
            return Ok(());
        }
        self.write(base, 0, steps, width)
    }

    /// Computes those of `steps` steps from `first`.
    pub(super) fn write(&mut self, base: f64, first: usize, steps: usize, width: usize) -> Result<()> {
        self.base = base;
        resize(&mut self.codes, steps, width)?;
        write_codes(&mut self.codes, base, first);
        Ok(())
    }

    /// Rotates the first `heads` heads in the rows of a matrix with `steps` rows per sample; `back` to undo it.
    pub(super) fn rotate(&self, matrix: &mut Array2<A>, heads: usize, steps: usize, back: bool) {
        let (codes, width, columns) = (flat(&self.codes), self.codes.ncols(), matrix.ncols());
        let sign = if back { -A::ONE } else { A::ONE };
        each_row(
            Rows(flat_mut(matrix), steps * columns),
            steps * columns,
            #[inline(always)]
            |sample: &mut [A]| {
                for (row, codes) in sample.chunks_exact_mut(columns).zip(codes.chunks_exact(width)) {
                    let (cos, sin) = codes.split_at(width / 2);
                    for head in row[..heads * width].chunks_exact_mut(width) {
                        let (x, y) = head.split_at_mut(width / 2);
                        simd::rows::each(
                            (x, y, cos, sin),
                            #[inline(always)]
                            |(x, y, &cos, &sin)| {
                                let sin = sign * sin;
                                (*x, *y) = (*x * cos - *y * sin, *x * sin + *y * cos);
                            },
                        );
                    }
                }
            },
        );
    }
}
