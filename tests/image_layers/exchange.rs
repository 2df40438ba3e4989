//! Layers with windows in the forms of other systems: as ONNX and back, and the shapes of their weights elsewhere.

use neuropil::layers::Padding;
use neuropil::prelude::*;
use neuropil::spec::layout::System;

fn check_onnx(shape: impl Into<Shape>, layer: impl Layer<f32>) -> Result<()> {
    let (shape, name) = (shape.into(), format!("{layer:?}"));
    let network = Sequential::<f32>::new(shape).with(layer)?;
    let again = Sequential::<f32>::from_onnx_bytes(&network.to_onnx_bytes()?)?;
    let x = Init::STANDARD_NORMAL.matrix(3, shape.len(), &mut rng(7));
    let (y, same) = (network.predict(&x)?, again.predict(&x)?);
    assert_eq!(y.dim(), same.dim(), "{name}");
    assert!(y.iter().zip(&same).all(|(a, b)| (a - b).abs() < 1e-5), "{name}: {y} is not {same}");
    Ok(())
}

#[test]
fn onnx_keeps_convolutions() -> Result<()> {
    let rng = &mut rng(1);
    check_onnx([2, 7, 6], Conv2d::new(2, 3, [3, 2], rng).stride([2, 1]).padding([[1, 0], [2, 1]]))?;
    check_onnx([4, 8, 9], Conv2d::grouped(4, 6, [3, 3], 2, rng).stride([2, 2]).padding(Padding::Same).without_bias())?;
    check_onnx([1, 9, 9], Conv2d::new(1, 2, [2, 3], rng).dilation([3, 2]).padding(Padding::Same))?;
    check_onnx([9, 4], Conv1d::grouped(4, 6, 3, 2, rng).dilation(2).causal())?;
    check_onnx([9, 2], Conv1d::new(2, 3, 4, rng).stride(3).padding_same().without_bias())?;
    Ok(())
}

#[test]
fn onnx_keeps_transposed_convolutions() -> Result<()> {
    let rng = &mut rng(2);
    let layer = ConvTranspose2d::new(2, 3, [3, 4], rng).stride([2, 3]);
    check_onnx([2, 3, 4], layer.clone().padding([[1, 0], [2, 1]]).output_padding([1, 2]))?;
    // Some rows and columns are cut off, and where the kernel is less than the stride, some are added.
    check_onnx([2, 3, 4], layer.padding(Padding::Same))?;
    check_onnx([4, 3, 2], ConvTranspose2d::grouped(4, 2, [1, 2], 2, rng).stride([3, 3]).padding(Padding::Same))?;
    check_onnx([1, 3, 3], ConvTranspose2d::new(1, 2, [2, 3], rng).dilation([2, 3]).without_bias())?;
    Ok(())
}

#[test]
fn onnx_keeps_pools() -> Result<()> {
    check_onnx([2, 7, 6], MaxPool2d::new([3, 2]).stride([2, 1]).padding(1).dilation([2, 1]).ceil())?;
    check_onnx([2, 7, 6], MaxPool2d::new([3, 2]).padding(Padding::Same))?;
    check_onnx([2, 7, 6], AvgPool2d::new([3, 4]).stride([2, 3]).padding([1, 2]).ceil())?;
    check_onnx([2, 7, 6], AvgPool2d::new([3, 4]).padding(Padding::Same).without_padding())?;
    check_onnx([9, 2], MaxPool1d::new(3).stride(2).padding(1))?;
    check_onnx([9, 2], MaxPool1d::new(3).dilation(2).ceil())?;
    check_onnx([9, 2], AvgPool1d::new(4).stride(3).padding(2).without_padding())?;
    Ok(())
}

/// The name and the shape of the layer's weight in another system.
fn weight(layer: &dyn Layer<f32>, system: System) -> (String, Vec<usize>) {
    let mut dims = Vec::new();
    layer.visit(&mut |info, _| {
        if info.name.to_string() == "weight" {
            dims = info.dims.to_vec();
        }
    });
    let piece = &layer.layout(system, "weight", &dims)[0];
    (piece.name().to_owned(), piece.shape().to_vec())
}

/// The shapes in PyTorch and in Keras.
type Shapes = [&'static [usize]; 2];

#[test]
fn weights_have_the_shapes_of_other_systems() {
    let rng = &mut rng(3);
    let layers: [(Box<dyn Layer<f32>>, Shapes); 4] = [
        (Box::new(Conv1d::new(2, 5, 3, rng)), [&[5, 2, 3], &[3, 2, 5]]),
        (Box::new(Conv2d::new(2, 5, [3, 4], rng)), [&[5, 2, 3, 4], &[3, 4, 2, 5]]),
        (Box::new(Conv2d::grouped(2, 6, [3, 4], 2, rng)), [&[6, 1, 3, 4], &[3, 4, 2, 3]]),
        (Box::new(ConvTranspose2d::new(2, 5, [3, 4], rng)), [&[2, 5, 3, 4], &[3, 4, 5, 2]]),
    ];
    for (layer, [pytorch, keras]) in layers {
        assert_eq!(weight(&*layer, System::PyTorch), ("weight".to_owned(), pytorch.to_vec()), "{layer:?}");
        assert_eq!(weight(&*layer, System::Keras), ("kernel".to_owned(), keras.to_vec()), "{layer:?}");
    }
}
