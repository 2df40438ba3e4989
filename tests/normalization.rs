//! The normalization layers: against reference values, against finite differences, and what is special about each.

use crate::common;

use common::{Case, F32, F64, Tolerance, assert_close, cases};
use ndarray::{Array1, Array2, ArrayD, Ix3, array};
use neuropil::layer::Role;
use neuropil::prelude::*;
use neuropil::rand::RngExt;
use neuropil::{gradcheck, ndarray};

type Boxed<A> = Box<dyn Layer<A>>;

/// A parameter of the case as a row.
fn row<A: Scalar>(case: &Case, name: &str) -> Option<Array1<A>> {
    Some(case.array("parameters", name)?.iter().map(|&x| A::of(x)).collect())
}

fn batch_norm<A: Scalar>(case: &Case) -> Boxed<A> {
    let channels = case.number("num_features") as usize;
    let or = |name, value: A| row(case, name).unwrap_or_else(|| Array1::from_elem(channels, value));
    let (mean, variance) = (or("running_mean", A::ZERO), or("running_var", A::ONE));
    let layer = BatchNorm::from_parameters(or("weight", A::ONE), or("bias", A::ZERO), mean, variance).unwrap();
    let layer = layer.eps(case.number("eps")).momentum(case.number("momentum"));
    Box::new(if case.config("affine") == true { layer } else { layer.without_affine() })
}

fn layer_norm<A: Scalar>(case: &Case) -> Boxed<A> {
    let shape = normalized_shape(case);
    let layer = match (row(case, "weight"), row(case, "bias")) {
        (None, _) => LayerNorm::new(shape).without_affine(),
        (Some(weight), None) => {
            let bias = Array1::from_elem(shape.len(), A::ONE);
            LayerNorm::from_parameters(shape, weight, bias).unwrap().without_bias()
        }
        (Some(weight), Some(bias)) => LayerNorm::from_parameters(shape, weight, bias).unwrap(),
    };
    Box::new(layer.eps(case.number("eps")))
}

fn rms_norm<A: Scalar>(case: &Case) -> Boxed<A> {
    let shape = normalized_shape(case);
    let layer = match row(case, "weight") {
        None => RmsNorm::new(shape).without_affine(),
        Some(weight) => RmsNorm::from_parameters(shape, weight).unwrap(),
    };
    Box::new(layer.eps(case.number("eps")))
}

fn group_norm<A: Scalar>(case: &Case) -> Boxed<A> {
    let (groups, channels) = (case.number("num_groups") as usize, case.number("num_channels") as usize);
    let layer = match (row(case, "weight"), row(case, "bias")) {
        (Some(weight), Some(bias)) => GroupNorm::from_parameters(groups, weight, bias).unwrap(),
        _ => GroupNorm::new(groups, channels).without_affine(),
    };
    Box::new(layer.eps(case.number("eps")))
}

fn instance_norm<A: Scalar>(case: &Case) -> Boxed<A> {
    let layer = match (row(case, "weight"), row(case, "bias")) {
        (Some(weight), Some(bias)) => InstanceNorm::from_parameters(weight, bias).unwrap(),
        _ => InstanceNorm::new(case.number("num_features") as usize),
    };
    Box::new(layer.eps(case.number("eps")))
}

fn normalized_shape(case: &Case) -> Shape {
    match *common::numbers(case.config("normalized_shape")) {
        [n] => Shape::Flat(n as usize),
        [n, m] => [n as usize, m as usize].into(),
        [n, m, l] => [n as usize, m as usize, l as usize].into(),
        _ => panic!("{}", case.name),
    }
}

/// How an array of three axes is read: (samples, steps, features); or (samples, channels, places), either as images of
/// one line or as sequences, which have the features of a step side by side.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Three {
    Steps,
    Lines,
    Features,
}

/// An array of a case as a batch, and what a row of it means.
fn batch(array: &ArrayD<f64>, three: Three) -> (Array2<f64>, Shape) {
    let (shape, array): (Shape, ArrayD<f64>) = match (array.shape(), three) {
        (&[_, n], _) => (n.into(), array.clone()),
        (&[_, steps, features], Three::Steps) => ([steps, features].into(), array.clone()),
        (&[_, channels, n], Three::Lines) => ([channels, 1, n].into(), array.clone()),
        (&[_, channels, n], Three::Features) => {
            let swapped = array.clone().into_dimensionality::<Ix3>().unwrap().permuted_axes([0, 2, 1]);
            ([n, channels].into(), swapped.into_dyn())
        }
        (&[_, channels, height, width], _) => ([channels, height, width].into(), array.clone()),
        (dims, _) => panic!("{dims:?}"),
    };
    let rows = array.shape()[0];
    (Array2::from_shape_vec((rows, shape.len()), array.iter().copied().collect()).unwrap(), shape)
}

