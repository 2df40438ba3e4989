//! Runs a loop with the widest vector instructions of the machine.

use crate::Scalar;

pub(crate) fn map<A: Scalar>(x: &[A], y: &mut [A], f: impl Fn(A) -> A + Sync) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = f(*x);
    }
}
pub(crate) fn map3<A: Scalar>(a: &[A], b: &[A], c: &[A], y: &mut [A], f: impl Fn(A, A, A) -> A + Sync) {
    for (((y, a), b), c) in y.iter_mut().zip(a).zip(b).zip(c) {
        *y = f(*a, *b, *c);
    }
}
pub(crate) fn update<A: Scalar>(w: &mut [A], g: &[A], f: impl Fn(A, A) -> A + Sync) {
    for (w, g) in w.iter_mut().zip(g) {
        *w = f(*w, *g);
    }
}
