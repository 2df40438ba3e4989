//! Convolutions of a batch of images: forward, and the gradients with respect to input, weights and biases.
//!
//! | window | method |
//! |---|---|
//! | 3 x 3 with stride and dilation 1, several input and output channels | Winograd's minimal filtering, [`winograd`] |
//! | any | a product with the matrix of patches (im2col), [`patches`] |
//!
//! Samples are split over threads. The gradients of the parameters are summed in blocks of samples that do not depend
//! on the number of threads, so results are bitwise identical for any number.

mod patches;
mod winograd;

use std::ops::Range;

use super::parallel::{self, Shared, parts, share};
use super::simd::{self, vectorize};
use super::window::Axis;
use crate::Scalar;

/// A convolution of images of a fixed shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    /// Rows and columns, with the window on them.
    pub axes: [Axis; 2],
    pub groups: usize,
    /// Input and output channels per group.
    pub inputs: usize,
    pub outputs: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Winograd,
    Patches,
}

impl Geometry {
    /// An upper bound on the elements that all passes need besides input, output and weights: the images and patches of
    /// each thread, the transformed weights, and the gradients of blocks of samples. Sums and products saturate.
    pub(crate) fn needs(&self) -> u64 {
        let [rows, columns] = self.axes;
        let product = |sizes: &[usize]| sizes.iter().fold(1_u64, |n, &size| n.saturating_mul(size as u64));
        let image = product(&[2, self.inputs, rows.padded(), columns.padded()]);
        let patches = product(&[self.inputs, rows.kernel, columns.kernel, columns.output]);
        let tiles = product(&[winograd::COMPONENTS, self.inputs + self.outputs, columns.output / 2 + 1]);
        let tiles = if winograd::pays(self) { tiles } else { 0 };
        let thread = [image, patches, tiles].into_iter().fold(THREAD_NUMBERS as u64, u64::saturating_add);
        // Winograd's transform turns 9 weights into 36, four times as many.
        let weights = product(&[4, self.groups, self.outputs, self.inputs, rows.kernel, columns.kernel]);
        let blocks = (2 * BLOCK_NUMBERS as u64).max(weights);
        thread.saturating_mul(parallel::threads(usize::MAX) as u64).saturating_add(weights).saturating_add(blocks)
    }

    fn method(&self) -> Method {
        if winograd::pays(self) { Method::Winograd } else { Method::Patches }
    }

    /// Elements of an input channel.
    fn input_plane(&self) -> usize {
        self.axes[0].input * self.axes[1].input
    }

    /// Elements of an output channel.
    fn output_plane(&self) -> usize {
        self.axes[0].output.saturating_mul(self.axes[1].output)
    }

    /// Elements of an input sample.
    fn input_len(&self) -> usize {
        self.groups * self.inputs * self.input_plane()
    }

    /// Elements of an output sample.
    fn output_len(&self) -> usize {
        self.groups * self.outputs * self.output_plane()
    }

    /// Weights per output channel: input channels per group times taps.
    fn patch_len(&self) -> usize {
        self.inputs * self.axes[0].kernel * self.axes[1].kernel
    }

    /// Multiplications per sample in each of the three products.
    fn work(&self) -> usize {
        self.output_len().saturating_mul(self.patch_len())
    }
}

/// The buffers of a convolution on a tape. Samples are contiguous in all slices of its methods.
#[derive(Debug)]
pub(crate) struct Convolution<A> {
    /// The transformed weights of Winograd's method.
    weight: Vec<A>,
    /// One per thread.
    scratch: Vec<Scratch<A>>,
    /// The gradients of the parameters for each block of samples.
    blocks: Vec<Block<A>>,
}

/// The buffers of a thread.
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

/// The maximum number of blocks of samples.
const BLOCKS: usize = 8;

/// A bound on the patches or tiles of a thread, where several rows are processed together.
const THREAD_NUMBERS: usize = 1 << 19;

/// The maximum total size of the blocks.
const BLOCK_NUMBERS: usize = 1 << 21;

impl<A: Scalar> Convolution<A> {
    /// Computes y for each sample of `x`; `weight` is (output channels, input channels per group, taps).
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

    /// Computes only dL/dx from dL/dy.
    pub(crate) fn input_gradient(&mut self, g: &Geometry, weight: &[A], dy: &[A], dx: &mut [A]) {
        self.prepare(g, weight);
        self.run_backward(g, weight, dy, Some(dx), None, false);
    }

    /// Computes dL/dx, if requested, and the gradients of weights and biases, if any, from dL/dy. The weights are those
    /// of the last [`forward`](Self::forward) or [`input_gradient`](Self::input_gradient).
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

    /// Leaves the gradients of the parameters in the first blocks, and returns their number; that of the weights only
    /// if `x` is given.
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
        let threads = self.threads(count, block.saturating_mul(g.work()));
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

    /// Transforms the weights for the method.
    fn prepare(&mut self, g: &Geometry, weight: &[A]) {
        if g.method() == Method::Winograd {
            winograd::transform_weight(g, weight, &mut self.weight);
        }
    }

    /// Creates one scratch per thread.
    fn threads(&mut self, items: usize, work: usize) -> usize {
        let threads = parts(items, work);
        if self.scratch.len() < threads {
            let new = || Scratch { image: Vec::new(), columns: Vec::new(), products: Vec::new() };
            self.scratch.resize_with(threads, new);
        }
        threads
    }

    /// Zeroes the first `count` blocks.
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

/// Adds the sum of each channel's plane to `sums`, in the order of samples.
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

/// Elements that are summed in their own type before conversion to `f64`: 16 per partial sum.
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

/// The elements of a range of samples.
fn part<'a, A>(x: &'a [A], samples: &Range<usize>, len: usize) -> &'a [A] {
    &x[samples.start * len..samples.end * len]
}

/// `len` elements of `memory` with arbitrary contents, aligned to a cache line.
fn room<A: Scalar>(memory: &mut Vec<A>, len: usize) -> &mut [A] {
    const LINE: usize = 64;
    let more = LINE / size_of::<A>();
    if memory.len() < len + more {
        memory.resize(len + more, A::ZERO);
    }
    let start = memory.as_ptr().align_offset(LINE).min(more);
    &mut memory[start..start + len]
}
