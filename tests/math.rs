//! The errors of the transcendental functions.

use neuropil::activations::Power;
use neuropil::prelude::*;

/// A function with its fixture name, bound in `f64`, and bound in `f32`, in units in the last place.
type Case = (&'static str, fn(f64) -> f64, fn(f32) -> f32, f64, f64);

const CASES: [Case; 12] = [
    ("exp", Scalar::exp, Scalar::exp, 2.0, 1.0),
    ("exp_m1", Scalar::exp_m1, Scalar::exp_m1, 2.0, 1.6),
    ("ln", Scalar::ln, Scalar::ln, 2.0, 1.0),
    ("ln_1p", Scalar::ln_1p, Scalar::ln_1p, 2.0, 1.5),
    ("tanh", Scalar::tanh, Scalar::tanh, 3.0, 2.0),
    ("sigmoid", Scalar::sigmoid, Scalar::sigmoid, 3.0, 2.0),
    ("erf", Scalar::erf, Scalar::erf, 3.0, 2.0),
    ("erfc", Scalar::erfc, Scalar::erfc, 4.0, 1.0),
    ("normal_cdf", Scalar::normal_cdf, Scalar::normal_cdf, 4.0, 3.5),
    ("gelu", Scalar::gelu, Scalar::gelu, 4.0, 4.0),
    ("silu", Scalar::silu, Scalar::silu, 4.0, 3.5),
    ("mish", Scalar::mish, Scalar::mish, 4.0, 4.0),
];

/// The derivatives of three of them.
const SLOPES: [Case; 3] = [
    ("gelu_slope", Scalar::gelu_slope, Scalar::gelu_slope, 4.0, 4.0),
    ("silu_slope", Scalar::silu_slope, Scalar::silu_slope, 4.0, 4.0),
    ("mish_slope", Scalar::mish_slope, Scalar::mish_slope, 4.0, 6.0),
];

/// The value of one unit in the last place of a normal or subnormal `f32` or `f64` at `y`.
fn unit(y: f64, digits: i32, smallest: i32) -> f64 {
    let exponent = ((y.abs().to_bits() >> 52) as i32 - 1023).max(smallest);
    // In two factors: 2^-1074 is less than `powi` can go down to in one.
    2.0_f64.powi(exponent / 2 - digits) * 2.0_f64.powi(exponent - exponent / 2)
}

#[test]
fn f64_is_near_the_exact_values() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/math_f64.json")).unwrap();
    let fixture: serde_json::Value = serde_json::from_str(&text).unwrap();
    // One unit of the smallest subnormal number.
    let tails = [("gelu_tail", CASES[9]), ("silu_tail", CASES[10]), ("mish_tail", CASES[11])]
        .map(|(name, (_, f, g, ..))| (name, f, g, 1.0, 1.0));
    for (name, f, _, bound, _) in CASES.into_iter().chain(SLOPES).chain(tails) {
        let rows = fixture[name].as_array().unwrap();
        assert!(rows.len() >= 300, "{name}: {} rows", rows.len());
        let bits = |value: &serde_json::Value| u64::from_str_radix(value.as_str().unwrap(), 16).unwrap();
        let mut worst = (0.0, 0.0);
        for row in rows {
            let (x, nearest, rest) = (f64::from_bits(bits(&row[0])), bits(&row[1]), row[2].as_f64().unwrap());
            let y = f(x).to_bits();
            let sign = if nearest >> 63 == 1 { -1.0 } else { 1.0 };
            let error = (sign * (y.cast_signed() - nearest.cast_signed()) as f64 - rest).abs();
            if error > worst.0 {
                worst = (error, x);
            }
        }
        println!("{name:10} {:.3} at {:e}", worst.0, worst.1);
        assert!(worst.0 <= bound, "{name}: {} ULP at {:e}", worst.0, worst.1);
    }
}

/// Against `f64`, which the test above checks.
#[test]
fn f32_is_near_the_exact_values() {
    for (name, exact, f, _, bound) in CASES {
        let (mut worst, mut count) = ((0.0, 0.0), 0);
        for bits in (0..=u32::MAX).step_by(4099) {
            let x = f32::from_bits(bits);
            let (y, exact) = (f64::from(f(x)), exact(f64::from(x)));
            if exact.is_nan() {
                assert!(y.is_nan(), "{name}({x:e}) = {y:e}");
            } else if (exact as f32).is_infinite() {
                assert_eq!(y, f64::from(exact as f32), "{name}({x:e})");
            } else {
                let error = ((y - exact) / unit(exact, 23, -126)).abs();
                assert!(!error.is_nan(), "{name}({x:e}) = {y:e}");
                if error > worst.0 {
                    worst = (error, x);
                }
                count += 1;
            }
        }
        println!("{name:10} {:.3} at {:e} of {count}", worst.0, worst.1);
        assert!(worst.0 <= bound, "{name}: {} ULP at {:e}", worst.0, worst.1);
        assert!(count > 400_000, "{name}: {count} values");
    }
}

