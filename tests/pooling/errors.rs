//! Every way to build them wrong.

use neuropil::prelude::*;

/// What a network of images or sequences of this shape says about a layer that it cannot take.
fn text(layer: impl Layer<f32>, shape: impl Into<Shape>) -> String {
    Sequential::new(shape).with(layer).unwrap_err().to_string()
}

#[test]
fn windows_that_do_not_fit() {
    assert_eq!(
        text(MaxPool2d::new([3, 2]), [1, 2, 2]),
        "layer 0, MaxPool2d(3x2, stride 3x2), takes images of at least 3 x 2 pixels for its window of 3 x 2 and \
         its padding of 0 x 0, got [1, 2, 2] = 4"
    );
    assert_eq!(
        text(AvgPool2d::new([2, 2]), 4),
        "layer 0, AvgPool2d(2x2, stride 2x2), takes images [channels, height, width], got 4"
    );
    for (pool, name) in [
        (MaxPool2d::new([0, 2]), "kernel"),
        (MaxPool2d::new([2, 2]).stride([1, 0]), "stride"),
        (MaxPool2d::new([2, 2]).dilation([0, 1]), "dilation"),
    ] {
        let text = text(pool, [1, 4, 4]);
        assert!(text.contains(&format!("the {name} of MaxPool2d(")), "{text}");
        assert!(text.ends_with("must be at least 1, got 0"), "{text}");
    }
    assert_eq!(
        text(AvgPool2d::new([3, 3]).padding([1, 2]), [1, 9, 9]),
        "layer 0, the padding of AvgPool2d(3x3, stride 3x3, padding 1x2) must be at most half of its window, got 2"
    );
    assert!(text(MaxPool2d::new([2, 2]).padding(usize::MAX), [1, 9, 9]).contains("more memory than can be counted"));
    assert!(
        text(MaxPool2d::new([2, 2]).dilation([usize::MAX, 1]), [1, 9, 9]).contains("more memory than can be counted")
    );
    assert!(text(MaxPool2d::new([2, 2]), [1, usize::MAX / 2, 9]).contains("more memory than can be counted"));
    assert!(text(MaxPool2d::new([2, 2]), [1, 1 << 16, 1 << 16]).contains("fewer than 2^32 pixels"));
    // Taps three apart around a single pixel.
    let text = text(MaxPool2d::new([2, 2]).dilation([3, 3]).padding(2).stride([1, 1]), [1, 1, 1]);
    assert!(text.contains("one has padding only (dilation 3)"), "{text}");
}

#[test]
fn windows_of_steps_that_do_not_fit() {
    let text1 = |pool: MaxPool1d, shape: [usize; 2]| text(pool, shape);
    assert_eq!(
        text1(MaxPool1d::new(3).dilation(2).padding(1), [2, 4]),
        "layer 0, MaxPool1d(3, stride 3, padding 1, dilation 2), takes sequences of at least 3 steps, got [2, 4] = 8"
    );
    assert_eq!(
        text(AvgPool1d::new(2).ceil(), [1, 4, 4]),
        "layer 0, AvgPool1d(2, stride 2, rounded up), takes sequences [steps, features], got [1, 4, 4] = 16"
    );
    assert_eq!(
        text(AvgPool1d::new(3).padding(2).without_padding(), [4, 1]),
        "layer 0, the padding of AvgPool1d(3, stride 3, padding 2, without padding) must be at most half of its window, \
         got 2"
    );
    assert!(text1(MaxPool1d::new(2), [4, 0]).contains("sequences of at least one feature"));
    assert!(
        text1(MaxPool1d::new(0), [4, 1]).contains("the kernel of MaxPool1d(0, stride 0) must be at least 1, got 0")
    );
    assert!(text1(MaxPool1d::new(2).stride(0), [4, 1]).contains("the stride of MaxPool1d(2, stride 0) must be"));
    assert!(text1(MaxPool1d::new(2), [usize::MAX / 2, 9]).contains("more memory than can be counted"));
    assert!(text1(MaxPool1d::new(2).dilation(usize::MAX / 2), [9, 9]).contains("takes sequences of"));
    assert!(text1(MaxPool1d::new(2).padding(usize::MAX), [9, 9]).contains("more memory than can be counted"));
    assert!(text1(MaxPool1d::new(usize::MAX).dilation(9), [9, 9]).contains("more memory than can be counted"));
}

