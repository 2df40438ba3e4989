//! Transposed convolutions.

use neuropil::layers::Padding;
use neuropil::ndarray::{Array2, Array4};
use neuropil::prelude::*;

use super::random::{Rng, gradients, pair, pick};

fn random_transposed(rng: &mut Rng) -> (Box<dyn Layer<f64>>, Shape) {
    let groups = pick(rng, 1, 3);
    let (inputs, outputs) = (groups * pick(rng, 1, 4), groups * pick(rng, 1, 3));
    let layer = ConvTranspose2d::grouped(inputs, outputs, pair(rng, 1, 4), groups, rng);
    let (stride, dilation) = (pair(rng, 1, 3), pair(rng, 1, 2));
    let layer = layer.stride(stride).dilation(dilation);
    let layer = match pick(rng, 0, 2) {
        0 => layer.padding(Padding::Same),
        1 => layer.padding(pair(rng, 0, 2)),
        _ => layer.padding([pair(rng, 0, 2), pair(rng, 0, 2)]),
    };
    let more = [0, 1].map(|i| pick(rng, 0, stride[i].max(dilation[i]) - 1));
    let layer = layer.output_padding(more);
    let layer = if pick(rng, 0, 2) == 0 { layer.without_bias() } else { layer };
    let [height, width] = pair(rng, 1, 5);
    (Box::new(layer), [inputs, height, width].into())
}

#[test]
fn conv_transpose2d_has_the_right_gradients() {
    gradients(60, 1, |rng| Some(random_transposed(rng)));
}

#[test]
fn conv_transpose2d_of_tiles_has_the_right_gradients() {
    gradients(20, 2, |rng| {
        let layer = ConvTranspose2d::new(pick(rng, 8, 9), 8, [3, 3], rng).padding(pair(rng, 0, 1));
        let inputs = layer.weight().nrows();
        Some((Box::new(layer), [inputs, pick(rng, 4, 6), pick(rng, 4, 6)].into()))
    });
}

/// Every pixel lays the window onto the result.
#[test]
fn conv_transpose2d_is_its_definition() {
    let rng = &mut rng(3);
    let mut compared = 0;
    for _ in 0..200 {
        let groups = pick(rng, 1, 3);
        let (inputs, outputs) = (pick(rng, 1, 9), pick(rng, 1, 9));
        let (kernel, stride, dilation) = (pair(rng, 1, 4), pair(rng, 1, 4), pair(rng, 1, 3));
        let cells = [pair(rng, 0, 3), pair(rng, 0, 3)];
        let [height, width] = pair(rng, 1, 12);
        let more = [0, 1].map(|i| pick(rng, 0, stride[i].max(dilation[i]) - 1));
        let weight = Init::STANDARD_NORMAL.matrix::<f64>(groups * inputs, outputs * kernel[0] * kernel[1], rng);
        let dims = (groups * inputs, outputs, kernel[0], kernel[1]);
        let weight: Array4<f64> = weight.into_shape_with_order(dims).unwrap();
        let layer = ConvTranspose2d::from_parameters(weight.clone(), None, groups).unwrap();
        let layer = layer.stride(stride).dilation(dilation).padding(cells).output_padding(more);
        let shape: Shape = [groups * inputs, height, width].into();
        let all = [height, width];
        let all = [0, 1].map(|i| (all[i] - 1) * stride[i] + dilation[i] * (kernel[i] - 1) + 1 + more[i]);
        let Ok(output) = layer.output_shape(shape) else {
            assert!((0..2).any(|i| all[i] <= cells[i][0] + cells[i][1]), "{layer:?} on {shape}");
            continue;
        };
        let out = [0, 1].map(|i| all[i] - cells[i][0] - cells[i][1]);
        assert_eq!(output, [groups * outputs, out[0], out[1]].into());
        let x = Init::STANDARD_NORMAL.matrix::<f64>(2, shape.len(), rng);
        let y = Sequential::new(shape).with(layer).unwrap().predict(&x).unwrap();
        let mut want = Array2::<f64>::zeros(y.dim());
        for ((sample, at), &x) in x.indexed_iter() {
            let (c, i, j) = (at / (height * width), at / width % height, at % width);
            for ((_, o, ki, kj), &w) in weight.slice(neuropil::ndarray::s![c..=c, .., .., ..]).indexed_iter() {
                let line = (i * stride[0] + ki * dilation[0]).wrapping_sub(cells[0][0]);
                let column = (j * stride[1] + kj * dilation[1]).wrapping_sub(cells[1][0]);
                if line < out[0] && column < out[1] {
                    let channel = c / inputs * outputs + o;
                    want[[sample, (channel * out[0] + line) * out[1] + column]] += w * x;
                }
            }
        }
        for (y, want) in y.iter().zip(&want) {
            assert!((y - want).abs() < 1e-12 * (1.0 + want.abs()), "{y} {want}");
            compared += 1;
        }
    }
    assert!(compared > 100_000, "{compared}");
}

