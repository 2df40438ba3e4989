//! The initializers: their standard deviations as PyTorch defines them, and the samples that they draw.

use crate::common;

use common::{Case, F64, assert_close, cases};
use neuropil::ndarray::Array2;
use neuropil::{Fan, Gain, Init, Scalar, rng};

/// The initializer of a case, and its gain.
fn init(case: &Case) -> (Init, f64) {
    if let Some(gain) = case.config("gain").as_f64() {
        let init = match case.op() {
            "xavier_uniform" => Init::XavierUniform { gain },
            "xavier_normal" => Init::XavierNormal { gain },
            "orthogonal" => Init::Orthogonal { gain },
            other => panic!("no initializer {other}"),
        };
        return (init, gain);
    }
    let gain = match case.config("nonlinearity").as_str().unwrap() {
        "relu" => Gain::Relu,
        "tanh" => Gain::Tanh,
        "leaky_relu" => Gain::LeakyRelu(case.number("a")),
        other => panic!("no gain of {other}"),
    }
    .value();
    let fan = if case.config("mode") == "fan_in" { Fan::In } else { Fan::Out };
    let init = match case.op() {
        "kaiming_uniform" => Init::HeUniform { gain, fan },
        "kaiming_normal" => Init::HeNormal { gain, fan },
        other => panic!("no initializer {other}"),
    };
    (init, gain)
}

/// Mean, standard deviation, and largest absolute value.
fn moments<A: Scalar>(w: &Array2<A>) -> (f64, f64, f64) {
    let n = w.len() as f64;
    let mean = w.iter().map(|w| w.to_f64()).sum::<f64>() / n;
    let variance = w.iter().map(|w| (w.to_f64() - mean).powi(2)).sum::<f64>() / n;
    (mean, variance.sqrt(), w.iter().fold(0.0, |most, w| w.to_f64().abs().max(most)))
}

/// Checks a sample of 200,000 numbers; each limit is five standard errors, which chance exceeds once in two million.
fn assert_spread<A: Scalar>(what: &str, w: &Array2<A>, std: f64, bound: Option<f64>) {
    let n = w.len() as f64;
    let (mean, found, most) = moments(w);
    assert!(mean.abs() < 5.0 * std / n.sqrt(), "{what}: mean {mean}");
    // The variance of s² is (kurtosis - 1)σ⁴/n, with a kurtosis of 1.8 for even numbers and of 3 for a bell.
    let kurtosis = if bound.is_some() { 1.8 } else { 3.0 };
    let error = std * ((kurtosis - 1.0) / (4.0 * n)).sqrt();
    assert!((found - std).abs() < 5.0 * error, "{what}: standard deviation {found}, not {std}");
    if let Some(bound) = bound {
        // The largest of n misses the bound by more than 20/n with a probability of e⁻²⁰.
        let bound = A::of(bound).to_f64();
        assert!(most <= bound && most > bound * (1.0 - 20.0 / n), "{what}: {most}, bound {bound}");
    } else {
        // Of n normal numbers the largest is beyond 4σ; beyond 7σ it is once in two million.
        assert!(most > 4.0 * std && most < 7.0 * std, "{what}: {most}, σ {std}");
    }
}

#[test]
fn spreads_are_those_of_pytorch() {
    let mut compared = 0;
    for case in cases("initializers") {
        if case.op() == "orthogonal" {
            continue;
        }
        let output = |name| case.array("outputs", name).map(|array| array.sum());
        let (fan_in, fan_out) = (output("fan_in").unwrap(), output("fan_out").unwrap());
        let shape: Vec<usize> = common::numbers(case.config("shape")).iter().map(|n| *n as usize).collect();
        let field: usize = shape[2..].iter().product();
        compared +=
            assert_close("fans", [(shape[1] * field) as f64, (shape[0] * field) as f64], [fan_in, fan_out], F64);

        let (init, gain) = init(&case);
        compared += assert_close("gain", [gain], [output("gain").unwrap_or(gain)], F64);
        let (fan_in, fan_out) = (fan_in as usize, fan_out as usize);
        let (std, bound) = (output("std").unwrap(), output("bound"));
        compared += match (init.with_fans(fan_in, fan_out), bound) {
            (Init::Uniform { low, high }, Some(bound)) => {
                assert_close(&case.name, [-low, high, high / 3.0_f64.sqrt()], [bound, bound, std], F64)
            }
            (Init::Normal { mean, std: got }, None) => assert_close(&case.name, [mean, got], [0.0, std], F64),
            other => panic!("{}: {other:?}", case.name),
        };

        let w = init.matrix_with_fans::<f64>(500, 400, fan_in, fan_out, &mut rng(1));
        assert_spread(&case.name, &w, std, bound);
        let rounded = init.matrix_with_fans::<f32>(500, 400, fan_in, fan_out, &mut rng(1));
        assert_spread(&case.name, &rounded, std, bound);
        assert_eq!(rounded, w.mapv(|w| w as f32), "{}: the same draws", case.name);
    }
    // Ten cases: two fans and a gain each; three numbers for the six uniform kinds, two for the four normal ones.
    assert_eq!(compared, 10 * 3 + 6 * 3 + 4 * 2);
}