#[test]
fn samples_of_the_wrong_shape() {
    assert_eq!(text(GlobalAvgPool, 4), "layer 0, GlobalAvgPool, takes images or sequences that are not empty, got 4");
    assert!(text(GlobalMaxPool, [0, 4]).contains("GlobalMaxPool, takes images or sequences that are not empty"));
    assert_eq!(
        text(LastStep, [0, 4]),
        "layer 0, LastStep, takes sequences [steps, features] of at least one step, got [0, 4] = 0"
    );
    assert!(text(LastStep, 4).ends_with("got 4"));
    assert_eq!(text(Reshape::new([2, 3]), 7), "layer 0, Reshape([2, 3]), takes samples of 6 numbers, got 7");
    assert!(text(Reshape::new([2, usize::MAX]), [usize::MAX, 3]).contains("Reshape"));
    assert_eq!(
        text(AdaptiveAvgPool2d::new([0, 2]), [1, 4, 4]),
        "layer 0, the size of AdaptiveAvgPool2d(0x2) must be at least 1 x 1, got 0"
    );
    assert!(text(AdaptiveAvgPool2d::new([1, 2]), [1, 4, 0]).contains("images of at least 1 x 1 pixels"));
    assert!(text(AdaptiveAvgPool2d::new([1, 2]), [4, 4]).contains("images [channels, height, width]"));
    assert!(text(AdaptiveAvgPool2d::new([1, usize::MAX]), [1, 4, 4]).contains("memory than can be counted"));
    assert!(text(AdaptiveAvgPool2d::new([1, usize::MAX]), [1, 1, 1]).contains("more memory than can be counted"));
    assert_eq!(
        text(PixelShuffle::new(2), [6, 4, 4]),
        "layer 0, PixelShuffle(2), takes images [channels, height, width] of a multiple of 4 channels, got [6, 4, 4] = 96"
    );
    assert!(text(PixelShuffle::new(usize::MAX), [6, 4, 4]).contains("PixelShuffle"));
    assert!(text(PixelShuffle::new(0), [6, 4, 4]).contains("the factor of PixelShuffle must be at least 1, got 0"));
    assert_eq!(
        text(Upsample::bilinear([2, 0]), [1, 4, 4]),
        "layer 0, the scale of Upsample(bilinear, 2x0) must be at least 1, got 0"
    );
    assert!(text(Upsample::nearest([2, 2]), [4, 4]).contains("Upsample(nearest, 2x2), takes images [channels"));
    assert!(text(Upsample::nearest([usize::MAX, 2]), [1, 4, 4]).contains("more memory than can be counted"));
}

#[test]
fn axes_that_are_no_order() {
    let text = |layer: Permute| Sequential::<f32>::new([4, 4]).with(layer).unwrap_err().to_string();
    assert_eq!(
        text(Permute::new([0, 0])),
        "layer 0, the axes of Permute([0, 0]) must be a permutation, each axis once, got 0"
    );
    assert_eq!(
        text(Permute::new([0, 3, 1])),
        "layer 0, the axes of Permute([0, 3, 1]) must be a permutation, each axis once, got 3"
    );
    for layer in [Permute::new([0]), Permute::new([0, 1, 2, 3]), Permute::new([])] {
        assert!(text(layer).contains("must be two for sequences or three for images"));
    }
    let error = Sequential::<f32>::new([4, 4]).with(Permute::new([1, 2, 0])).unwrap_err().to_string();
    assert_eq!(error, "layer 0, Permute([1, 2, 0]), takes images [channels, height, width], got [4, 4] = 16");
    let error = Sequential::<f32>::new(16).with(Permute::new([1, 0])).unwrap_err().to_string();
    assert_eq!(error, "layer 0, Permute([1, 0]), takes sequences [steps, features], got 16");
}