/// Runs a case, and returns how many numbers agreed.
fn run<A: Scalar>(case: &Case, mut layer: Boxed<A>, three: Three, tolerance: Tolerance) -> usize {
    let read = |group: &str, name: &str| batch(&case.array(group, name).unwrap(), three);
    let (x, shape) = read("inputs", "input");
    let (x, dy) = (x.mapv(A::of), read("upstream", "output").0.mapv(A::of));
    assert_eq!(layer.output_shape(shape).unwrap(), shape);
    let training = case.config("training") != false;
    let tape = Tape::for_layer(&*layer, shape, 0);
    let mut tape = if training { tape } else { tape.predicting() };
    let y = tape.forward(&*layer, &x).unwrap().clone();
    let gradients = tape.backward_from(&*layer, &dy).unwrap();
    let (dx, dw) = (gradients.input.clone(), gradients.weights.to_vec());
    // The step updates only the running statistics.
    tape.step(&mut *layer, &mut Sgd::new(0.0)).unwrap();

    let mut compared = 0;
    let mut close = |part: &str, got: &Array2<A>, want: &ArrayD<f64>| {
        let what = format!("{} {part}, {}, {three:?}", case.name, A::NAME);
        compared += assert_close(&what, got.iter().map(|x| x.to_f64()), want.iter().copied(), tolerance);
    };
    close("output", &y, &read("outputs", "output").0.into_dyn());
    close("dx", &dx, &read("gradients", "input").0.into_dyn());
    for (dw, name) in dw.iter().zip(["weight", "bias"]) {
        close(name, dw, &case.array("gradients", name).unwrap());
    }
    let gradients = case.value["gradients"].as_object().unwrap();
    assert_eq!(gradients.len(), 1 + dw.len(), "{}", case.name);
    layer.visit(&mut |info, w| {
        if info.role == Role::Statistic
            && let Some(want) = case.array("outputs", &info.name.to_string())
        {
            close(&info.name.to_string(), w, &want);
        }
    });
    compared
}

/// Runs a family in `f64` and in `f32`, and asserts how many cases there were and how many numbers agreed.
macro_rules! family {
    ($name:ident, $readings:expr, $cases:literal, $numbers:literal) => {
        #[test]
        fn $name() {
            fn all<A: Scalar>(tolerance: Tolerance) -> (usize, usize) {
                let cases = cases(stringify!($name));
                let run = |case: &Case| -> usize {
                    let readings = $readings.iter();
                    readings.map(|&three| run::<A>(case, super::$name(case), three, tolerance)).sum()
                };
                (cases.len(), cases.iter().map(run).sum())
            }
            assert_eq!(all::<f64>(F64), ($cases, $numbers));
            assert_eq!(all::<f32>(F32), ($cases, $numbers));
        }
    };
}

mod reference_values {
    use super::*;

    family!(batch_norm, [Three::Lines, Three::Features], 12, 2_020);
    family!(layer_norm, [Three::Steps], 8, 446);
    family!(rms_norm, [Three::Steps], 6, 277);
    family!(group_norm, [Three::Lines, Three::Features], 7, 1_236);
    family!(instance_norm, [Three::Lines, Three::Features], 6, 1_348);
}

/// Random sizes and settings.
struct Random(neuropil::rand::rngs::Xoshiro256PlusPlus);

impl Random {
    fn size(&mut self, from: usize, to: usize) -> usize {
        self.0.random_range(from..=to)
    }

    /// A shape with this number of channels.
    fn shape(&mut self, channels: usize) -> Shape {
        match self.size(0, 2) {
            0 => channels.into(),
            1 => [self.size(1, 5), channels].into(),
            _ => [channels, self.size(1, 4), self.size(1, 3)].into(),
        }
    }

    fn eps(&mut self) -> f64 {
        [1e-5, 1e-3, 0.1][self.size(0, 2)]
    }

