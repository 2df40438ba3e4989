//! Activations and activation-like layers, against reference values and finite differences.

use crate::common;

use common::{Case, F32, F64, Tolerance, assert_close, cases};
use ndarray::{Array1, Array2, ArrayD, Axis, Ix1, array};
use neuropil::activations::{Sign, Step, Threshold};
use neuropil::prelude::*;
use neuropil::rand::Rng;
use neuropil::{gradcheck, ndarray};

type Boxed<A> = Box<dyn Layer<A>>;

/// What the reference values' settings say.
fn layer_of<A: Scalar>(case: &Case) -> Boxed<A> {
    let weight = || case.array("parameters", "weight").unwrap().into_dimensionality::<Ix1>().unwrap();
    match case.op() {
        "relu" => Box::new(Relu),
        "leaky_relu" => Box::new(LeakyRelu::new(case.number("negative_slope"))),
        "elu" => Box::new(Elu::new(case.number("alpha"))),
        "selu" => Box::new(Selu),
        "celu" => Box::new(Celu::new(case.number("alpha"))),
        "gelu" if case.config("approximate") == "tanh" => Box::new(GeluTanh),
        "gelu" => Box::new(Gelu),
        "sigmoid" => Box::new(Sigmoid),
        "tanh" => Box::new(Tanh),
        "silu" => Box::new(Silu),
        "softplus" => Box::new(Softplus::new(case.number("beta"), case.number("threshold"))),
        "softsign" => Box::new(Softsign),
        "mish" => Box::new(Mish),
        "hardsigmoid" => Box::new(HardSigmoid),
        "hardswish" => Box::new(HardSwish),
        "hardtanh" => Box::new(HardTanh::new(case.number("min_val"), case.number("max_val"))),
        "relu6" => Box::new(Relu6),
        "logsigmoid" => Box::new(LogSigmoid),
        "threshold" => Box::new(Threshold::new(case.number("threshold"), case.number("value"))),
        "softshrink" => Box::new(SoftShrink::new(case.number("lambd"))),
        "hardshrink" => Box::new(HardShrink::new(case.number("lambd"))),
        "tanhshrink" => Box::new(TanhShrink),
        "prelu" => Box::new(PRelu::<A>::from_parameters(weight().mapv(A::of))),
        "softmax" => Box::new(Softmax),
        "log_softmax" => Box::new(LogSoftmax),
        op => panic!("{}: no layer for {op}", case.name),
    }
}

/// An array of a case as a batch for its layer, and what a row of it means; the axes that a softmax is over come last,
/// or second as an image's channels.
fn batch(case: &Case, array: &ArrayD<f64>) -> (Array2<f64>, Shape) {
    let dims = array.shape().to_vec();
    let mut array = array.clone();
    let shape = match (case.op(), &dims[..]) {
        ("softmax" | "log_softmax", &[n]) => {
            array = array.insert_axis(Axis(0));
            Shape::Flat(n)
        }
        ("softmax" | "log_softmax", &[n, m]) if case.number("dim") == 0.0 => {
            array.swap_axes(0, 1);
            assert_eq!(m, array.shape()[0]);
            Shape::Flat(n)
        }
        ("softmax" | "log_softmax", &[_, steps, features]) if case.number("dim") == -1.0 => [steps, features].into(),
        (_, &[n]) => {
            array = array.insert_axis(Axis(1));
            assert_eq!(n, array.shape()[0]);
            Shape::Flat(1)
        }
        (_, &[_, n]) => Shape::Flat(n),
        (_, &[_, channels, n]) => [channels, 1, n].into(),
        (_, &[_, channels, height, width]) => [channels, height, width].into(),
        _ => panic!("{}: {dims:?}", case.name),
    };
    let rows = array.shape()[0];
    let numbers = array.iter().copied().collect();
    (Array2::from_shape_vec((rows, shape.len()), numbers).unwrap(), shape)
}

