//! Convolutions of a batch of images: forward, and the gradients by the input, the weights and the biases.
//!
//! | window | method |
//! |---|---|
//! | 3 x 3 with stride and dilation 1, several channels of input and output | Winograd's minimal filtering, [`winograd`] |
//! | any | a product with the matrix of the patches under the window, [`patches`] |
//!
//! Samples are shared out to threads. The gradients of the parameters are sums over samples: these are added up in
//! blocks of samples that do not depend on the threads, and so neither do the bits.

mod patches;
mod winograd;

use std::ops::Range;

use super::parallel::{Shared, parts, share};
use super::simd::{self, vectorize};
use super::window::Axis;
use crate::Scalar;

/// A convolution of images of one shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    /// Rows and columns, with the window's positions on them.
    pub axes: [Axis; 2],
    pub groups: usize,
    /// Channels of a group, of the input and of the output.
    pub inputs: usize,
    pub outputs: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Winograd,
    Patches,
}

impl Geometry {
    /// Whether the memory for it can be counted.
    pub(crate) fn fits(&self) -> bool {
        let [rows, columns] = self.axes;
        let channels = self.groups.checked_mul(self.outputs);
        let results = channels.and_then(|c| c.checked_mul(rows.output)).and_then(|n| n.checked_mul(columns.output));
        let patches = self.patch_len().checked_mul(columns.output);
        let image = self.groups.checked_mul(self.inputs).and_then(|c| c.checked_mul(rows.padded()));
        let image = image.and_then(|n| n.checked_mul(columns.padded()));
        [results, patches, image].iter().all(|count| count.is_some_and(|count| count <= isize::MAX as usize / 64))
    }

    fn method(&self) -> Method {
        if winograd::pays(self) { Method::Winograd } else { Method::Patches }
    }

    /// Numbers of a channel of the input.
    fn input_plane(&self) -> usize {
        self.axes[0].input * self.axes[1].input
    }

    /// Numbers of a channel of the output.
    fn output_plane(&self) -> usize {
        self.axes[0].output * self.axes[1].output
    }

    /// Numbers of a sample of the input.
    fn input_len(&self) -> usize {
        self.groups * self.inputs * self.input_plane()
    }

    /// Numbers of a sample of the output.
    fn output_len(&self) -> usize {
        self.groups * self.outputs * self.output_plane()
    }

    /// Weights of an output channel: input channels of a group times taps of the window.
    fn patch_len(&self) -> usize {
        self.inputs * self.axes[0].kernel * self.axes[1].kernel
    }

    /// Multiplications of a sample in each of the three products.
    fn work(&self) -> usize {
        self.output_len() * self.patch_len()
    }
}

/// The memory of a convolution on a tape; samples lie one after another in all slices that its methods take.
#[derive(Debug)]
pub(crate) struct Convolution<A> {
    /// The weights as Winograd's method takes them.
    weight: Vec<A>,
    /// One for each thread that took part.
    scratch: Vec<Scratch<A>>,
    /// The gradients of the parameters from each block of samples.
    blocks: Vec<Block<A>>,
}

/// The memory of a thread.
#[derive(Debug)]
struct Scratch<A> {
    image: Vec<A>,
    columns: Vec<A>,
    products: Vec<A>,
}

#[derive(Debug)]
struct Block<A> {
    weight: Vec<A>,
    bias: Vec<f64>,
}

impl<A> Default for Convolution<A> {
    fn default() -> Self {
        Self { weight: Vec::new(), scratch: Vec::new(), blocks: Vec::new() }
    }
}

/// The most blocks of samples in which gradients are added up.
const BLOCKS: usize = 8;

/// The most numbers that these blocks hold together.
const BLOCK_NUMBERS: usize = 1 << 21;

impl<A: Scalar> Convolution<A> {
    /// y for each sample of `x`; `weight` is (output channels, input channels of a group, taps).
    pub(crate) fn forward(&mut self, g: &Geometry, weight: &[A], bias: Option<&[A]>, x: &[A], y: &mut [A]) {
        let samples = y.len() / g.output_len();
        let method = g.method();
        self.prepare(g, weight);
        let threads = self.threads(samples, g.work());
        let Self { weight: u, scratch, .. } = self;
        let run = |samples: Range<usize>, y: &mut [A], _: &mut [()], scratch: &mut Scratch<A>| {
            let x = part(x, &samples, g.input_len());
            match method {
                Method::Winograd => winograd::forward(g, (weight, u), bias, x, y, scratch),
                Method::Patches => patches::forward(g, weight, bias, x, y, scratch),
            }
        };
        share(0..samples, Shared(y, g.output_len()), Shared(&mut [], 0), &mut scratch[..threads], &run);
    }

    /// From dL/dy: dL/dx, and nothing else.
    pub(crate) fn input_gradient(&mut self, g: &Geometry, weight: &[A], dy: &[A], dx: &mut [A]) {
        self.prepare(g, weight);
        self.run_backward(g, weight, dy, Some(dx), None, false);
    }

    /// From dL/dy: dL/dx, if wanted, and the gradients of the weights and of the biases, if there are any; for weights
    /// that [`forward`](Self::forward) or [`input_gradient`](Self::input_gradient) was called with before.
    pub(crate) fn backward(
        &mut self,
        g: &Geometry,
        weight: &[A],
        [x, dy]: [&[A]; 2],
        dx: Option<&mut [A]>,
        dw: &mut [A],
        db: Option<&mut [A]>,
    ) {
        let count = self.run_backward(g, weight, dy, dx, Some(x), db.is_some());
        let (sum, rest) = self.blocks[..count].split_first_mut().expect("at least one block");
        for block in rest {
            simd::each((&mut sum.weight[..], &block.weight[..]), |(sum, &block)| *sum += block);
            sum.bias.iter_mut().zip(&block.bias).for_each(|(sum, &block)| *sum += block);
        }
        match g.method() {
            Method::Winograd => winograd::weight_gradient(g, &sum.weight, dw),
            Method::Patches => dw.copy_from_slice(&sum.weight),
        }
        if let Some(db) = db {
            db.iter_mut().zip(&sum.bias).for_each(|(db, &sum)| *db = A::of(sum));
        }
    }

