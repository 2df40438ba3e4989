//! A short column b, as the weights of one output of few inputs: a stream over the rows of a.

use super::SHORT;
use crate::Scalar;
use crate::kernels::simd::each_wide;

/// With fewer rows, plain loops are faster.
pub(super) const MANY: usize = 64;

/// c = alpha a·b + beta c for a column b of up to [`SHORT`] numbers, with the bits of plain loops.
pub(super) fn run<A: Scalar>(alpha: A, a: &[A], b: &[A], beta: A, c: &mut [A]) {
    match b.len() {
        1 => rows::<A, 1>(alpha, a, b, beta, c),
        2 => rows::<A, 2>(alpha, a, b, beta, c),
        3 => rows::<A, 3>(alpha, a, b, beta, c),
        4 => rows::<A, 4>(alpha, a, b, beta, c),
        5 => rows::<A, 5>(alpha, a, b, beta, c),
        6 => rows::<A, 6>(alpha, a, b, beta, c),
        7 => rows::<A, 7>(alpha, a, b, beta, c),
        _ => rows::<A, SHORT>(alpha, a, b, beta, c),
    }
}

fn rows<A: Scalar, const K: usize>(alpha: A, a: &[A], b: &[A], beta: A, c: &mut [A]) {
    let b: [A; K] = std::array::from_fn(|p| b[p]);
    let keeps = beta != A::ZERO;
    each_wide(
        (c, a.as_chunks().0),
        #[inline(always)]
        move |(c, a): (&mut A, &[A; K])| {
            let sum = a.iter().zip(b).fold(A::ZERO, |sum, (&a, b)| sum + a * b);
            *c = if keeps { beta * *c + alpha * sum } else { alpha * sum };
        },
    );
}