/// Runs all cases of `activations` and returns how many cases and numbers agreed.
fn run<A: Scalar>(tolerance: Tolerance) -> (usize, usize) {
    let (mut count, mut compared) = (0, 0);
    for case in cases("activations") {
        let layer = layer_of::<A>(&case);
        let what = |part: &str| format!("{} {part}, {}", case.name, A::NAME);
        let (x, shape) = batch(&case, &case.array("inputs", "input").unwrap());
        let (want, _) = batch(&case, &case.array("outputs", "output").unwrap());
        // Such inputs underflow to 0 in f32.
        let kept = |&(_, &x): &(usize, &f64)| A::NAME == "f64" || x == 0.0 || x.abs() >= 1e-30 || x.is_nan();
        let keep: Vec<usize> = x.iter().enumerate().filter(kept).map(|(i, _)| i).collect();
        let pick = |m: &Array2<f64>| keep.iter().map(|&i| *m.iter().nth(i).unwrap()).collect::<Vec<_>>();
        let pick_got = |m: &Array2<A>| pick(&m.mapv(Scalar::to_f64));

        let mut tape = Tape::for_layer(&*layer, shape, 0);
        let y = tape.forward(&*layer, &x.mapv(A::of)).unwrap();
        compared += assert_close(&what("output"), pick_got(y), pick(&want), tolerance);
        count += 1;
        let Some(dy) = case.array("upstream", "output") else { continue };
        let (dy, _) = batch(&case, &dy);
        let gradients = tape.backward_from(&*layer, &dy.mapv(A::of)).unwrap();
        let (want, _) = batch(&case, &case.array("gradients", "input").unwrap());
        compared += assert_close(&what("dx"), pick_got(gradients.input), pick(&want), tolerance);
        if let Some(want) = case.array("gradients", "weight") {
            let got = gradients.weights[0].mapv(Scalar::to_f64);
            compared += assert_close(&what("dw"), got, want, tolerance);
        }
    }
    (count, compared)
}

#[test]
fn agrees_with_reference_values() {
    assert_eq!(run::<f64>(F64), (54, 3108));
    assert_eq!(run::<f32>(F32), (54, 3000));
}

fn run_linear<A: Scalar>(tolerance: Tolerance) -> (usize, usize) {
    let (mut count, mut compared) = (0, 0);
    for case in cases("linear") {
        let (inputs, outputs) = (case.number("in_features") as usize, case.number("out_features") as usize);
        // Stored as (outputs, inputs) there.
        let matrix = |group, name, columns| case.matrix(group, name, columns).map(|m: Array2<f64>| m.mapv(A::of));
        let transposed = |group| case.matrix(group, "weight", inputs).unwrap().reversed_axes();
        let weight = transposed("parameters").mapv(A::of);
        let bias = matrix("parameters", "bias", 1).map(|bias| Array1::from_iter(bias));
        assert_eq!(bias.is_some(), case.config("bias").as_bool().unwrap());
        let layer = Dense::from_parameters(weight, bias.clone().unwrap_or_else(|| Array1::from_elem(outputs, A::ZERO)));
        let layer = if bias.is_some() { layer.unwrap() } else { layer.unwrap().without_bias() };

        // An input of three axes is a batch of sequences.
        let dims = case.array("inputs", "input").unwrap().shape().to_vec();
        let steps = if let [_, steps, _] = dims[..] { steps } else { 1 };
        let shape = if dims.len() == 3 { [steps, inputs].into() } else { Shape::Flat(inputs) };
        let x = matrix("inputs", "input", steps * inputs).unwrap();
        let dy = matrix("upstream", "output", steps * outputs).unwrap();

        let what = |part: &str| format!("{} {part}, {}", case.name, A::NAME);
        let mut close = |part: &str, got: &Array2<A>, want: Array2<f64>| {
            compared += assert_close(&what(part), got.iter().map(|x| x.to_f64()), want, tolerance);
        };
        let mut tape = Tape::for_layer(&layer, shape, 0);
        close("output", tape.forward(&layer, &x).unwrap(), case.matrix("outputs", "output", steps * outputs).unwrap());
        let gradients = tape.backward_from(&layer, &dy).unwrap();
        close("dx", gradients.input, case.matrix("gradients", "input", steps * inputs).unwrap());
        close("dw", &gradients.weights[0], transposed("gradients"));
        if bias.is_some() {
            close("db", &gradients.weights[1], case.matrix("gradients", "bias", outputs).unwrap());
        }
        assert_eq!(gradients.weights.len(), 1 + usize::from(bias.is_some()));
        count += 1;
    }
    (count, compared)
}

