//! A tape in evaluation mode: its gradients are those of the layers in this mode.

use neuropil::activations::{Sign, Step, Threshold};
use neuropil::ndarray::{Array2, array};
use neuropil::prelude::*;

/// The step of the differences.
const H: f64 = 1e-6;

/// Compares the gradients of L = Σ c∘y, with random weights c, with differences of what the network predicts; for the
/// input only if there is a gradient by it. Returns the number of derivatives compared.
fn compare(network: &Network<f64>, x: &Array2<f64>, by_input: bool) -> usize {
    let y = network.predict(x).unwrap();
    let c = Init::Uniform { low: -1.0, high: 1.0 }.matrix(y.nrows(), y.ncols(), &mut rng(3));
    let mut tape = Tape::new(network, 7).predicting();
    assert_eq!(tape.forward(network, x).unwrap(), &y, "{network:?}");
    let gradients = tape.backward_from(network, &c).unwrap();
    let loss = |network: &Network<f64>, x: &Array2<f64>| (network.predict(x).unwrap() * &c).sum();
    let mut compared = 0;
    let mut close = |got: f64, above: f64, below: f64| {
        let want = (above - below) / (2.0 * H);
        assert!((got - want).abs() <= 1e-7 * want.abs().max(1.0), "{network:?}: {got} instead of {want}");
        compared += 1;
    };
    for (place, &got) in gradients.input.indexed_iter() {
        let at = |change: f64| {
            let mut x = x.clone();
            x[place] += change;
            loss(network, &x)
        };
        if by_input {
            close(got, at(H), at(-H));
        } else {
            assert_eq!(got, 0.0);
        }
    }
    for (slot, gradient) in gradients.weights.iter().enumerate() {
        for (place, &got) in gradient.indexed_iter() {
            let at = |change: f64| {
                let (mut network, mut trainable) = (network.clone(), 0);
                network.visit_mut(&mut |info, w| {
                    if info.role.is_trainable() {
                        if trainable == slot {
                            w[place] += change;
                        }
                        trainable += 1;
                    }
                });
                loss(&network, x)
            };
            close(got, at(H), at(-H));
        }
    }
    compared
}

/// Random samples of this shape, with no number close to a multiple of 1/2: there are the kinks and jumps.
fn samples(shape: Shape) -> Array2<f64> {
    let x = Init::Uniform { low: -4.0, high: 4.0 }.matrix(3, shape.len(), &mut rng(5));
    x.mapv(|x: f64| if (x * 2.0 - (x * 2.0).round()).abs() < 1e-3 { x + 0.01 } else { x })
}

fn check(shape: impl Into<Shape>, layer: impl Layer<f64>) -> usize {
    let shape = shape.into();
    let network = Sequential::new(shape).with(layer).unwrap();
    compare(&network, &samples(shape), true)
}

#[test]
fn activations() {
    let mut compared = 0;
    macro_rules! check {
        ($($activation:expr),+ $(,)?) => { $(compared += check([2, 3], $activation);)+ };
    }
    check!(Celu::new(1.5), Elu::new(1.5), Gelu, GeluTanh, HardShrink::new(0.5), HardSigmoid, HardSwish);
    check!(HardTanh::new(-1.0, 1.0), Identity, LeakyRelu::new(0.1), LogSigmoid, Mish, Relu, Relu6, Selu, Sigmoid);
    check!(Sign, Silu, SoftShrink::new(0.5), Softplus::new(2.0, 3.0), Softsign, Step::new(0.5), Tanh, TanhShrink);
    check!(Threshold::new(0.5, -2.0));
    assert_eq!(compared, 25 * 3 * 6);
}

#[test]
fn layers_that_training_changes() {
    let mut compared = 0;
    for shape in [Shape::from(5), [2, 3].into(), [2, 2, 3].into()] {
        compared += check(shape, Dropout::new(0.5));
        compared += check(shape, Dropout::new(1.0));
        compared += check(shape, SpatialDropout::new(0.5));
        compared += check(shape, GaussianNoise::new(0.5));
        compared += check(shape, RRelu::new(0.1, 0.5));
    }
    assert_eq!(compared, 5 * 3 * (5 + 6 + 12));
}

