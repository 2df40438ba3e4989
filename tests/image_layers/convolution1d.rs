//! Convolutions of sequences.

use neuropil::ndarray::{Array2, Array3};
use neuropil::prelude::*;

use super::random::{Rng, gradients, pair, pick};

fn random_conv1d(rng: &mut Rng) -> (Box<dyn Layer<f64>>, Shape) {
    let groups = pick(rng, 1, 3);
    let (inputs, outputs) = (groups * pick(rng, 1, 4), groups * pick(rng, 1, 5));
    let layer = Conv1d::grouped(inputs, outputs, pick(rng, 1, 5), groups, rng);
    let layer = layer.stride(pick(rng, 1, 3)).dilation(pick(rng, 1, 3));
    let layer = match pick(rng, 0, 3) {
        0 => layer.padding_same(),
        1 => layer.causal(),
        2 => layer.padding(pick(rng, 0, 2)),
        _ => layer.padding_each(pair(rng, 0, 9)),
    };
    let layer = if pick(rng, 0, 2) == 0 { layer.without_bias() } else { layer };
    (Box::new(layer), [pick(rng, 1, 12), inputs].into())
}

#[test]
fn conv1d_has_the_right_gradients() {
    gradients(60, 1, |rng| Some(random_conv1d(rng)));
}

#[test]
fn conv1d_is_its_definition() {
    let rng = &mut rng(2);
    let mut compared = 0;
    for _ in 0..200 {
        let groups = pick(rng, 1, 3);
        let (inputs, outputs) = (groups * pick(rng, 1, 9), groups * pick(rng, 1, 9));
        let (kernel, stride, dilation) = (pick(rng, 1, 5), pick(rng, 1, 4), pick(rng, 1, 3));
        let ([before, after], steps) = (pair(rng, 0, 6), pick(rng, 1, 40));
        let weight = Init::STANDARD_NORMAL.matrix::<f64>(kernel * inputs / groups, outputs, rng);
        let weight: Array3<f64> = weight.into_shape_with_order((kernel, inputs / groups, outputs)).unwrap();
        let layer = Conv1d::from_parameters(weight.clone(), None, groups).unwrap();
        let layer = layer.stride(stride).dilation(dilation).padding_each([before, after]);
        let Ok(Shape::Sequence { steps: places, features }) = layer.output_shape([steps, inputs].into()) else {
            continue;
        };
        assert_eq!(places, (steps + before + after - dilation * (kernel - 1) - 1) / stride + 1);
        assert_eq!(features, outputs);
        let x = Init::STANDARD_NORMAL.matrix::<f64>(3, steps * inputs, rng);
        let y = Sequential::new([steps, inputs]).with(layer).unwrap().predict(&x).unwrap();
        for ((sample, i), &y) in y.indexed_iter() {
            let (place, o) = (i / outputs, i % outputs);
            let mut want = 0.0;
            for tap in 0..kernel {
                let step = (place * stride + tap * dilation).wrapping_sub(before);
                for c in 0..inputs / groups {
                    let first = o / (outputs / groups) * (inputs / groups);
                    let x = if step < steps { x[[sample, step * inputs + first + c]] } else { 0.0 };
                    want += x * weight[[tap, c, o]];
                }
            }
            assert!((y - want).abs() < 1e-12 * (1.0 + want.abs()), "{y} {want}");
            compared += 1;
        }
    }
    assert!(compared > 30_000, "{compared}");
}