#[test]
fn orthogonal_matrices_have_the_gram_matrices_of_the_reference() {
    let mut compared = 0;
    for case in cases("initializers") {
        if case.op() != "orthogonal" {
            continue;
        }
        let (init, _) = init(&case);
        let shape: Vec<usize> = common::numbers(case.config("shape")).iter().map(|n| *n as usize).collect();
        let (rows, columns) = (shape[0], shape[1..].iter().product());
        let want = case.array("outputs", "gram").unwrap();
        let gram = |m: &Array2<f64>| if case.config("orthonormal") == "rows" { m.dot(&m.t()) } else { m.t().dot(m) };
        for seed in 0..20 {
            let w = init.matrix::<f64>(rows, columns, &mut rng(seed));
            compared += assert_close(&case.name, gram(&w), want.iter().copied(), F64);
            let w = init.matrix::<f32>(rows, columns, &mut rng(seed)).mapv(f64::from);
            compared += assert_close(&case.name, gram(&w), want.iter().copied(), common::F32);
        }
    }
    assert_eq!(compared, 3 * 20 * 2 * 16);
}

#[test]
fn a_large_orthogonal_matrix_stays_orthogonal_and_favors_no_direction() {
    let q = Init::ORTHOGONAL.matrix::<f64>(200, 200, &mut rng(3));
    let gram = q.t().dot(&q);
    let worst = gram.indexed_iter().map(|((i, j), g)| (g - f64::from(u8::from(i == j))).abs()).fold(0.0, f64::max);
    assert!(worst < 1e-14, "{worst:e}");
    // A QR without its signs put right has diagonal entries of one sign only.
    let (mut positive, mut off_diagonal) = (0, 0);
    for seed in 0..400 {
        let q = Init::ORTHOGONAL.matrix::<f64>(3, 3, &mut rng(seed));
        positive += q.diag().iter().filter(|x| **x > 0.0).count();
        off_diagonal += usize::from(q[[2, 0]] > 0.0);
    }
    // 1,200 and 400 coins.
    assert!(positive.abs_diff(600) < 5 * 18 && off_diagonal.abs_diff(200) < 5 * 10, "{positive}, {off_diagonal}");
}

#[test]
fn lecun_standard_and_constant_kinds() {
    let std = 1.0 / 12.0;
    assert_eq!(Init::LeCunNormal.with_fans(144, 7), Init::Normal { mean: 0.0, std });
    let Init::Uniform { low, high } = Init::LeCunUniform.with_fans(144, 7) else { panic!("it is uniform") };
    assert_eq!(assert_close("LeCun", [-low, high], [3.0_f64.sqrt() * std; 2], F64), 2);
    assert_spread("LeCun", &Init::LeCunUniform.matrix_with_fans::<f32>(500, 400, 144, 7, &mut rng(2)), std, Some(high));

    let w = Init::STANDARD_NORMAL.matrix::<f64>(500, 400, &mut rng(2));
    assert_spread("normal", &w, 1.0, None);
    let small = Init::Normal { mean: 0.0, std: 0.01 }.matrix::<f64>(500, 400, &mut rng(2));
    assert_eq!(small, w * 0.01);

    let w = Init::STANDARD_UNIFORM.matrix::<f64>(500, 400, &mut rng(2)) - 0.5;
    assert_spread("uniform", &w, 1.0 / 12.0_f64.sqrt(), Some(0.5));

    assert_eq!(Init::Zeros.matrix::<f32>(3, 2, &mut rng(0)), Array2::<f32>::zeros((3, 2)));
    assert_eq!(Init::Constant(0.5).matrix::<f32>(3, 2, &mut rng(0)), Array2::from_elem((3, 2), 0.5));
    assert_eq!(Init::HE_NORMAL.matrix::<f32>(0, 4, &mut rng(0)).dim(), (0, 4));
}

#[test]
fn gains() {
    let gains = [Gain::Linear, Gain::Sigmoid, Gain::Tanh, Gain::Relu, Gain::LeakyRelu(0.01), Gain::Selu];
    let want = [1.0, 1.0, 5.0 / 3.0, 2.0_f64.sqrt(), (2.0 / 1.0001_f64).sqrt(), 0.75];
    assert_eq!(assert_close("gain", gains.map(Gain::value), want, F64), 6);
}

