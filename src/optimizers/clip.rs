//! [`Norm`]: the norm of gradients, for clipping.

use crate::Scalar;
use crate::kernels::simd;

/// The norm of all gradients, for [`Tape::clip_norm`](crate::Tape::clip_norm).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Norm {
    /// Σ |g|.
    L1,
    /// √Σ g², the default.
    #[default]
    L2,
    /// max |g|.
    Max,
}

impl Norm {
    /// The norm of all parts as one vector. It overflows only if the result does.
    pub(crate) fn of<'a, A: Scalar>(self, parts: impl Iterator<Item = &'a [A]> + Clone) -> f64 {
        match self {
            Self::L1 => parts.map(|part| simd::sum(part, |x: &A| x.abs())).sum(),
            Self::L2 => {
                let squares: f64 = parts.clone().map(|part| simd::dot(part, part)).sum();
                if (1e-20..1e30).contains(&squares) {
                    return squares.sqrt();
                }
                // The squares may have overflowed or underflowed: repeat, scaled by the maximum.
                let largest = largest(parts.clone());
                if largest == 0.0 || !largest.is_finite() {
                    return largest;
                }
                let scaled = |part| simd::sum(part, |x: &A| A::of((x.to_f64() / largest) * (x.to_f64() / largest)));
                largest * parts.map(scaled).sum::<f64>().sqrt()
            }
            Self::Max => largest(parts),
        }
    }
}

/// The maximum absolute value; NaN if any element is NaN.
fn largest<'a, A: Scalar>(parts: impl Iterator<Item = &'a [A]>) -> f64 {
    parts.flatten().fold(0.0, |largest: f64, x| Scalar::maximum(largest, x.to_f64().abs()))
}

/// Whether all elements are finite.
pub(crate) fn all_finite<A: Scalar>(x: &[A]) -> bool {
    // Without an early exit, so that the loop vectorizes.
    simd::vectorize_if(
        x.len() > simd::TINY,
        #[inline(always)]
        || x.iter().fold(true, |all, x| all & x.is_finite()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn norms_of_huge_tiny_and_no_numbers() {
        let norm = |norm: Norm, x: &[f32]| norm.of([x, &[]].into_iter());
        let close = |got: f64, want: f64| (got / want - 1.0).abs() < 1e-6;
        assert!(close(norm(Norm::L2, &[3e30, -4e30]), 5e30));
        assert!(close(norm(Norm::L2, &[3e-30, -4e-30]), 5e-30));
        assert!(close(norm(Norm::L2, &[3.0; 100]), 30.0));
        assert!(close(norm(Norm::L1, &[3e30, -4e30]), 7e30));
        assert!(close(norm(Norm::Max, &[3e30, -4e30]), f64::from(4e30_f32)));
        assert!(close(Norm::L2.of([&[3e200, -4e200][..]].into_iter()), 5e200));
        for kind in [Norm::L1, Norm::L2, Norm::Max] {
            assert_eq!(norm(kind, &[]), 0.0);
            assert!(norm(kind, &[1.0, f32::NAN, 2.0]).is_nan());
            assert_eq!(norm(kind, &[1.0, f32::NEG_INFINITY]), f64::INFINITY);
        }
        assert!(all_finite(&[1.0; 70]) && !all_finite(&[1.0, f64::NAN]) && !all_finite(&[f32::INFINITY; 70]));
    }
}