#[test]
fn layers_that_move_and_scale() {
    let mut compared = 0;
    compared += check([2, 2, 3], Flatten);
    compared += check(12, Reshape::new([2, 2, 3]));
    compared += check([2, 2, 3], Permute::new([2, 0, 1]));
    compared += check([4, 3], Permute::new([1, 0]));
    compared += check([4, 1, 3], PixelShuffle::new(2));
    compared += check([2, 2], Rescale::new(array![0.5, -1.0], array![2.0, -0.1]).unwrap());
    compared += check([4, 3], LastStep);
    compared += check([4, 3], GlobalAvgPool);
    compared += check([2, 2, 3], GlobalAvgPool);
    compared += check([4, 3], GlobalMaxPool);
    compared += check([2, 2, 3], GlobalMaxPool);
    compared += check([2, 2, 3], Upsample::nearest([2, 3]));
    compared += check([2, 2, 3], Upsample::bilinear([2, 3]));
    compared += check([1, 3, 4], Pad2d::zero([[1, 0], [2, 1]]));
    compared += check([1, 3, 4], Pad2d::reflect([[1, 0], [2, 1]]));
    compared += check([1, 3, 4], Pad2d::replicate([[1, 0], [2, 1]]));
    compared += check([1, 3, 4], AdaptiveAvgPool2d::new([2, 3]));
    for shape in [Shape::from(12), [4, 3].into(), [3, 2, 2].into()] {
        compared += check(shape, Softmax);
        compared += check(shape, LogSoftmax);
    }
    assert_eq!(compared, 3 * (12 * 22 + 4));
}

#[test]
fn layers_with_parameters() {
    let mut compared = 0;
    compared += check([2, 2, 3], PRelu::new());
    compared += check([2, 2, 3], PRelu::per_channel(2));
    compared += check([2, 3], PRelu::per_channel(3));
    assert_eq!(compared, (36 + 1) + (36 + 2) + (18 + 3));
    let table = Embedding::from_parameters(Init::STANDARD_NORMAL.matrix(4, 3, &mut rng(1)));
    let network = Sequential::new(2).with(table).unwrap();
    assert_eq!(compare(&network, &array![[0.0, 3.0], [3.0, 3.0], [1.0, 0.0]], false), 4 * 3);
}

#[test]
fn a_network_of_several_layers() -> Result<()> {
    let mut g = rng(2);
    let network = Sequential::new([1, 3, 3])
        .with(Pad2d::reflect([[1, 1], [1, 1]]))?
        .with(Dropout::new(0.5))?
        .with(RRelu::new(0.1, 0.5))?
        .with(Upsample::bilinear([2, 2]))?
        .with(SpatialDropout::new(0.5))?
        .with(AdaptiveAvgPool2d::new([2, 2]))?
        .with(Flatten)?
        .with(Dense::new(4, 3, &mut g))?
        .with(GaussianNoise::new(0.5))?
        .with(PRelu::per_channel(3))?
        .with(Softmax)?;
    assert_eq!(compare(&network, &samples([1, 3, 3].into()), true), 3 * 9 + (4 * 3 + 3) + 3);
    Ok(())
}

/// A step with dropout before it must not leave its mask to a predicting one.
#[test]
fn a_training_step_leaves_nothing_behind() {
    let network = Sequential::<f64>::new(4).with(Dropout::new(0.5)).unwrap().with(RRelu::new(0.1, 0.5)).unwrap();
    let x = array![[1.0, -2.0, 3.0, -4.0]];
    let mut tape = Tape::new(&network, 7);
    tape.forward(&network, &x).unwrap();
    tape.backward_from(&network, &x).unwrap();
    let mut tape = tape.predicting();
    tape.forward(&network, &x).unwrap();
    let dx = tape.backward_from(&network, &array![[1.0, 1.0, 1.0, 1.0]]).unwrap().input;
    assert_eq!(dx, &array![[1.0, 0.3, 1.0, 0.3]]);
}