/// Each number in the tails, in units of the last place, or of the smallest subnormal number; every 61st here, all of
/// them with 1 instead.
#[test]
fn f32_tails_are_near_the_exact_values() {
    for (from, to, name, exact, f, bound) in [
        (12.9_f32, 14.6_f32, "gelu", f64::gelu as fn(f64) -> f64, f32::gelu as fn(f32) -> f32, 1.0),
        (91.0, 110.0, "silu", f64::silu, f32::silu, 1.0),
        (91.0, 110.0, "mish", f64::mish, f32::mish, 1.0),
        (12.9, 15.5, "gelu_slope", f64::gelu_slope, f32::gelu_slope, 2.0),
        (91.0, 110.0, "silu_slope", f64::silu_slope, f32::silu_slope, 2.0),
        (91.0, 110.0, "mish_slope", f64::mish_slope, f32::mish_slope, 2.0),
    ] {
        let (mut worst, mut count, mut small) = ((0.0, 0.0), 0, 0);
        for bits in (from.to_bits()..=to.to_bits()).step_by(61) {
            let x = -f32::from_bits(bits);
            let (y, exact) = (f(x), exact(f64::from(x)));
            let subnormal = exact.abs() < f64::from(f32::MIN_POSITIVE);
            let error = ((f64::from(y) - exact) / unit(exact, 23, -126)).abs();
            // The normal numbers have their bounds above.
            if subnormal && error > worst.0 {
                worst = (error, x);
            }
            count += usize::from(subnormal);
            small += usize::from(y != 0.0);
        }
        println!("{name:10} {:.3} at {:e} of {count}", worst.0, worst.1);
        assert!(worst.0 <= bound, "{name}: {} units at {:e}", worst.0, worst.1);
        assert!(count > 15_000 && small > 15_000, "{name}: {count} subnormal, {small} not 0");
    }
}

/// Except where they cross zero, where the error is small beside the parts that cancel.
#[test]
fn f32_slopes_are_near_the_exact_values() {
    for (name, exact, f, _, bound) in SLOPES {
        let (mut worst, mut count) = ((0.0, 0.0), 0);
        for bits in (0..=u32::MAX).step_by(4099) {
            let x = f32::from_bits(bits);
            let (y, exact) = (f64::from(f(x)), exact(f64::from(x)));
            let near_zero = (-4.0..-0.3).contains(&x);
            let error = ((y - exact) / unit(if near_zero { 0.5 } else { exact }, 23, -126)).abs();
            assert_eq!(error.is_nan(), x.is_nan(), "{name}({x:e}) = {y:e}");
            if error > worst.0 {
                worst = (error, x);
            }
            count += usize::from(!x.is_nan());
        }
        println!("{name:10} {:.3} at {:e} of {count}", worst.0, worst.1);
        assert!(worst.0 <= bound, "{name}: {} ULP at {:e}", worst.0, worst.1);
        assert!(count > 1_000_000, "{name}: {count} values");
    }
}

fn limits<A: Scalar>() {
    let [zero, one, infinity] = [A::ZERO, A::ONE, A::INFINITY];
    let same = |got: A, want: A| {
        let same = got == want && (A::ONE / got > A::ZERO) == (A::ONE / want > A::ZERO);
        assert!(same || got.is_nan() && want.is_nan(), "got {got}, want {want}");
    };
    for f in [
        A::exp,
        A::exp_m1,
        A::ln,
        A::ln_1p,
        A::tanh,
        A::sigmoid,
        A::erf,
        A::erfc,
        A::normal_cdf,
        A::gelu,
        A::gelu_slope,
        A::silu,
        A::silu_slope,
        A::mish,
        A::mish_slope,
    ] {
        same(f(A::NAN), A::NAN);
        same(f(-A::NAN), A::NAN);
    }
    for f in [A::exp_m1, A::ln_1p, A::tanh, A::erf] {
        same(f(zero), zero);
        same(f(-zero), -zero);
        for tiny in [A::of(1e-30), A::of(1e-40), A::EPSILON * A::EPSILON] {
            let rounding = A::EPSILON * tiny;
            assert!((f(tiny) / A::of(2.0 / std::f64::consts::PI.sqrt()) - tiny).abs() <= rounding || f(tiny) == tiny);
            same(f(-tiny), -f(tiny));
        }
    }
    for (f, points) in [
        (A::exp as fn(A) -> A, [(-infinity, zero), (infinity, infinity), (zero, one)]),
        (A::exp_m1, [(-infinity, -one), (infinity, infinity), (A::of(800.0), infinity)]),
        (A::ln, [(zero, -infinity), (infinity, infinity), (one, zero)]),
        (A::ln, [(-zero, -infinity), (-one, A::NAN), (-infinity, A::NAN)]),
        (A::ln_1p, [(-one, -infinity), (infinity, infinity), (-A::of(2.0), A::NAN)]),
        (A::tanh, [(-infinity, -one), (infinity, one), (A::of(-1e4), -one)]),
        (A::sigmoid, [(-infinity, zero), (infinity, one), (zero, A::of(0.5))]),
        (A::erf, [(-infinity, -one), (infinity, one), (A::of(-1e4), -one)]),
        (A::erfc, [(-infinity, A::of(2.0)), (infinity, zero), (zero, one)]),
        (A::normal_cdf, [(-infinity, zero), (infinity, one), (zero, A::of(0.5))]),
        (A::gelu, [(-infinity, -zero), (infinity, infinity), (zero, zero)]),
        (A::silu, [(-infinity, -zero), (infinity, infinity), (zero, zero)]),
        (A::mish, [(-infinity, -zero), (infinity, infinity), (zero, zero)]),
        (A::gelu_slope, [(-infinity, -zero), (infinity, one), (zero, A::of(0.5))]),
        (A::silu_slope, [(-infinity, -zero), (infinity, one), (zero, A::of(0.5))]),
        (A::mish_slope, [(-infinity, -zero), (infinity, one), (A::of(800.0), one)]),
        (A::gelu, [(A::of(50.0), A::of(50.0)), (A::of(-50.0), -zero), (-zero, -zero)]),
        (A::silu, [(A::of(800.0), A::of(800.0)), (A::of(-800.0), -zero), (-zero, -zero)]),
        (A::mish, [(A::of(800.0), A::of(800.0)), (A::of(-800.0), -zero), (-zero, -zero)]),
    ] {
        for (x, y) in points {
            same(f(x), y);
        }
    }
}

