//! Products with the matrices A, B and G, with a minimal number of operations.

use std::array::from_fn;

use crate::Scalar;

/// F·x·Fᵀ, where f(v) = F·v.
#[inline(always)]
pub(super) fn both_ways<const N: usize, const M: usize>(
    x: [[f64; N]; N],
    f: impl Fn([f64; N]) -> [f64; M],
) -> [[f64; M]; M] {
    let columns: [[f64; M]; N] = from_fn(|j| f(from_fn(|i| x[i][j])));
    from_fn(|i| f(from_fn(|j| columns[j][i])))
}

/// The points besides 0 and infinity are ±P and ±Q.
const P: f64 = 0.75;
const Q: f64 = 1.5;

/// A·y: evaluates the polynomial with these coefficients at the points.
#[inline(always)]
pub(super) fn times_a<A: Scalar>([a, b, c, d]: [A; 4]) -> [A; 6] {
    let at = |p: f64| (a + c * A::of(p * p), (b + d * A::of(p * p)) * A::of(p));
    let ((even_p, odd_p), (even_q, odd_q)) = (at(P), at(Q));
    [a, even_p + odd_p, even_p - odd_p, even_q + odd_q, even_q - odd_q, d]
}

/// Aᵀ·m.
#[inline(always)]
pub(super) fn times_a_transposed<A: Scalar>([a, b, c, d, e, f]: [A; 6]) -> [A; 4] {
    let (sum_p, sum_q) = (b + c, d + e);
    let (difference_p, difference_q) = ((b - c) * A::of(P), (d - e) * A::of(Q));
    [
        a + sum_p + sum_q,
        difference_p + difference_q,
        sum_p * A::of(P * P) + sum_q * A::of(Q * Q),
        difference_p * A::of(P * P) + difference_q * A::of(Q * Q) + f,
    ]
}

/// Bᵀ·d: each row has the coefficients of the product of all (x - point) but one.
#[inline(always)]
pub(super) fn times_b_transposed<A: Scalar>([a, b, c, d, e, f]: [A; 6]) -> [A; 6] {
    let (sum, product) = (A::of(P * P + Q * Q), A::of(P * P * Q * Q));
    let (even_p, odd_p) = (e - c * A::of(Q * Q), (d - b * A::of(Q * Q)) * A::of(P));
    let (even_q, odd_q) = (e - c * A::of(P * P), (d - b * A::of(P * P)) * A::of(Q));
    [
        a * product - c * sum + e,
        even_p + odd_p,
        even_p - odd_p,
        even_q + odd_q,
        even_q - odd_q,
        b * product - d * sum + f,
    ]
}

/// B·v.
#[inline(always)]
pub(super) fn times_b<A: Scalar>([a, b, c, d, e, f]: [A; 6]) -> [A; 6] {
    let (sum, product) = (A::of(P * P + Q * Q), A::of(P * P * Q * Q));
    let (sum_p, sum_q) = (b + c, d + e);
    let (difference_p, difference_q) = ((b - c) * A::of(P), (d - e) * A::of(Q));
    [
        a * product,
        f * product - difference_p * A::of(Q * Q) - difference_q * A::of(P * P),
        -(a * sum) - sum_p * A::of(Q * Q) - sum_q * A::of(P * P),
        difference_p + difference_q - f * sum,
        a + sum_p + sum_q,
        f,
    ]
}

/// G·g.
#[inline(always)]
pub(super) fn times_g([a, b, c]: [f64; 3]) -> [f64; 6] {
    let at = |p: f64, q: f64| {
        let (even, odd, scale) = (a + c * p * p, b * p, 2.0 * p * p * (p * p - q * q));
        [(even + odd) / scale, (even - odd) / scale]
    };
    let ([plus_p, minus_p], [plus_q, minus_q]) = (at(P, Q), at(Q, P));
    [a / (P * P * Q * Q), plus_p, minus_p, plus_q, minus_q, c]
}

/// Gᵀ·v.
#[inline(always)]
pub(super) fn times_g_transposed([a, b, c, d, e, f]: [f64; 6]) -> [f64; 3] {
    let at = |p: f64, q: f64, plus: f64, minus: f64| {
        let scale = 2.0 * p * p * (p * p - q * q);
        ((plus + minus) / scale, (plus - minus) * p / scale)
    };
    let ((sum_p, difference_p), (sum_q, difference_q)) = (at(P, Q, b, c), at(Q, P, d, e));
    [a / (P * P * Q * Q) + sum_p + sum_q, difference_p + difference_q, sum_p * (P * P) + sum_q * (Q * Q) + f]
}
