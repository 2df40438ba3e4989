//! A convolution of sequences as matrix products, one per tap and group.

use std::ops::Range;

use ndarray::ArrayView2;

use crate::Scalar;
use crate::kernels::matrix;
use crate::kernels::parallel::{Shared, parts, share};
use crate::kernels::window::Axis;

/// y += x·w for the steps under one tap and the features of one group, with the offsets of all three.
pub(in crate::layers) struct Term {
    pub x: usize,
    pub y: usize,
    pub w: usize,
    /// The positions where the tap is inside the sequence: rows of x and y.
    pub positions: usize,
    /// Input and output features per group.
    pub features: [usize; 2],
    /// The row strides of x, and of y and w.
    pub strides: [usize; 2],
}

impl Term {
    /// (positions, input features of the group).
    pub(in crate::layers) fn x<'s, A>(&self, x: &'s [A]) -> ArrayView2<'s, A> {
        matrix(&x[self.x..], self.positions, self.features[0], self.strides[0])
    }

    /// (positions, output features of the group).
    pub(in crate::layers) fn y<'s, A>(&self, y: &'s [A]) -> ArrayView2<'s, A> {
        matrix(&y[self.y..], self.positions, self.features[1], self.strides[1])
    }

    /// (input features, output features) of the group.
    pub(in crate::layers) fn w<'s, A>(&self, w: &'s [A]) -> ArrayView2<'s, A> {
        matrix(&w[self.w..], self.features[0], self.features[1], self.strides[1])
    }
}

/// The terms of the given taps of a window on `steps`, one per tap and group.
pub(in crate::layers) fn terms(
    steps: Axis,
    [inputs, outputs]: [usize; 2],
    groups: usize,
    taps: Range<usize>,
) -> impl Iterator<Item = Term> {
    taps.flat_map(move |tap| {
        let (from, to) = steps.positions(tap);
        let step = steps.cell(from, tap).filter(|_| from < to);
        step.into_iter().flat_map(move |step| {
            (0..groups).map(move |group| {
                let (input, output) = (group * inputs / groups, group * outputs / groups);
                Term {
                    positions: to - from,
                    features: [inputs / groups, outputs / groups],
                    // The stride of a single row may be beyond the sequence, so it is not used.
                    strides: [if to - from > 1 { steps.stride * inputs } else { inputs }, outputs],
                    x: step * inputs + input,
                    y: from * outputs + output,
                    w: tap * (inputs / groups) * outputs + output,
                }
            })
        })
    })
}

/// Calls `f` with ranges of items and the `width` elements that each item writes, on several threads if `work`
/// multiplications per item justify it.
pub(in crate::layers) fn in_parts<A: Scalar>(
    items: usize,
    numbers: &mut [A],
    width: usize,
    work: usize,
    f: &(impl Fn(Range<usize>, &mut [A]) + Sync),
) {
    // A vector of units does not allocate.
    let mut parts = vec![(); parts(items, work)];
    share(0..items, Shared(numbers, width), Shared(&mut [(); 0], 0), &mut parts, &|items, numbers, _, ()| {
        f(items, numbers);
    });
}
