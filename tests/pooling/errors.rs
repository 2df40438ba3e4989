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
        "layer 0, MaxPool2d(3x2, stride 3x2), takes images of at least 3 x 2 pixels (its window is 3 x 2 with 0 x 0 \
         cells of padding), got [1, 2, 2] = 4"
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
    assert!(text(MaxPool2d::new([2, 2]).padding(usize::MAX), [1, 9, 9]).contains("overflows"));
    assert!(text(MaxPool2d::new([2, 2]).dilation([usize::MAX, 1]), [1, 9, 9]).contains("overflows"));
    assert!(text(MaxPool2d::new([2, 2]), [1, usize::MAX / 2, 9]).contains("overflows"));
    assert!(text(MaxPool2d::new([2, 2]), [1, 1 << 16, 1 << 16]).contains("fewer than 2^32 pixels"));
    // Taps three apart around a single pixel.
    let text = text(MaxPool2d::new([2, 2]).dilation([3, 3]).padding(2).stride([1, 1]), [1, 1, 1]);
    assert!(text.contains("not padding only (its dilation is 3)"), "{text}");
}