#[test]
fn a_causal_convolution_does_not_see_the_future() {
    let layer = Conv1d::<f64>::new(2, 3, 3, &mut rng(3)).dilation(2).causal();
    let network = Sequential::new([10, 2]).with(layer).unwrap();
    let x = Init::STANDARD_NORMAL.matrix(1, 20, &mut rng(4));
    let y = network.predict(&x).unwrap();
    for step in 0..10 {
        let mut other = x.clone();
        other[[0, 2 * step]] += 1.0;
        let changed = network.predict(&other).unwrap();
        for (i, (a, b)) in y.iter().zip(&changed).enumerate() {
            let (place, sees) = (i / 3, [0, 2, 4].contains(&(i / 3).wrapping_sub(step)));
            assert_eq!(a != b, sees, "place {place} after a change of step {step}");
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let step = |threads: usize| -> Vec<Array2<f32>> {
        let rng = &mut rng(5);
        let layer = Conv1d::<f32>::new(16, 24, 5, rng).padding(2);
        let network = Sequential::new([70, 16]).with(layer).unwrap();
        let x = Init::STANDARD_NORMAL.matrix(37, 70 * 16, rng);
        let dy = Init::STANDARD_NORMAL.matrix(37, 70 * 24, rng);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut tape = Tape::new(&network, 0);
            let y = tape.forward(&network, &x).unwrap().clone();
            let gradients = tape.backward_from(&network, &dy).unwrap();
            let mut all = vec![y, gradients.input.clone()];
            all.extend(gradients.weights.iter().cloned());
            all
        })
    };
    let one = step(1);
    for threads in [2, 3, 8] {
        assert!(step(threads) == one, "{threads} threads");
    }
}

#[test]
fn impossible_convolutions_are_errors() {
    let rng = &mut rng(6);
    let text = |layer: Conv1d<f64>, shape: Shape| Sequential::new(shape).with(layer).unwrap_err().to_string();
    let error = text(Conv1d::new(0, 2, 3, rng), [9, 0].into());
    assert_eq!(error, "layer 0, the input channels of Conv1d(0 -> 2, 3) must be at least 1, got 0");
    let error = text(Conv1d::new(1, 2, 0, rng).causal(), [9, 1].into());
    assert_eq!(error, "layer 0, the kernel of Conv1d(1 -> 2, 0) must be at least 1, got 0");
    let error = text(Conv1d::grouped(4, 6, 3, 4, rng), [9, 4].into());
    let wants = "must be a divisor of the input and output channels, got 4";
    assert_eq!(error, format!("layer 0, the groups of Conv1d(4 -> 6, 3, 4 groups) {wants}"));
    let error = text(Conv1d::new(usize::MAX, 2, 3, rng), [9, usize::MAX].into());
    assert!(error.contains(", which the system refuses"), "{error}");

    for groups in [0, usize::MAX / 5, usize::MAX] {
        let weight = neuropil::ndarray::Array3::<f64>::zeros((3, 7, 4));
        let error = Conv1d::from_parameters(weight, None, groups).unwrap_err().to_string();
        assert!(error.contains("must be"), "{error}");
    }

    let conv = || Conv1d::<f64>::new(2, 3, 5, &mut neuropil::rng(0));
    assert_eq!(text(conv(), [9, 3].into()), "layer 0, Conv1d(2 -> 3, 5), takes sequences [steps, 2], got [9, 3] = 27");
    assert_eq!(text(conv(), 18.into()), "layer 0, Conv1d(2 -> 3, 5), takes sequences [steps, 2], got 18");
    assert_eq!(
        text(conv().padding(1), [2, 2].into()),
        "layer 0, Conv1d(2 -> 3, 5, padding 1), takes sequences of at least 3 steps, got [2, 2] = 4"
    );
    assert_eq!(
        text(conv().stride(0), [9, 2].into()),
        "layer 0, the stride of Conv1d(2 -> 3, 5, stride 0) must be at least 1, got 0"
    );
    assert!(text(conv().dilation(usize::MAX), [9, 2].into()).contains("more memory than can be counted"));
    // A stride beyond the sequence leaves one position, however large it is.
    let far = Sequential::new([9, 2]).with(conv().stride(usize::MAX)).unwrap();
    let near = Sequential::new([9, 2]).with(conv().stride(9)).unwrap();
    let x = Array2::from_shape_fn((2, 18), |(i, j)| (i * 18 + j) as f64 * 0.1 - 1.0);
    assert_eq!(far.predict(&x).unwrap(), near.predict(&x).unwrap());
    assert!(text(conv().padding(usize::MAX / 9), [9, 2].into()).contains("more memory than can be counted"));
}
