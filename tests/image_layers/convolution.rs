//! Convolutions.

use neuropil::gradcheck;
use neuropil::layers::Padding;
use neuropil::ndarray::{Array2, Array4};
use neuropil::prelude::*;

use super::random::{Rng, gradients, pair, pick};

#[allow(clippy::unnecessary_wraps)] // As all that draw a layer.
fn random_conv2d(rng: &mut Rng) -> Option<(Box<dyn Layer<f64>>, Shape)> {
    let groups = pick(rng, 1, 3);
    let (inputs, outputs) = (groups * pick(rng, 1, 3), groups * pick(rng, 1, 5));
    let kernel = pair(rng, 1, 4);
    let layer = Conv2d::grouped(inputs, outputs, kernel, groups, rng);
    let layer = layer.stride(pair(rng, 1, 3)).dilation(pair(rng, 1, 2));
    let layer = match pick(rng, 0, 2) {
        0 => layer.padding(Padding::Same),
        1 => layer.padding(pair(rng, 0, 2)),
        _ => layer.padding([pair(rng, 0, 3), pair(rng, 0, 3)]),
    };
    let layer = if pick(rng, 0, 2) == 0 { layer.without_bias() } else { layer };
    let [height, width] = pair(rng, 1, 7);
    Some((Box::new(layer), [inputs, height, width].into()))
}

#[test]
fn conv2d_has_the_right_gradients() {
    gradients(60, 1, random_conv2d);
}

/// The definition, as loops.
struct Textbook {
    stride: [usize; 2],
    dilation: [usize; 2],
    before: [usize; 2],
    groups: usize,
}

impl Textbook {
    fn conv2d(&self, x: &Array4<f64>, w: &Array4<f64>, out: [usize; 2]) -> Array4<f64> {
        let (n, _, height, width) = x.dim();
        let (outputs, inputs, kh, kw) = w.dim();
        Array4::from_shape_fn((n, outputs, out[0], out[1]), |(n, o, p, q)| {
            let first = o / (outputs / self.groups) * inputs;
            let mut sum = 0.0;
            for c in 0..inputs {
                for i in 0..kh {
                    for j in 0..kw {
                        let line = (p * self.stride[0] + i * self.dilation[0]).wrapping_sub(self.before[0]);
                        let column = (q * self.stride[1] + j * self.dilation[1]).wrapping_sub(self.before[1]);
                        if line < height && column < width {
                            sum += w[[o, c, i, j]] * x[[n, first + c, line, column]];
                        }
                    }
                }
            }
            sum
        })
    }
}

#[test]
fn conv2d_is_its_definition() {
    let rng = &mut rng(2);
    let mut compared = 0;
    for _ in 0..300 {
        let groups = pick(rng, 1, 3);
        let (inputs, outputs) = (groups * pick(rng, 1, 12), groups * pick(rng, 1, 20));
        let (kernel, stride, dilation) = (pair(rng, 1, 5), pair(rng, 1, 6), pair(rng, 1, 3));
        let cells = [pair(rng, 0, 4), pair(rng, 0, 4)];
        let [height, width] = pair(rng, 1, 20);
        let weight = Init::STANDARD_NORMAL.matrix::<f64>(outputs, inputs / groups * kernel[0] * kernel[1], rng);
        let weight = weight.into_shape_with_order((outputs, inputs / groups, kernel[0], kernel[1])).unwrap();
        let layer = Conv2d::from_parameters(weight.clone(), None, groups).unwrap();
        let layer = layer.stride(stride).dilation(dilation).padding(cells);
        let Ok(Shape::Image { height: p, width: q, .. }) = layer.output_shape([inputs, height, width].into()) else {
            continue;
        };
        for (i, (out, n)) in [(p, height), (q, width)].into_iter().enumerate() {
            assert_eq!(out, (n + cells[i][0] + cells[i][1] - dilation[i] * (kernel[i] - 1) - 1) / stride[i] + 1);
        }
        let x = Init::STANDARD_NORMAL.matrix::<f64>(pick(rng, 1, 20), inputs * height * width, rng);
        let image = x.clone().into_shape_with_order((x.nrows(), inputs, height, width)).unwrap();
        let textbook = Textbook { stride, dilation, before: [cells[0][0], cells[1][0]], groups };
        let want = textbook.conv2d(&image, &weight, [p, q]);
        let network = Sequential::new([inputs, height, width]).with(layer).unwrap();
        let y = network.predict(&x).unwrap();
        assert_eq!(y.len(), want.len());
        for (y, want) in y.iter().zip(&want) {
            assert!((y - want).abs() < 1e-12 * (1.0 + want.abs()), "{network:?}: {y} {want}");
            compared += 1;
        }
    }
    assert!(compared > 100_000, "{compared}");
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    fn step<A: Scalar>(groups: usize, threads: usize) -> Vec<Array2<A>> {
        let rng = &mut rng(3);
        let layer = Conv2d::<A>::grouped(8, 16, [3, 3], groups, rng).padding(1);
        let network = Sequential::new([8, 19, 17]).with(layer).unwrap();
        let x = Init::STANDARD_NORMAL.matrix(37, 8 * 19 * 17, rng);
        let dy = Init::STANDARD_NORMAL.matrix(37, network.output().len(), rng);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut tape = Tape::new(&network, 0);
            let y = tape.forward(&network, &x).unwrap().clone();
            let gradients = tape.backward_from(&network, &dy).unwrap();
            let mut all = vec![y, gradients.input.clone()];
            all.extend(gradients.weights.iter().cloned());
            all
        })
    }
    for groups in [1, 8] {
        let (wide, narrow) = (step::<f64>(groups, 1), step::<f32>(groups, 1));
        for threads in [2, 3, 8] {
            assert!(
                step::<f64>(groups, threads) == wide && step::<f32>(groups, threads) == narrow,
                "{threads} threads"
            );
        }
    }
}

