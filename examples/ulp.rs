//! The errors of the `f32` functions, in units in the last place, over all 2³² bit patterns.

use neuropil::Scalar;

/// The distance of `y` from the `exact` value, in units of the last place of the `f32` nearest to that.
fn ulp(y: f32, exact: f64) -> f64 {
    let nearest = exact as f32;
    if y.to_bits() == nearest.to_bits() || (y.is_nan() && exact.is_nan()) {
        return if exact.is_finite() && nearest.is_finite() {
            ((f64::from(y) - exact) / unit(exact)).abs()
        } else {
            0.0
        };
    }
    if nearest.is_infinite() && y.is_infinite() || y.is_nan() || exact.is_nan() || exact.is_infinite() {
        return f64::INFINITY;
    }
    ((f64::from(y) - exact) / unit(exact)).abs()
}

fn unit(exact: f64) -> f64 {
    let exponent = (exact.abs().to_bits() >> 52) as i32 - 1023;
    2.0_f64.powi(exponent.clamp(-126, 127) - 23)
}

fn main() {
    let step: u32 = std::env::args().nth(1).map_or(1, |step| step.parse().expect("a step"));
    let functions: [(&str, fn(f32) -> f32, fn(f64) -> f64); 6] = [
        ("exp", Scalar::exp, f64::exp),
        ("exp_m1", Scalar::exp_m1, f64::exp_m1),
        ("ln", Scalar::ln, f64::ln),
        ("ln_1p", Scalar::ln_1p, f64::ln_1p),
        ("tanh", Scalar::tanh, f64::tanh),
        ("sigmoid", Scalar::sigmoid, |x| if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) }),
    ];
    for (name, f, exact) in functions {
        let (mut worst, mut at, mut count, mut over) = (0.0, 0.0, 0_u64, 0_u64);
        let mut bits = 0_u32;
        loop {
            let x = f32::from_bits(bits);
            let error = ulp(f(x), exact(f64::from(x)));
            if error > worst {
                (worst, at) = (error, x);
            }
            over += u64::from(error > 1.0);
            count += 1;
            let Some(next) = bits.checked_add(step) else { break };
            bits = next;
        }
        println!(
            "{name:8} {worst:7.3} ULP at {at:e}; {:.4}% above 1; {count} values",
            100.0 * over as f64 / count as f64
        );
    }
}