#[test]
fn dense_agrees_with_reference_values() {
    assert_eq!(run_linear::<f64>(F64), (10, 708));
    assert_eq!(run_linear::<f32>(F32), (10, 708));
}

/// A layer with random settings, and the inputs at which it has no derivative.
struct Random(Boxed<f64>, Vec<f64>);

fn random(layer: impl Layer<f64> + 'static, kinks: &[f64]) -> Random {
    Random(Box::new(layer), kinks.to_vec())
}

/// Checks the derivatives of what `make` makes, in 24 random settings, shapes and batches, away from the kinks.
fn check_derivatives(make: impl Fn(Shape, &mut dyn FnMut(f64, f64) -> f64) -> Random) {
    let (mut compared, mut wanted) = (0, 0);
    for seed in 0..24 {
        let mut rng = rng(seed);
        let mut size = |n: u64| 1 + (rng.next_u64() % n) as usize;
        let rows = size(4);
        let shape = match seed % 3 {
            0 => size(12).into(),
            1 => [size(4), size(5)].into(),
            _ => [size(3), size(3), size(4)].into(),
        };
        let mut between = |low, high| Init::Uniform { low, high }.matrix::<f64>(1, 1, &mut rng)[[0, 0]];
        let Random(layer, kinks) = make(shape, &mut between);
        let away = |x: f64| kinks.iter().fold(x, |x, kink| if (x - kink).abs() < 1e-3 { kink + 0.01 } else { x });
        let x = Init::Uniform { low: -5.0, high: 5.0 }.matrix(rows, shape.len(), &mut rng).mapv(away);
        let report = gradcheck::layer(&*layer, shape, &x, seed).unwrap();
        assert!(report.passes(1e-7), "{layer:?} on {shape}, seed {seed}: {report}");
        compared += report.compared;
        wanted += x.len();
        layer.visit(&mut |_, w| wanted += w.len());
    }
    assert_eq!(compared, wanted);
    assert!(compared >= 100, "only {compared}");
}

#[test]
fn derivatives_agree_with_finite_differences() {
    check_derivatives(|_, between| {
        let threshold = between(-2.0, 2.0);
        random(Step::new(threshold), &[threshold])
    });
    check_derivatives(|_, _| random(Sign, &[0.0]));
    check_derivatives(|_, _| random(Identity, &[]));
    check_derivatives(|_, _| random(Sigmoid, &[]));
    check_derivatives(|_, _| random(Tanh, &[]));
    check_derivatives(|_, _| random(Relu, &[0.0]));
    check_derivatives(|_, between| random(LeakyRelu::new(between(-0.5, 0.5)), &[0.0]));
    check_derivatives(|_, between| random(Elu::new(between(0.1, 3.0)), &[0.0]));
    check_derivatives(|_, _| random(Selu, &[0.0]));
    // The second derivative of a CELU jumps at 0.
    check_derivatives(|_, between| random(Celu::new(between(0.3, 3.0)), &[0.0]));
    check_derivatives(|_, _| random(Gelu, &[]));
    check_derivatives(|_, _| random(GeluTanh, &[]));
    check_derivatives(|_, _| random(Silu, &[]));
    check_derivatives(|_, between| {
        let (beta, threshold) = (between(0.5, 3.0), between(5.0, 20.0));
        random(Softplus::new(beta, threshold), &[threshold / beta])
    });
    check_derivatives(|_, _| random(Softsign, &[0.0]));
    check_derivatives(|_, _| random(Mish, &[]));
    check_derivatives(|_, _| random(HardSigmoid, &[-3.0, 3.0]));
    check_derivatives(|_, _| random(HardSwish, &[-3.0, 3.0]));
    check_derivatives(|_, between| {
        let (min, max) = (between(-2.0, 0.0), between(0.5, 3.0));
        random(HardTanh::new(min, max), &[min, max])
    });
    check_derivatives(|_, _| random(Relu6, &[0.0, 6.0]));
    check_derivatives(|_, _| random(LogSigmoid, &[]));
    check_derivatives(|_, between| {
        let threshold = between(-2.0, 2.0);
        random(Threshold::new(threshold, between(-2.0, 2.0)), &[threshold])
    });
    check_derivatives(|_, between| {
        let lambda = between(0.0, 2.0);
        random(SoftShrink::new(lambda), &[-lambda, lambda])
    });
    check_derivatives(|_, between| {
        let lambda = between(0.0, 2.0);
        random(HardShrink::new(lambda), &[-lambda, lambda])
    });
    check_derivatives(|_, _| random(TanhShrink, &[]));
    check_derivatives(|_, _| random(Softmax, &[]));
    check_derivatives(|_, _| random(LogSoftmax, &[]));
    check_derivatives(|_, between| {
        let lower = between(0.0, 0.3);
        random(RRelu::new(lower, lower + between(0.0, 0.3)), &[0.0])
    });
    check_derivatives(|_, between| random(PRelu::from_parameters(array![between(-0.5, 0.5)]), &[0.0]));
    check_derivatives(|shape, between| {
        let channels = channels(shape);
        random(PRelu::from_parameters((0..channels).map(|_| between(-0.5, 0.5)).collect()), &[0.0])
    });
    check_derivatives(|_, _| random(Flatten, &[]));
}