/// Where f32 numbers are sparse, rounding must not reach the upper bound.
#[test]
fn uniform_numbers_stay_below_their_upper_bound_in_f32() {
    let (low, high) = (1.0, 1.0 + 4.0 * f64::from(f32::EPSILON));
    let w = Init::Uniform { low, high }.matrix::<f32>(100, 100, &mut rng(5));
    let mut seen = [0; 4];
    for w in &w {
        seen[((f64::from(*w) - low) / f64::from(f32::EPSILON)) as usize] += 1;
    }
    assert!(seen.iter().all(|count| *count > 2000), "{seen:?}");
    // Nothing lies between two neighbors but the lower one.
    let (low, high) = (1.0, 1.0 + f64::from(f32::EPSILON));
    let w = Init::Uniform { low, high }.matrix::<f32>(10, 10, &mut rng(5));
    assert_eq!(w, Array2::<f32>::ones((10, 10)));
    assert_eq!(Init::Uniform { low: 2.0, high: 2.0 }.matrix::<f64>(1, 1, &mut rng(5))[[0, 0]], 2.0);
}

/// The mean and standard deviation of the standard bell in [a, b], from Simpson's rule.
fn truncated_moments(a: f64, b: f64) -> (f64, f64) {
    let (mut mass, mut first, mut second) = (0.0, 0.0, 0.0);
    let steps = 20_000;
    for i in 0..=steps {
        let z = a + (b - a) * f64::from(i) / f64::from(steps);
        let weight = if i == 0 || i == steps { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
        // Relative to the height at a, so that far tails do not vanish.
        let height = weight * (0.5 * (a - z) * (a + z)).exp();
        mass += height;
        first += height * z;
        second += height * z * z;
    }
    let mean = first / mass;
    (mean, (second / mass - mean * mean).sqrt())
}

#[test]
fn truncated_normal_numbers_follow_the_bell_between_their_bounds() {
    // Around the center, on one side, in the tail, far in the tail, and practically not truncated.
    for (a, b) in [(-2.0, 2.0), (0.5, 3.0), (-1.5, -0.5), (4.0, 9.0), (-30.0, -20.0), (-8.0, 8.0)] {
        let (mean, std) = truncated_moments(a, b);
        let (center, scale) = (0.3, 0.02);
        let (low, high) = (center + scale * a, center + scale * b);
        let w = Init::TruncatedNormal { mean: center, std: scale, low, high }.matrix::<f64>(200, 200, &mut rng(8));
        let z = w.mapv(|w| (w - center) / scale);
        let (got_mean, got_std, _) = moments(&z);
        let n = z.len() as f64;
        assert!((got_mean - mean).abs() < 5.0 * std / n.sqrt(), "[{a}, {b}]: mean {got_mean}, not {mean}");
        // An exponential tail has the largest kurtosis of them all, 9.
        assert!((got_std - std).abs() < 5.0 * std * (8.0 / (4.0 * n)).sqrt(), "[{a}, {b}]: {got_std}, not {std}");
        assert!(w.iter().all(|w| (low..=high).contains(w)), "[{a}, {b}]");
        let rounded =
            Init::TruncatedNormal { mean: center, std: scale, low, high }.matrix::<f32>(200, 200, &mut rng(8));
        assert!(rounded.iter().all(|w| (low as f32..=high as f32).contains(w)), "[{a}, {b}] in f32");
    }
    let open = Init::TruncatedNormal { mean: 0.0, std: 1.0, low: f64::NEG_INFINITY, high: f64::INFINITY };
    assert_spread("open", &open.matrix::<f64>(500, 400, &mut rng(8)), 1.0, None);
    // Bounds so far out that the bell is zero there.
    let far = Init::TruncatedNormal { mean: 0.0, std: 1.0, low: 1e10, high: 1e11 };
    assert!(far.matrix::<f64>(2, 2, &mut rng(8)).iter().all(|w| (1e10..1.000_001e10).contains(w)));
}

#[test]
fn settings_without_a_meaning_give_nan() {
    let (nan, infinity) = (f64::NAN, f64::INFINITY);
    let truncated = |mean, std, low, high| Init::TruncatedNormal { mean, std, low, high };
    let meaningless = [
        Init::Uniform { low: 1.0, high: 0.0 },
        Init::Uniform { low: nan, high: 0.0 },
        Init::Uniform { low: 0.0, high: nan },
        Init::Normal { mean: nan, std: 1.0 },
        Init::Normal { mean: 0.0, std: nan },
        Init::XavierUniform { gain: nan },
        Init::XavierUniform { gain: -1.0 },
        Init::HeNormal { gain: nan, fan: Fan::In },
        Init::Orthogonal { gain: nan },
        truncated(0.0, 1.0, 1.0, -1.0),
        truncated(0.0, 0.0, -1.0, 1.0),
        truncated(0.0, -1.0, -1.0, 1.0),
        truncated(nan, 1.0, -1.0, 1.0),
        truncated(infinity, 1.0, -1.0, infinity),
        truncated(0.0, infinity, -infinity, infinity),
        truncated(0.0, nan, -1.0, 1.0),
        truncated(0.0, 1.0, nan, 1.0),
        truncated(0.0, 1.0, -1.0, nan),
        Init::Constant(nan),
    ];
    for init in meaningless {
        let w = init.matrix::<f64>(2, 3, &mut rng(0));
        assert!(w.iter().all(|w| w.is_nan()), "{init:?}: {w}");
    }
}