    /// A batch whose values lie well apart: next to a variance of 0 no finite difference is exact.
    fn batch(&mut self, rows: usize, width: usize) -> Array2<f64> {
        Array2::from_shape_fn((rows, width), |(i, j)| ((i * 7 + j * 3) % 5) as f64 + self.0.random_range(-0.3..0.3))
    }

    /// The layer with parameters that are not 1 and 0.
    fn parameters<L: Layer<f64>>(&mut self, mut layer: L) -> L {
        layer.visit_mut(&mut |_, w| w.mapv_inplace(|w| w + self.0.random_range(-0.8..0.8)));
        layer
    }
}

/// Checks 40 layers that `make` returns, with the shape and rows of their inputs, against finite differences.
fn check_derivatives<L: Layer<f64>>(seed: u64, mut make: impl FnMut(&mut Random) -> (L, Shape, usize)) {
    let mut random = Random(rng(seed));
    let mut compared = 0;
    for i in 0..40 {
        let (layer, shape, rows) = make(&mut random);
        let (layer, x) = (random.parameters(layer), random.batch(rows, shape.len()));
        let report = gradcheck::layer(&layer, shape, &x, i).unwrap();
        assert!(report.passes(1e-7), "{layer:?} on {rows} of {shape}: {report}");
        let mut parameters = 0;
        layer.visit(&mut |info, w| parameters += if info.role.is_trainable() { w.len() } else { 0 });
        assert_eq!(report.compared, x.len() + parameters);
        compared += report.nonzero;
    }
    assert!(compared > 500, "{compared}");
}

#[test]
fn batch_norm_has_the_right_derivatives() {
    check_derivatives(1, |random| {
        let channels = random.size(1, 5);
        let (shape, rows) = (random.shape(channels), random.size(1, 5));
        let rows = if rows * shape.len() == channels { 2 } else { rows };
        let layer = BatchNorm::new(channels).eps(random.eps());
        (if random.size(0, 3) == 0 { layer.without_affine() } else { layer }, shape, rows)
    });
}

#[test]
fn layer_norm_has_the_right_derivatives() {
    check_derivatives(2, |random| {
        let (channels, rows) = (random.size(2, 20), random.size(1, 5));
        let shape = random.shape(channels);
        let of = match shape {
            Shape::Sequence { features, .. } if random.size(0, 1) == 0 => features.into(),
            shape => shape,
        };
        let layer = LayerNorm::new(of).eps(random.eps());
        let layer = match random.size(0, 4) {
            0 => layer.without_affine(),
            1 => layer.without_bias(),
            _ => layer,
        };
        (layer, shape, rows)
    });
}

#[test]
fn rms_norm_has_the_right_derivatives() {
    check_derivatives(3, |random| {
        let (channels, rows) = (random.size(1, 20), random.size(1, 5));
        let shape = random.shape(channels);
        let of = match shape {
            Shape::Sequence { features, .. } if random.size(0, 1) == 0 => features.into(),
            shape => shape,
        };
        let layer = RmsNorm::new(of).eps(random.eps().max(1e-3));
        (if random.size(0, 3) == 0 { layer.without_affine() } else { layer }, shape, rows)
    });
}

#[test]
fn group_norm_has_the_right_derivatives() {
    check_derivatives(4, |random| {
        let (groups, size, rows) = (random.size(1, 3), random.size(2, 4), random.size(1, 5));
        let shape = random.shape(groups * size);
        let layer = GroupNorm::new(groups, groups * size).eps(random.eps());
        (if random.size(0, 3) == 0 { layer.without_affine() } else { layer }, shape, rows)
    });
}

#[test]
fn instance_norm_has_the_right_derivatives() {
    check_derivatives(5, |random| {
        let (channels, rows) = (random.size(1, 4), random.size(1, 5));
        let shape = match random.size(0, 1) {
            0 => [random.size(2, 5), channels].into(),
            _ => [channels, random.size(2, 4), random.size(1, 3)].into(),
        };
        let layer = if random.size(0, 1) == 0 { InstanceNorm::new(channels) } else { InstanceNorm::affine(channels) };
        (layer.eps(random.eps()), shape, rows)
    });
}