/// How many channels, or features, a sample or step has.
fn channels(shape: Shape) -> usize {
    match shape {
        Shape::Flat(features) | Shape::Sequence { features, .. } => features,
        Shape::Image { channels, .. } => channels,
    }
}

/// dy/dx at one number.
fn slope_at<A: Scalar>(layer: &dyn Layer<A>, x: f64) -> f64 {
    let mut tape = Tape::for_layer(layer, 1, 0);
    tape.forward(layer, &array![[A::of(x)]]).unwrap();
    tape.backward_from(layer, &array![[A::ONE]]).unwrap().input[[0, 0]].to_f64()
}

fn check_kinks<A: Scalar>() -> usize {
    let cases: [(Boxed<A>, f64, f64); 27] = [
        (Box::new(Relu), 0.0, 0.0),
        (Box::new(Relu6), 0.0, 0.0),
        (Box::new(Relu6), 6.0, 0.0),
        (Box::new(HardTanh::default()), -1.0, 0.0),
        (Box::new(HardTanh::default()), 1.0, 0.0),
        (Box::new(HardTanh::new(-0.5, 2.0)), -0.5, 0.0),
        (Box::new(HardTanh::new(-0.5, 2.0)), 2.0, 0.0),
        (Box::new(HardSigmoid), -3.0, 0.0),
        (Box::new(HardSigmoid), 3.0, 0.0),
        (Box::new(SoftShrink::default()), -0.5, 0.0),
        (Box::new(SoftShrink::default()), 0.5, 0.0),
        (Box::new(HardShrink::default()), -0.5, 0.0),
        (Box::new(HardShrink::default()), 0.5, 0.0),
        (Box::new(Threshold::new(0.5, -2.0)), 0.5, 0.0),
        (Box::new(LeakyRelu::new(0.25)), 0.0, 0.25),
        (Box::new(Elu::new(0.75)), 0.0, 0.75),
        (Box::new(Celu::new(2.0)), 0.0, 1.0),
        (Box::new(Selu), 0.0, A::of(1.758_099_340_847_376_6).to_f64()),
        (Box::new(PRelu::<A>::new()), 0.0, 0.25),
        (Box::new(RRelu::new(0.125, 0.125)), 0.0, 0.125),
        (Box::new(HardSwish), -3.0, 0.0),
        (Box::new(HardSwish), 3.0, 1.0),
        (Box::new(Softplus::new(2.0, 0.0)), 0.0, 0.5),
        (Box::new(Step::new(0.5)), 0.5, 0.0),
        (Box::new(Sign), 0.0, 0.0),
        (Box::new(Softsign), 0.0, 1.0),
        (Box::new(TanhShrink), 0.0, 0.0),
    ];
    let mut compared = 0;
    for (layer, x, want) in &cases {
        assert_eq!(slope_at(&**layer, *x), *want, "{layer:?} at {x}, {}", A::NAME);
        compared += 1;
    }
    compared
}