#[test]
fn same_padding_makes_the_image_as_many_times_as_large_as_the_stride() {
    for kernel in 1..6 {
        for stride in 1..6 {
            let layer = ConvTranspose2d::<f64>::new(1, 1, [kernel, 3], &mut rng(4));
            let layer = layer.stride([stride, 1]).padding(Padding::Same);
            let network = Sequential::new([1, 4, 5]).with(layer).unwrap();
            assert_eq!(network.output(), [1, 4 * stride, 5].into());
            assert_eq!(network.predict(&Array2::ones((1, 20))).unwrap().len(), 20 * stride);
        }
    }
}

#[test]
fn impossible_transposed_convolutions_are_errors() {
    let conv = || ConvTranspose2d::<f64>::new(2, 3, [3, 5], &mut rng(0));
    let text = |layer: ConvTranspose2d<f64>, shape: Shape| Sequential::new(shape).with(layer).unwrap_err().to_string();
    assert_eq!(
        text(conv(), [3, 9, 9].into()),
        "layer 0, ConvTranspose2d(2 -> 3, 3x5), takes images [2, height, width], got [3, 9, 9] = 243"
    );
    assert_eq!(
        text(conv(), 8.into()),
        "layer 0, ConvTranspose2d(2 -> 3, 3x5), takes images [2, height, width] (put a Reshape before it), got 8"
    );
    assert_eq!(
        text(conv().padding([3, 0]), [2, 4, 4].into()),
        "layer 0, ConvTranspose2d(2 -> 3, 3x5, padding 3x0), takes images whose output is larger than the padding \
         that is cut off, got [2, 4, 4] = 32"
    );
    assert_eq!(
        text(conv().stride([2, 1]).output_padding([2, 0]), [2, 4, 4].into()),
        "layer 0, the output padding of ConvTranspose2d(2 -> 3, 3x5, stride 2x1, output padding 2x0) must be below \
         the stride or the dilation, got 2"
    );
    assert_eq!(
        text(conv().stride([0, 1]), [2, 4, 4].into()),
        "layer 0, the stride of ConvTranspose2d(2 -> 3, 3x5, stride 0x1) must be at least 1, got 0"
    );
    for layer in [conv().dilation([usize::MAX, 1]), conv().padding(usize::MAX), conv().stride([usize::MAX / 2, 1])] {
        assert!(text(layer, [2, 9, 9].into()).contains("more memory than can be counted"));
    }
    assert!(text(ConvTranspose2d::grouped(4, 6, [1, 1], 4, &mut rng(0)), [4, 9, 9].into()).contains("divisor"));
    let error = ConvTranspose2d::from_parameters(
        Array4::<f64>::zeros((3, 2, 1, 1)),
        Some(Array2::zeros((1, 1)).row(0).to_owned()),
        1,
    );
    assert_eq!(error.unwrap_err().to_string(), "the bias of ConvTranspose2d(3 -> 2) must be 1 x 2, got 1 x 1");
}