#[test]
fn batch_norm_needs_two_values_a_channel() {
    for (shape, width) in [(Shape::Flat(3), 3), ([1, 3].into(), 3), ([3, 1, 1].into(), 3)] {
        let network = Sequential::new(shape).with(BatchNorm::new(3)).unwrap();
        let x = Array2::from_elem((1, width), 2.0);
        let error = Tape::new(&network, 0).forward(&network, &x).unwrap_err();
        assert_eq!(
            error.to_string(),
            "layer 0, BatchNorm(3), takes at least 2 values per channel when training (one has no variance), \
             got a batch of 1 sample"
        );
        assert_eq!(network.predict(&x).unwrap().dim(), (1, width));
        assert!(Tape::new(&network, 0).forward(&network, &Array2::from_elem((2, width), 2.0)).is_ok());
    }
    // An image of two pixels has two values.
    let network = Sequential::new([3, 1, 2]).with(BatchNorm::new(3)).unwrap();
    assert!(Tape::new(&network, 0).forward(&network, &Array2::from_elem((1, 6), 2.0)).is_ok());
}

#[test]
fn running_statistics_are_taken_over_once_a_step() {
    let mut network = Sequential::new(1).with(BatchNorm::new(1).momentum(0.25)).unwrap();
    let statistics = |network: &Sequential<f64>| {
        ["0.running_mean", "0.running_var"].map(|name| network.parameter(name).unwrap()[[0, 0]])
    };
    let (x, target) = (array![[1.0], [3.0], [5.0]], array![[0.0], [0.0], [1.0]]);
    let mut tape = Tape::new(&network, 0);
    tape.forward(&network, &x).unwrap();
    tape.loss(&Mse, &target).unwrap();
    tape.backward(&network).unwrap();
    assert_eq!(statistics(&network), [0.0, 1.0]);
    tape.step(&mut network, &mut Sgd::new(0.0)).unwrap();
    // The mean is 3, the unbiased variance 4.
    assert_eq!(statistics(&network), [0.75, 0.75 + 1.0]);
    // A batch of none has no statistics, and those of the batch before are not taken over again.
    let none = Array2::zeros((0, 1));
    tape.forward(&network, &none).unwrap();
    tape.backward_from(&network, &none).unwrap();
    tape.step(&mut network, &mut Sgd::new(0.0)).unwrap();
    assert_eq!(statistics(&network), [0.75, 1.75]);
    // Frozen, they stay.
    network.freeze(0).unwrap();
    let before = statistics(&network);
    Tape::new(&network, 0).train(&mut network, &x, &target, &Mse, &mut Sgd::new(0.1)).unwrap();
    assert_eq!(statistics(&network), before);
}

/// Predicting uses the running statistics only, so it gives for all batches together what training goes towards.
#[test]
fn batch_norm_predicts_with_the_running_statistics() {
    let layer =
        BatchNorm::from_parameters(array![2.0, 1.0], array![0.5, 0.0], array![1.0, -1.0], array![4.0, 0.25]).unwrap();
    let network = Sequential::new(2).with(layer.eps(1e-12)).unwrap();
    let y = network.predict(&array![[3.0, 0.0]]).unwrap();
    assert!((y[[0, 0]] - 2.5_f64).abs() < 1e-9 && (y[[0, 1]] - 2.0).abs() < 1e-9, "{y}");
}

/// A large offset costs no digits: in f32, numbers around 10,000 are multiples of 1/1024, and their mean is not.
#[test]
fn an_offset_does_not_matter() {
    let mut random = rng(3);
    let small = Array2::from_shape_simple_fn((101, 3), || random.random_range(-2000..2000) as f32 / 1024.0);
    let mut compared = 0;
    let layers: [(Boxed<f32>, Shape); 3] = [
        (Box::new(BatchNorm::new(3)), 3.into()),
        (Box::new(LayerNorm::new(303)), 303.into()),
        (Box::new(InstanceNorm::new(3)), [101, 3].into()),
    ];
    for (layer, shape) in &layers {
        let pass = |offset: f32| {
            let x = small.mapv(|x| x + offset).into_shape_with_order((303 / shape.len(), shape.len())).unwrap();
            let mut tape = Tape::for_layer(&**layer, *shape, 0);
            let y = tape.forward(&**layer, &x).unwrap().clone();
            let dy = Array2::from_shape_fn(x.dim(), |(i, j)| ((i * 5 + j * 3) % 7) as f32);
            (y, tape.backward_from(&**layer, &dy).unwrap().input.clone())
        };
        let ((y, dx), (y_far, dx_far)) = (pass(0.0), pass(8192.0));
        for (near, far) in y.iter().chain(&dx).zip(y_far.iter().chain(&dx_far)) {
            assert!((near - far).abs() < 2e-6, "{layer:?}: {near} {far}");
            compared += 1;
        }
    }
    assert_eq!(compared, 3 * 2 * 303);
}