#[test]
fn derivatives_at_kinks() {
    assert_eq!(check_kinks::<f64>(), 27);
    assert_eq!(check_kinks::<f32>(), 27);
}

/// Limits at -∞ and ∞ of the functions, then of their derivatives.
fn check_limits<A: Scalar>() -> usize {
    const INF: f64 = f64::INFINITY;
    let lambda = A::of(1.050_700_987_355_480_5).to_f64();
    let lambda_alpha = A::of(1.758_099_340_847_376_6).to_f64();
    let cases: [(Boxed<A>, [f64; 2], [f64; 2]); 26] = [
        (Box::new(Step::default()), [0.0, 1.0], [0.0, 0.0]),
        (Box::new(Sign), [-1.0, 1.0], [0.0, 0.0]),
        (Box::new(Identity), [-INF, INF], [1.0, 1.0]),
        (Box::new(Sigmoid), [0.0, 1.0], [0.0, 0.0]),
        (Box::new(Tanh), [-1.0, 1.0], [0.0, 0.0]),
        (Box::new(Relu), [0.0, INF], [0.0, 1.0]),
        (Box::new(LeakyRelu::new(0.25)), [-INF, INF], [0.25, 1.0]),
        (Box::new(Elu::new(2.0)), [-2.0, INF], [0.0, 1.0]),
        (Box::new(Selu), [-lambda_alpha, INF], [0.0, lambda]),
        (Box::new(Celu::new(2.0)), [-2.0, INF], [0.0, 1.0]),
        (Box::new(Gelu), [0.0, INF], [0.0, 1.0]),
        (Box::new(GeluTanh), [0.0, INF], [0.0, 1.0]),
        (Box::new(Silu), [0.0, INF], [0.0, 1.0]),
        (Box::new(Softplus::default()), [0.0, INF], [0.0, 1.0]),
        (Box::new(Softplus::new(1.0, INF)), [0.0, INF], [0.0, 1.0]),
        (Box::new(Softsign), [-1.0, 1.0], [0.0, 0.0]),
        (Box::new(Mish), [0.0, INF], [0.0, 1.0]),
        (Box::new(HardSigmoid), [0.0, 1.0], [0.0, 0.0]),
        (Box::new(HardSwish), [0.0, INF], [0.0, 1.0]),
        (Box::new(HardTanh::default()), [-1.0, 1.0], [0.0, 0.0]),
        (Box::new(Relu6), [0.0, 6.0], [0.0, 0.0]),
        (Box::new(LogSigmoid), [-INF, 0.0], [1.0, 0.0]),
        (Box::new(Threshold::new(0.5, -2.0)), [-2.0, INF], [0.0, 1.0]),
        (Box::new(SoftShrink::default()), [-INF, INF], [1.0, 1.0]),
        (Box::new(HardShrink::default()), [-INF, INF], [1.0, 1.0]),
        (Box::new(TanhShrink), [-INF, INF], [1.0, 1.0]),
    ];
    let mut compared = 0;
    for (layer, limits, slopes) in &cases {
        let what = format!("{layer:?}, {}", A::NAME);
        let mut tape = Tape::for_layer(&**layer, 3, 0);
        let y = tape.forward(&**layer, &array![[-A::INFINITY, A::INFINITY, A::NAN]]).unwrap();
        assert_eq!([y[[0, 0]].to_f64(), y[[0, 1]].to_f64()], *limits, "{what}");
        assert!(y[[0, 2]].is_nan(), "{what}: NaN becomes {}", y[[0, 2]]);
        assert_eq!([slope_at(&**layer, -INF), slope_at(&**layer, INF)], *slopes, "slope of {what}");
        // Far out, but finite: the same within rounding, and never NaN.
        for far in [1e4, 1e10, 1e30] {
            for (x, slope) in [(-far, slopes[0]), (far, slopes[1])] {
                let got = slope_at(&**layer, x);
                assert!((got - slope).abs() < 1e-6, "slope of {what} at {x:e}: {got}");
            }
        }
        compared += 1;
    }
    compared
}

#[test]
fn limits_at_infinity() {
    assert_eq!(check_limits::<f64>(), 26);
    assert_eq!(check_limits::<f32>(), 26);
}

