//! Layers that do not fit their input, or have impossible sizes.

use neuropil::layers::LearnedTokens;
use neuropil::ndarray::{Array2, array};
use neuropil::prelude::*;

use super::{Mistake, dense};

fn chain(input: impl Into<Shape>) -> Sequential<f32> {
    Sequential::new(input)
}

fn conv(inputs: usize, outputs: usize, kernel: [usize; 2]) -> Conv2d<f32> {
    Conv2d::new(inputs, outputs, kernel, &mut rng(1))
}

pub(super) const MISTAKES: &[Mistake] = &[
    (
        "widths that do not fit",
        || chain(784).with(dense(784, 128))?.with(dense(100, 10)).map(drop),
        "layer 1, Dense(100 -> 10), takes 100 features per sample, got 128",
    ),
    (
        "a missing Flatten",
        || chain([1, 28, 28]).with(dense(784, 10)).map(drop),
        "layer 0, Dense(784 -> 10), takes 784 flat features per sample (put a Flatten before it), got [1, 28, 28] \
         = 784",
    ),
    (
        "a wrong count after a convolution",
        || chain([8, 13, 13]).with(dense(128, 10)).map(drop),
        "layer 0, Dense(128 -> 10), takes 128 features per sample, got [8, 13, 13] = 1352",
    ),
    (
        "more steps than an attention mask has",
        || {
            let mask = Array2::from_elem((4, 8), true);
            chain([5, 4]).with(MultiHeadAttention::new(4, 2, &mut rng(1)).attention_mask(mask)).map(drop)
        },
        "layer 0, MultiHeadAttention(4, 2 heads, mask 4 x 8), takes at most 4 queries and 8 keys, the size of its \
         attention mask, got [5, 4] = 20",
    ),
    (
        "a flat image for a convolution",
        || chain(784).with(conv(1, 8, [3, 3])).map(drop),
        "layer 0, Conv2d(1 -> 8, 3x3), takes images [1, height, width] (put a Reshape before it), got 784",
    ),
    (
        "an image without channels",
        || chain([28, 28]).with(conv(1, 8, [3, 3])).map(drop),
        "layer 0, Conv2d(1 -> 8, 3x3), takes images [1, height, width], got [28, 28] = 784",
    ),
    (
        "channels last",
        || chain([28, 28, 3]).with(conv(3, 8, [3, 3])).map(drop),
        "layer 0, Conv2d(3 -> 8, 3x3), takes images [3, height, width], got [28, 28, 3] = 2352",
    ),
    (
        "channels that do not fit",
        || chain([1, 28, 28]).with(conv(1, 8, [3, 3]))?.with(conv(16, 8, [3, 3])).map(drop),
        "layer 1, Conv2d(16 -> 8, 3x3), takes images [16, height, width], got [8, 26, 26] = 5408",
    ),
    (
        "a kernel larger than the image",
        || chain([1, 4, 4]).with(conv(1, 8, [5, 5])).map(drop),
        "layer 0, Conv2d(1 -> 8, 5x5), takes images of at least 5 x 5 pixels for its window of 5 x 5 and its \
         padding of 0 x 0, got [1, 4, 4] = 16",
    ),
    (
        "a kernel of zero",
        || chain([1, 4, 4]).with(conv(1, 8, [0, 3])).map(drop),
        "layer 0, the kernel of Conv2d(1 -> 8, 0x3) must be at least 1, got 0",
    ),
    (
        "a stride of zero",
        || chain([1, 4, 4]).with(conv(1, 8, [3, 3]).stride([0, 0])).map(drop),
        "layer 0, the stride of Conv2d(1 -> 8, 3x3, stride 0x0) must be at least 1, got 0",
    ),
    (
        "no channels",
        || chain([1, 4, 4]).with(conv(1, 0, [3, 3])).map(drop),
        "layer 0, the output channels of Conv2d(1 -> 0, 3x3) must be at least 1, got 0",
    ),
    (
        "groups that do not divide the channels",
        || chain([6, 4, 4]).with(Conv2d::grouped(6, 8, [3, 3], 4, &mut rng(1))).map(drop),
        "layer 0, the groups of Conv2d(6 -> 8, 3x3, 4 groups) must be a divisor of the input and output \
         channels, got 4",
    ),
    (
        "a transposed convolution of flat samples",
        || chain(16).with(ConvTranspose2d::new(1, 2, [2, 2], &mut rng(1))).map(drop),
        "layer 0, ConvTranspose2d(1 -> 2, 2x2), takes images [1, height, width] (put a Reshape before it), got 16",
    ),
    (
        "an output padding of a whole stride",
        || {
            chain([1, 4, 4])
                .with(ConvTranspose2d::new(1, 2, [2, 2], &mut rng(1)).stride([2, 2]).output_padding([2, 0]))
                .map(drop)
        },
        "layer 0, the output padding of ConvTranspose2d(1 -> 2, 2x2, stride 2x2, output padding 2x0) must be \
         below the stride or the dilation, got 2",
    ),
    (
        "a sequence for a 1-d convolution with its axes swapped",
        || chain([3, 100]).with(Conv1d::new(3, 8, 5, &mut rng(1))).map(drop),
        "layer 0, Conv1d(3 -> 8, 5), takes sequences [steps, 3], got [3, 100] = 300",
    ),
    (
        "a pool larger than the image",
        || chain([8, 1, 1]).with(MaxPool2d::new([2, 2])).map(drop),
        "layer 0, MaxPool2d(2x2, stride 2x2), takes images of at least 2 x 2 pixels for its window of 2 x 2 and \
         its padding of 0 x 0, got [8, 1, 1] = 8",
    ),
    (
        "a pool of flat samples",
        || chain(64).with(MaxPool2d::new([2, 2])).map(drop),
        "layer 0, MaxPool2d(2x2, stride 2x2), takes images [channels, height, width], got 64",
    ),
    (
        "a pool with more padding than window",
        || chain([8, 4, 4]).with(MaxPool2d::new([2, 2]).padding([2, 2])).map(drop),
        "layer 0, the padding of MaxPool2d(2x2, stride 2x2, padding 2x2) must be at most half of its window, got \
         2",
    ),
    (
        "a sequence shorter than its pool",
        || chain([2, 5]).with(MaxPool1d::new(3)).map(drop),
        "layer 0, MaxPool1d(3, stride 3), takes sequences of at least 3 steps, got [2, 5] = 10",
    ),
    (
        "padding by reflection that is wider than the image",
        || chain([1, 2, 2]).with(Pad2d::reflect([[2, 2], [0, 0]])).map(drop),
        "layer 0, Pad2d(reflect, 2+2 x 0+0), takes images of at least 3 x 1 pixels, got [1, 2, 2] = 4",
    ),
    (
        "a pixel shuffle of too few channels",
        || chain([3, 4, 4]).with(PixelShuffle::new(2)).map(drop),
        "layer 0, PixelShuffle(2), takes images [channels, height, width] of a multiple of 4 channels, got [3, \
         4, 4] = 48",
    ),
    (
        "a reshape to another size",
        || chain(10).with(Reshape::new([2, 2, 2])).map(drop),
        "layer 0, Reshape([2, 2, 2]), takes samples of 8 numbers, got 10",
    ),
    (
        "axes that are no permutation",
        || chain([1, 4, 4]).with(Permute::new([0, 1, 1])).map(drop),
        "layer 0, the axes of Permute([0, 1, 1]) must be a permutation, each axis once, got 1",
    ),
    (
        "batch norm of other channels",
        || chain([8, 4, 4]).with(BatchNorm::<f32>::new(16)).map(drop),
        "layer 0, BatchNorm(16), takes 16 channels, got [8, 4, 4] = 128",
    ),
    (
        "layer norm of another width",
        || chain(32).with(LayerNorm::<f32>::new(64)).map(drop),
        "layer 0, LayerNorm(64), takes 64 features per sample or step, got 32",
    ),
    (
        "group norm with groups that do not divide",
        || chain([6, 4, 4]).with(GroupNorm::<f32>::new(4, 6)).map(drop),
        "layer 0, the groups of GroupNorm(6 channels in 4 groups) must be at least 1 and a divisor of the \
         channels, got 4",
    ),
    (
        "slopes for other channels",
        || chain([3, 4, 4]).with(PRelu::<f32>::per_channel(2)).map(drop),
        "layer 0, PRelu(2 slopes), takes 2 channels (a slope for each; or use one slope for all), got [3, 4, 4] \
         = 48",
    ),
    (
        "a recurrent layer on flat samples",
        || chain(10).with(Lstm::<f32>::new(10, 5, &mut rng(1))).map(drop),
        "layer 0, Lstm(10 -> 5), takes sequences [steps, 10], got 10",
    ),
    (
        "a recurrent layer of other features",
        || chain([7, 3]).with(Gru::<f32>::new(7, 5, &mut rng(1))).map(drop),
        "layer 0, Gru(7 -> 5), takes sequences [steps, 7], got [7, 3] = 21",
    ),
    (
        "no units",
        || chain([7, 3]).with(Lstm::<f32>::new(3, 0, &mut rng(1))).map(drop),
        "layer 0, the units of Lstm(3 -> 0) must be at least 1, got 0",
    ),
    (
        "the last step of flat samples",
        || chain(5).with(LastStep).map(drop),
        "layer 0, LastStep, takes sequences [steps, features] of at least one step, got 5",
    ),
    (
        "heads that do not divide the features",
        || chain([5, 10]).with(MultiHeadAttention::<f32>::new(10, 3, &mut rng(1))).map(drop),
        "layer 0, the heads of MultiHeadAttention(10, 3 heads) must be at least 1 and a divisor of the features, \
         got 3",
    ),
    (
        "more steps than positions",
        || chain([9, 4]).with(LearnedPositions::<f32>::new(8, 4, &mut rng(1))).map(drop),
        "layer 0, LearnedPositions(8 steps, 4), takes sequences [steps, 4] of up to 8 steps, got [9, 4] = 36",
    ),
    (
        "a token of another width",
        || chain([9, 4]).with(LearnedTokens::<f32>::new(1, 5, &mut rng(1))).map(drop),
        "layer 0, LearnedTokens(1 x 5), takes sequences [steps, 5], for at least one token, got [9, 4] = 36",
    ),
    (
        "an index that the embedding does not have",
        || chain(3).with(Embedding::<f32>::new(10, 4, &mut rng(1)))?.predict(&array![[0.0, 9.0, 10.0]]).map(drop),
        "layer 0, Embedding(10 x 4), takes integers from 0 to 9, got 10 at step 2 in row 0",
    ),
    (
        "an index that is no whole number",
        || chain(3).with(Embedding::<f32>::new(10, 4, &mut rng(1)))?.predict(&array![[0.0, 2.5, 1.0]]).map(drop),
        "layer 0, Embedding(10 x 4), takes integers from 0 to 9, got 2.5 at step 1 in row 0",
    ),
    (
        "a padding index beyond the embedding",
        || Embedding::<f32>::new(10, 4, &mut rng(1)).padding(10).map(drop),
        "the padding index of Embedding(10 x 4) must be below the number of rows, got 10",
    ),
    (
        "a residual block that changes the shape",
        || chain(4).with(Residual::new(dense(4, 8))).map(drop),
        "layer 0, Residual(Dense(4 -> 8)), takes a body that returns the input's shape, 4 (or set a \
         `projection`), got 8",
    ),
    (
        "a sum of branches of different widths",
        || chain(4).with(Parallel::sum().branch(dense(4, 3)).branch(dense(4, 2))).map(drop),
        "layer 0, Parallel(sum of [Dense(4 -> 3), Dense(4 -> 2)]), takes values of one shape (value 0 has 3, \
         value 1 differs), got 2",
    ),
    (
        "an mlp of one size",
        || Sequential::<f32>::mlp(&[3], Tanh, &mut rng(1)).map(drop),
        "the network has no layers; add one with `with`, `push` or `add`, or give `mlp` two sizes or more",
    ),
    (
        "a layer without outputs",
        || chain(4).with(dense(4, 0)).map(drop),
        "layer 0, the outputs of a Dense layer must be at least 1, got 0",
    ),
    (
        "samples without features",
        || chain(0).with(Relu).map(drop),
        "layer 0, Relu, takes samples of at least one number, got 0",
    ),
    (
        "a bias of another length",
        || Dense::from_parameters(Array2::<f32>::zeros((2, 3)), array![0.0, 0.0]).map(drop),
        "the bias of Dense(2 -> 3) must be 1 x 3, got 1 x 2",
    ),
    (
        "a layer larger than the memory",
        || chain(8).with(dense(8, 1 << 50)).map(drop),
        "layer 0, the parameter weight [8, 1125899906842624], needs 32 PiB of memory, which the system refuses; \
         use smaller sizes",
    ),
    (
        "activations larger than the limit",
        || chain([1, 1 << 12, 1 << 12]).with(Upsample::nearest([64, 64])).map(drop),
        "layer 0, Upsample(nearest, 64x64), needs 768 GiB of memory, more than the limit of 16 GiB; use smaller \
         sizes or batches, or `Network::set_memory_limit`",
    ),
];