#[test]
fn sequences_and_images_agree() {
    // The same numbers as a sequence of steps and as an image of one line, in their own orders.
    let sequence = Array2::from_shape_fn((3, 20), |(i, j)| ((i * 31 + j * 17) % 23) as f64);
    let image = |m: &Array2<f64>| {
        let steps = m.clone().into_shape_with_order((m.nrows(), 5, 4)).unwrap().permuted_axes([0, 2, 1]);
        Array2::from_shape_vec((m.nrows(), 20), steps.iter().copied().collect()).unwrap()
    };
    let layers: [Boxed<f64>; 3] =
        [Box::new(BatchNorm::new(4)), Box::new(GroupNorm::new(2, 4)), Box::new(InstanceNorm::new(4))];
    for layer in &layers {
        let y = Tape::for_layer(&**layer, [5, 4], 0).forward(&**layer, &sequence).unwrap().clone();
        let of_image = Tape::for_layer(&**layer, [4, 1, 5], 0).forward(&**layer, &image(&sequence)).unwrap().clone();
        assert!(image(&y).iter().zip(&of_image).all(|(a, b)| (a - b).abs() < 1e-14), "{layer:?}");
    }
}

#[test]
fn impossible_settings_are_errors() {
    let error = |shape: Shape, layer: Boxed<f64>| layer.output_shape(shape).unwrap_err().to_string();
    let [flat, image] = [Shape::Flat(6), [4, 3, 3].into()];
    let cases: Vec<(Shape, Boxed<f64>, &str)> = vec![
        (image, Box::new(BatchNorm::new(3)), "BatchNorm(3) takes 3 channels, got [4, 3, 3] = 36"),
        (flat, Box::new(BatchNorm::new(0)), "BatchNorm's channels must be at least 1, got 0"),
        (flat, Box::new(BatchNorm::new(6).eps(0.0)), "BatchNorm's eps must be positive and finite, got 0"),
        (flat, Box::new(BatchNorm::new(6).momentum(1.5)), "BatchNorm's momentum must be from 0 to 1, got 1.5"),
        (flat, Box::new(LayerNorm::new(5)), "LayerNorm(5) takes 5 features per sample or step, got 6"),
        (image, Box::new(LayerNorm::new(36)), "LayerNorm(36) takes 36 features per sample or step, got [4, 3, 3] = 36"),
        (
            image,
            Box::new(LayerNorm::new([4, 9, 1])),
            "LayerNorm([4, 9, 1]) takes samples of the shape [4, 9, 1], got [4, 3, 3] = 36",
        ),
        (flat, Box::new(LayerNorm::new(0)), "the numbers of LayerNorm(0) must be at least 1, got 0"),
        (flat, Box::new(RmsNorm::new(6).eps(-1.0)), "the eps of RmsNorm(6) must be positive and finite, got -1"),
        (
            image,
            Box::new(GroupNorm::new(3, 4)),
            "the groups of GroupNorm(4 channels in 3 groups) must be at least 1 and a divisor of the channels, got 3",
        ),
        (
            flat,
            Box::new(GroupNorm::new(6, 6)),
            "GroupNorm(6 channels in 6 groups) takes at least 2 values per group (one has no variance), got 6",
        ),
        (
            [6, 1, 1].into(),
            Box::new(InstanceNorm::new(6)),
            "InstanceNorm(6) takes at least 2 values per group (one has no variance), got [6, 1, 1] = 6",
        ),
        (image, Box::new(InstanceNorm::affine(3)), "InstanceNorm(3, affine) takes 3 channels, got [4, 3, 3] = 36"),
    ];
    for (shape, layer, text) in cases {
        assert_eq!(error(shape, layer), text);
    }
    let row = |n| Array1::<f32>::ones(n);
    let error = BatchNorm::from_parameters(row(3), row(3), row(2), row(3)).unwrap_err();
    assert_eq!(error.to_string(), "the running mean of BatchNorm(3) must be 1 x 3, got 1 x 2");
    let error = LayerNorm::from_parameters([2, 3], row(6), row(3)).unwrap_err();
    assert_eq!(error.to_string(), "the bias of LayerNorm([2, 3]) must be 1 x 6, got 1 x 3");
    assert!(RmsNorm::from_parameters(2, row(3)).is_err());
    assert!(GroupNorm::from_parameters(1, row(3), row(2)).is_err());
}