/// Settings without sense are refused when the layer joins a network, and when it is used alone.
#[test]
fn senseless_settings_are_refused() {
    const INF: f64 = f64::INFINITY;
    let cases: [(Boxed<f64>, &str); 18] = [
        (Box::new(Step::new(f64::NAN)), "Step's threshold must be finite, got NaN"),
        (Box::new(LeakyRelu::new(INF)), "LeakyRelu's slope must be finite, got inf"),
        (Box::new(Elu::new(f64::NAN)), "Elu's alpha must be finite, got NaN"),
        (Box::new(Celu::new(0.0)), "Celu's alpha must be above 0 and finite, got 0"),
        (Box::new(Celu::new(-1.0)), "Celu's alpha must be above 0 and finite, got -1"),
        (Box::new(Softplus::new(0.0, 20.0)), "Softplus's beta must be above 0 and finite, got 0"),
        (Box::new(Softplus::new(-2.0, 20.0)), "Softplus's beta must be above 0 and finite, got -2"),
        (Box::new(Softplus::new(1.0, -1.0)), "Softplus's threshold must be at least 0, got -1"),
        (Box::new(Softplus::new(1.0, f64::NAN)), "Softplus's threshold must be at least 0, got NaN"),
        (Box::new(HardTanh::new(1.0, -1.0)), "HardTanh's max must be above its min, got -1"),
        (Box::new(HardTanh::new(0.0, f64::NAN)), "HardTanh's max must be above its min, got NaN"),
        (Box::new(Threshold::new(INF, 0.0)), "Threshold's threshold must be finite, got inf"),
        (Box::new(Threshold::new(0.0, f64::NAN)), "Threshold's value must be finite, got NaN"),
        (Box::new(SoftShrink::new(-0.5)), "SoftShrink's lambda must be at least 0 and finite, got -0.5"),
        (Box::new(HardShrink::new(-0.5)), "HardShrink's lambda must be at least 0 and finite, got -0.5"),
        (Box::new(RRelu::new(-INF, 0.0)), "RRelu's lower slope must be finite, got -inf"),
        (Box::new(RRelu::new(0.5, 0.25)), "RRelu's upper slope must be finite and at least the lower one, got 0.25"),
        (
            Box::new(PRelu::<f64>::per_channel(3)),
            "PRelu(3 slopes) takes 3 channels (a slope for each; or use one slope for all), got 2",
        ),
    ];
    for (layer, want) in &cases {
        let error = layer.output_shape(2.into()).unwrap_err();
        assert_eq!(error.to_string(), *want);
        let error = Tape::for_layer(&**layer, 2, 0).forward(&**layer, &array![[1.0, 2.0]]).unwrap_err();
        assert_eq!(error.to_string(), *want);
    }
    let error = Sequential::<f64>::new(2).with(Tanh).unwrap().with(LeakyRelu::new(f64::NAN)).unwrap_err();
    assert_eq!(error.to_string(), "layer 1, LeakyRelu's slope must be finite, got NaN");
}

#[test]
fn steps_predict_but_do_not_let_learn() {
    let layer = || Dense::from_parameters(array![[1.0], [1.0]], array![-1.5]).unwrap();
    let x = array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
    let and = Sequential::new(2).with(layer()).unwrap().with(Step::default()).unwrap();
    assert_eq!(and.predict(&x).unwrap(), array![[0.0], [0.0], [0.0], [1.0]]);
    let error = Tape::new(&and, 0).forward(&and, &x).unwrap_err().to_string();
    assert!(error.starts_with("layer 1, Step { threshold: 0.0 }, has a derivative of zero"), "{error}");

    let signs = Sequential::new(2).with(layer()).unwrap().with(Sign).unwrap();
    assert_eq!(signs.predict(&x).unwrap(), array![[-1.0], [-1.0], [-1.0], [1.0]]);
    let error = Tape::new(&signs, 0).forward(&signs, &x).unwrap_err().to_string();
    assert!(error.starts_with("layer 1, Sign, has a derivative of zero"), "{error}");

    // Before anything that learns, a step is no obstacle.
    let features = Sequential::new(2).with(Step::new(0.5)).unwrap().with(layer()).unwrap();
    assert!(Tape::new(&features, 0).forward(&features, &x).is_ok());
}