#[test]
fn limits_are_right() {
    limits::<f32>();
    limits::<f64>();
}

#[test]
fn nan_with_a_payload_stays_nan() {
    for payload in [1_u32, 0x7f, 0x1ff, 0x003f_ffff] {
        for sign in [0, 1 << 31] {
            let x = f32::from_bits(sign | 0x7fc0_0000 | payload);
            let y = f64::from_bits(u64::from(sign) << 32 | 0x7ff8_0000_0000_0000 | u64::from(payload));
            for (_, double, single, _, _) in CASES {
                assert!(single(x).is_nan() && double(y).is_nan());
            }
        }
    }
}

/// Both tails keep their relative accuracy down to subnormal numbers.
#[test]
fn tails_do_not_vanish() {
    assert!((Scalar::sigmoid(-100.0_f32) / Scalar::exp(-100.0_f32) - 1.0).abs() < 0.1);
    assert_eq!(Scalar::sigmoid(-700.0_f64), Scalar::exp(-700.0_f64));
    assert_eq!(Scalar::erfc(10.0_f32), 2.088_487_6e-45_f64 as f32);
    assert!((Scalar::erfc(26.0_f64) / 5.663_192_408_856_143e-296 - 1.0).abs() < 1e-15);
}

/// Where a slope is small, its digits count: slopes multiply in a network.
#[test]
fn slopes_keep_their_digits_in_the_tails() {
    fn close<A: Scalar>(what: &str, got: A, want: f64) {
        assert!((got.to_f64() / want - 1.0).abs() < 4.0 * A::EPSILON.to_f64(), "{what}: {got} is not {want}");
    }
    fn all<A: Scalar>(largest: i32) -> usize {
        let mut count = 0;
        for i in 1..=largest {
            let x = f64::from(i) * 1.25;
            let slope = |f: &dyn Fn(A) -> A| f(A::of(-x));
            close("Elu", slope(&|x| Elu::new(2.0).slope(x, Elu::new(2.0).apply(x))), 2.0 * (-x).exp());
            close("Celu", slope(&|x| Celu::new(2.0).slope(x, Celu::new(2.0).apply(x))), (-x / 2.0).exp());
            close("Selu", slope(&|x| Selu.slope(x, Selu.apply(x))), 1.758_099_340_847_376_6 * (-x).exp());
            close("Sigmoid", slope(&|x| Sigmoid.slope(x, Sigmoid.apply(x))), (-x).exp() / (1.0 + (-x).exp()).powi(2));
            let half = A::of(-x / 2.0);
            let tanh = 4.0 * (-x).exp() / (1.0 + (-x).exp()).powi(2);
            close("Tanh", Tanh.slope(half, Tanh.apply(half)), tanh);
            close("Tanh", Tanh.slope(-half, Tanh.apply(-half)), tanh);
            count += 6;
        }
        count
    }
    assert_eq!(all::<f32>(68) + all::<f64>(560), 6 * 628);
}

/// Powers that need no logarithm are not computed by one.
#[test]
fn common_powers_are_exact() {
    let mut compared = 0;
    for x in [0.7_f64, 3.0, 1e-3, 5e10] {
        for (p, want) in [
            (0.0, 1.0),
            (1.0, x),
            (2.0, x * x),
            (3.0, x * x * x),
            (0.5, x.sqrt()),
            (-0.5, 1.0 / x.sqrt()),
            (-1.0, 1.0 / x),
            (-2.0, 1.0 / (x * x)),
        ] {
            assert_eq!(Power::new(p).apply(x), want, "{x} to the {p}");
            let source = Power::new(p).rust_expression(&|x| x.to_string()).unwrap();
            assert!(!source.contains("math::ln"), "{source}");
            compared += 1;
        }
    }
    assert_eq!(compared, 32);
}