    /// Leaves the gradients of the parameters in the first blocks, and returns how many; that of the weights only if
    /// there is `x`.
    fn run_backward(
        &mut self,
        g: &Geometry,
        weight: &[A],
        dy: &[A],
        dx: Option<&mut [A]>,
        x: Option<&[A]>,
        with_bias: bool,
    ) -> usize {
        let samples = dy.len() / g.output_len();
        let method = g.method();
        let gradient_len = match (x, method) {
            (None, _) => 0,
            (_, Method::Winograd) => self.weight.len(),
            (_, Method::Patches) => weight.len(),
        };
        let most = (BLOCK_NUMBERS / gradient_len.max(1)).clamp(1, BLOCKS);
        let block = samples.div_ceil(most).max(1);
        let count = samples.div_ceil(block).max(1);
        self.clear_blocks(count, gradient_len, if with_bias { g.groups * g.outputs } else { 0 });
        let threads = self.threads(count, block * g.work());
        let Self { weight: u, scratch, blocks } = self;
        let wants_dx = dx.is_some();
        let run = |range: Range<usize>, mut dx: &mut [A], blocks: &mut [Block<A>], scratch: &mut Scratch<A>| {
            for (i, sums) in range.zip(blocks) {
                let samples = i * block..samples.min((i + 1) * block);
                let dy = part(dy, &samples, g.output_len());
                let (this, rest) = dx.split_at_mut(if wants_dx { samples.len() * g.input_len() } else { 0 });
                dx = rest;
                let this = wants_dx.then_some(this);
                let x = x.map(|x| (part(x, &samples, g.input_len()), &mut sums.weight[..]));
                match method {
                    Method::Winograd => winograd::backward(g, (weight, u), dy, this, x, scratch),
                    Method::Patches => patches::backward(g, weight, dy, this, x, scratch),
                }
                add_planes(dy, g.output_plane(), &mut sums.bias);
            }
        };
        let dx = Shared(dx.unwrap_or(&mut []), block * g.input_len());
        share(0..count, dx, Shared(&mut blocks[..count], 1), &mut scratch[..threads], &run);
        count
    }

    /// Brings the weights into the form that the method takes.
    fn prepare(&mut self, g: &Geometry, weight: &[A]) {
        if g.method() == Method::Winograd {
            winograd::transform_weight(g, weight, &mut self.weight);
        }
    }

    /// Makes one scratch for each thread that shall take part.
    fn threads(&mut self, items: usize, work: usize) -> usize {
        let threads = parts(items, work);
        if self.scratch.len() < threads {
            let new = || Scratch { image: Vec::new(), columns: Vec::new(), products: Vec::new() };
            self.scratch.resize_with(threads, new);
        }
        threads
    }

    /// Makes the first `count` blocks all zero.
    fn clear_blocks(&mut self, count: usize, weights: usize, biases: usize) {
        if self.blocks.len() < count {
            self.blocks.resize_with(count, || Block { weight: Vec::new(), bias: Vec::new() });
        }
        for block in &mut self.blocks[..count] {
            block.weight.clear();
            block.weight.resize(weights, A::ZERO);
            block.bias.clear();
            block.bias.resize(biases, 0.0);
        }
    }
}

/// Adds the sum of each channel's plane to `sums`, sample after sample.
fn add_planes<A: Scalar>(dy: &[A], plane: usize, sums: &mut [f64]) {
    let channels = sums.len();
    vectorize(
        #[inline(always)]
        || {
            for dy in dy.chunks_exact((channels * plane).max(1)) {
                for (dy, sum) in dy.chunks_exact(plane).zip(&mut *sums) {
                    *sum += dy.chunks(SHORT).map(short_sum).sum::<f64>();
                }
            }
        },
    );
}

/// Numbers that are added up in their own type before their sum goes to `f64`: sixteen in each partial sum.
const SHORT: usize = 16 * LANES;
const LANES: usize = 64;

#[inline(always)]
fn short_sum<A: Scalar>(x: &[A]) -> f64 {
    let mut lanes = [A::ZERO; LANES];
    let (blocks, rest) = x.as_chunks::<LANES>();
    for block in blocks {
        for (lane, &x) in lanes.iter_mut().zip(block) {
            *lane += x;
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane += x;
    }
    let mut half = LANES / 2;
    while half > 0 {
        let (lower, upper) = lanes.split_at_mut(half);
        lower.iter_mut().zip(upper).for_each(|(lower, &mut upper)| *lower += upper);
        half /= 2;
    }
    lanes[0].to_f64()
}

/// The numbers of some samples.
fn part<'a, A>(x: &'a [A], samples: &Range<usize>, len: usize) -> &'a [A] {
    &x[samples.start * len..samples.end * len]
}

/// `len` numbers of `memory`, with any content, from the start of a cache line on.
fn room<A: Scalar>(memory: &mut Vec<A>, len: usize) -> &mut [A] {
    const LINE: usize = 64;
    let more = LINE / size_of::<A>();
    if memory.len() < len + more {
        memory.resize(len + more, A::ZERO);
    }
    let start = memory.as_ptr().align_offset(LINE).min(more);
    &mut memory[start..start + len]
}