#[test]
fn a_large_convolution_has_the_right_gradients() {
    // More than one vector of channels and of places, rows left over in every tile.
    let rng = &mut rng(4);
    let layer = Conv2d::new(3, 35, [3, 2], rng).padding(1);
    let x = Init::STANDARD_NORMAL.matrix(2, 3 * 9 * 13, rng);
    let report = gradcheck::layer(&layer, [3, 9, 13], &x, 1).unwrap();
    assert!(report.passes(1e-7), "{report}");
    assert_eq!(report.compared, x.len() + 35 * 18 + 35);
}

/// 3 x 3 without steps: the method with tiles.
#[allow(clippy::unnecessary_wraps)] // As all that draw a layer.
fn random_tiles(rng: &mut Rng) -> Option<(Box<dyn Layer<f64>>, Shape)> {
    let groups = pick(rng, 1, 5) / 5 + 1;
    let (inputs, outputs) = (groups * pick(rng, 8, 9), groups * pick(rng, 8, 9));
    let layer = Conv2d::grouped(inputs, outputs, [3, 3], groups, rng);
    let [height, width] = [pick(rng, 2, 6), pick(rng, 2, 6)];
    Some((Box::new(layer.padding([pair(rng, 1, 3), pair(rng, 1, 3)])), [inputs, height, width].into()))
}

#[test]
fn conv2d_of_tiles_has_the_right_gradients() {
    gradients(20, 6, random_tiles);
}

#[test]
fn impossible_convolutions_are_errors() {
    let rng = &mut rng(5);
    let mut text = |inputs, outputs, kernel, groups| {
        let layer = Conv2d::<f64>::grouped(inputs, outputs, kernel, groups, rng);
        Sequential::new([inputs, 9, 9]).with(layer).unwrap_err().to_string()
    };
    assert_eq!(text(0, 2, [3, 3], 1), "layer 0, the input channels of Conv2d(0 -> 2, 3x3) must be at least 1, got 0");
    assert_eq!(text(2, 0, [3, 3], 1), "layer 0, the output channels of Conv2d(2 -> 0, 3x3) must be at least 1, got 0");
    assert_eq!(text(2, 2, [3, 0], 1), "layer 0, the kernel of Conv2d(2 -> 2, 3x0) must be at least 1, got 0");
    for groups in [0, 2, 3] {
        let text = text(4, 3, [1, 1], groups);
        assert!(text.starts_with("layer 0, the groups of Conv2d(4 -> 3, 1x1"), "{text}");
        assert!(text.ends_with(&format!("must be a divisor of the input and output channels, got {groups}")), "{text}");
    }
    assert!(text(usize::MAX, 2, [usize::MAX, 3], 1).contains(", which the system refuses"));

    let conv = || Conv2d::<f64>::new(2, 3, [3, 5], &mut neuropil::rng(0));
    let text = |layer: Conv2d<f64>, shape: Shape| Sequential::new(shape).with(layer).unwrap_err().to_string();
    assert_eq!(
        text(conv(), [3, 9, 9].into()),
        "layer 0, Conv2d(2 -> 3, 3x5), takes images [2, height, width], got [3, 9, 9] = 243"
    );
    assert_eq!(
        text(conv(), 18.into()),
        "layer 0, Conv2d(2 -> 3, 3x5), takes images [2, height, width] (put a Reshape before it), got 18"
    );
    assert_eq!(
        text(conv().padding([0, 1]), [2, 2, 2].into()),
        "layer 0, Conv2d(2 -> 3, 3x5, padding 0x1), takes images of at least 3 x 3 pixels for its window of 3 x 5 and \
         its padding of 0 x 2, got [2, 2, 2] = 8"
    );
    assert_eq!(
        text(conv().stride([1, 0]), [2, 9, 9].into()),
        "layer 0, the stride of Conv2d(2 -> 3, 3x5, stride 1x0) must be at least 1, got 0"
    );
    for layer in [conv().dilation([usize::MAX, 1]), conv().padding(usize::MAX), conv().padding(usize::MAX / 9)] {
        assert!(text(layer, [2, 9, 9].into()).contains("more memory than can be counted"));
    }
    assert!(text(conv(), [2, usize::MAX / 2, 9].into()).contains("more memory than can be counted"));
    let bias = Some(ndarray::array![1.0]);
    let error = Conv2d::from_parameters(Array4::<f64>::zeros((3, 2, 1, 1)), bias, 1).unwrap_err();
    assert_eq!(error.to_string(), "the bias of Conv2d(2 -> 3) must be 1 x 3, got 1 x 1");
}

use neuropil::ndarray;
