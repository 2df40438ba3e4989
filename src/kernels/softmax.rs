//! The common part of softmax and log-softmax: groups shifted by their maximum, and sums over groups.

use super::parallel::split_items;
use super::rows::Rows;
use super::simd::{rows, vectorize};
use super::{channels_of, flat, flat_mut};
use crate::{Matrix, Scalar, Shape};

/// Groups processed at a time, or fewer if they exceed [`NUMBERS`], to stay in the L1 cache.
const GROUPS: usize = 64;
const NUMBERS: usize = 1024;

/// y = finish(z, e, t), elementwise, where z is x minus the maximum of its group, e = exp(z), and t is `of_sum` of the
/// sum of e over the group.
///
/// Contiguous groups may be short, so exp runs over many of them in one pass.
pub(crate) fn normalize<A: Scalar>(
    x: &Matrix<A>,
    y: &mut Matrix<A>,
    input: Shape,
    of_sum: impl Fn(A) -> A + Sync,
    finish: impl Fn(A, A, A) -> A + Sync,
) {
    let (size, stride) = channels_of(input);
    if x.is_empty() {
        return;
    }
    let width = size * stride;
    split_items(Rows((flat(x), flat_mut(y)), width), width, &|Rows((x, y), _): Rows<(&[A], &mut [A])>| {
        vectorize(
            #[inline(always)]
            || {
                if stride == 1 {
                    normalize_rows(x, y, size, &of_sum, &finish);
                } else {
                    for (x, y) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)) {
                        normalize_planes(x, y, stride, &of_sum, &finish);
                    }
                }
            },
        );
    });
}

#[inline(always)]
fn normalize_rows<A: Scalar>(
    x: &[A],
    y: &mut [A],
    size: usize,
    of_sum: &impl Fn(A) -> A,
    finish: &impl Fn(A, A, A) -> A,
) {
    let block = (NUMBERS / size).clamp(1, GROUPS) * size;
    let (mut max, mut sum) = ([A::ZERO; GROUPS], [A::ZERO; GROUPS]);
    for (x, y) in x.chunks(block).zip(y.chunks_mut(block)) {
        let groups = x.len() / size;
        for ((x, y), max) in x.chunks_exact(size).zip(y.chunks_exact_mut(size)).zip(&mut max) {
            *max = rows::max(x);
            for (y, x) in y.iter_mut().zip(x) {
                *y = *x - *max;
            }
        }
        for y in &mut *y {
            *y = y.exp();
        }
        for (y, sum) in y.chunks_exact(size).zip(&mut sum) {
            *sum = A::of(rows::sum(y, |&e| e));
        }
        for sum in &mut sum[..groups] {
            *sum = of_sum(*sum);
        }
        for (((x, y), max), sum) in x.chunks_exact(size).zip(y.chunks_exact_mut(size)).zip(&max).zip(&sum) {
            for (y, x) in y.iter_mut().zip(x) {
                *y = finish(*x - *max, *y, *sum);
            }
        }
    }
}

#[inline(always)]
fn normalize_planes<A: Scalar>(
    x: &[A],
    y: &mut [A],
    stride: usize,
    of_sum: &impl Fn(A) -> A,
    finish: &impl Fn(A, A, A) -> A,
) {
    for start in (0..stride).step_by(GROUPS) {
        let strip = start..stride.min(start + GROUPS);
        let (mut max, mut sum) = ([-A::INFINITY; GROUPS], [A::ZERO; GROUPS]);
        for x in x.chunks_exact(stride) {
            for (max, &x) in max.iter_mut().zip(&x[strip.clone()]) {
                *max = max.maximum(x);
            }
        }
        for (x, y) in x.chunks_exact(stride).zip(y.chunks_exact_mut(stride)) {
            let (x, y) = (&x[strip.clone()], &mut y[strip.clone()]);
            for (((y, &x), &max), sum) in y.iter_mut().zip(x).zip(&max).zip(&mut sum) {
                *y = (x - max).exp();
                *sum += *y;
            }
        }
        for sum in &mut sum {
            *sum = of_sum(*sum);
        }
        for (x, y) in x.chunks_exact(stride).zip(y.chunks_exact_mut(stride)) {
            let (x, y) = (&x[strip.clone()], &mut y[strip.clone()]);
            for (((y, &x), &max), &sum) in y.iter_mut().zip(x).zip(&max).zip(&sum) {
                *y = finish(x - max, *y, sum);
            }
        }
    }
}

/// p = finish(p, dy, s), elementwise and in place, where s is the sum of term(p, dy) over the group.
pub(crate) fn gradient<A: Scalar>(
    p: &mut Matrix<A>,
    dy: &Matrix<A>,
    input: Shape,
    term: impl Fn(A, A) -> A + Sync,
    finish: impl Fn(A, A, A) -> A + Sync,
) {
    let (size, stride) = channels_of(input);
    if p.is_empty() {
        return;
    }
    let width = size * stride;
    split_items(Rows((flat_mut(p), flat(dy)), width), width, &|Rows((p, dy), _): Rows<(&mut [A], &[A])>| {
        vectorize(
            #[inline(always)]
            || {
                for (p, dy) in p.chunks_exact_mut(width).zip(dy.chunks_exact(width)) {
                    if stride == 1 {
                        let sum = A::of(rows::sum((&*p, dy), |(&p, &dy)| term(p, dy)));
                        for (p, &dy) in p.iter_mut().zip(dy) {
                            *p = finish(*p, dy, sum);
                        }
                    } else {
                        gradient_planes(p, dy, stride, &term, &finish);
                    }
                }
            },
        );
    });
}

#[inline(always)]
fn gradient_planes<A: Scalar>(
    p: &mut [A],
    dy: &[A],
    stride: usize,
    term: &impl Fn(A, A) -> A,
    finish: &impl Fn(A, A, A) -> A,
) {
    for start in (0..stride).step_by(GROUPS) {
        let strip = start..stride.min(start + GROUPS);
        let mut sum = [A::ZERO; GROUPS];
        for (p, dy) in p.chunks_exact(stride).zip(dy.chunks_exact(stride)) {
            for ((sum, &p), &dy) in sum.iter_mut().zip(&p[strip.clone()]).zip(&dy[strip.clone()]) {
                *sum += term(p, dy);
            }
        }
        for (p, dy) in p.chunks_exact_mut(stride).zip(dy.chunks_exact(stride)) {
            for ((&sum, p), &dy) in sum.iter().zip(&mut p[strip.clone()]).zip(&dy[strip.clone()]) {
                *p = finish(*p, dy, sum);
            }
        }
    }
}
