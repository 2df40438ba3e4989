//! The largest errors of the `f32` functions, activations and slopes of activations, in units in the last place, over
//! all 2³² bit patterns.
//!
//! `cargo run --release --example ulp` takes minutes; with a number n after `--`, it takes every n-th pattern. The
//! reference is the same function in `f64`, whose own errors (about 1e-16) are measured by `tests/math.rs`.

use neuropil::activations::{Abs, Erf, Exp, Log, Power, Sign, Step, Threshold};
use neuropil::prelude::*;

/// Calls `f` compiled for the widest instruction set of this machine.
fn vectorize(f: impl FnMut()) {
    struct Call<F>(F);
    impl<F: FnMut()> pulp::NullaryFnOnce for Call<F> {
        type Output = ();
        #[allow(clippy::inline_always)]
        #[inline(always)]
        fn call(mut self) {
            (self.0)();
        }
    }
    pulp::Arch::new().dispatch(Call(f));
}

/// The error of `y` in units in the last place of the `exact` value.
fn ulp(y: f32, exact: f64) -> f64 {
    let nearest = exact as f32;
    let exponent = (exact.to_bits() >> 52 & 0x7ff).max(1023 - 126);
    let error = ((f64::from(y) - exact) / f64::from_bits((exponent - 23) << 52)).abs();
    let same = y == nearest || y.is_nan() && nearest.is_nan();
    match nearest.is_finite() {
        true if !error.is_nan() => error,
        false if same => 0.0,
        _ => f64::INFINITY,
    }
}

fn sweep(name: &str, step: u32, f: impl Fn(&[f32], &mut [f32], &mut [f64])) {
    const BLOCK: u32 = 1024;
    let (mut x, mut y, mut exact) = ([0.0; BLOCK as usize], [0.0; BLOCK as usize], [0.0; BLOCK as usize]);
    // In units of the last place where the exact value is normal, in units of the smallest subnormal number elsewhere.
    let (mut worst, mut at, mut small, mut count, mut above) = (0.0, 0.0, 0.0, 0_u64, 0_u64);
    for first in (0..=u32::MAX).step_by((BLOCK * step) as usize) {
        for (x, i) in x.iter_mut().zip(0..) {
            *x = f32::from_bits(first.saturating_add(i * step));
        }
        f(&x, &mut y, &mut exact);
        for ((&x, &y), &exact) in x.iter().zip(&y).zip(&exact) {
            let error = ulp(y, exact);
            if exact.abs() < f64::from(f32::MIN_POSITIVE) {
                small = f64::max(small, error);
            } else if error > worst {
                (worst, at) = (error, x);
            }
            above += u64::from(error > 1.0);
            count += 1;
        }
    }
    let percent = 100.0 * above as f64 / count as f64;
    println!("| {name} | {worst:.3} | {at:e} | {small:.3} | {percent:.4} % | {count} |");
}

fn main() {
    let step = std::env::args().nth(1).map_or(1, |step| step.parse().expect("a number"));
    println!("| function | largest error (ULP) | at | where subnormal | above 1 ULP | arguments |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    macro_rules! sweep {
        ($($name:ident)*) => {$(
            sweep(stringify!($name), step, |x, y, exact| {
                vectorize(#[inline(always)] || {
                    for ((&x, y), exact) in x.iter().zip(&mut *y).zip(&mut *exact) {
                        *y = Scalar::$name(x);
                        *exact = Scalar::$name(f64::from(x));
                    }
                });
            });
        )*};
    }
    sweep!(exp exp_m1 ln ln_1p tanh sigmoid erf erfc normal_cdf gelu gelu_slope silu silu_slope mish mish_slope);
    macro_rules! activations {
        ($($f:expr),*) => {$(
            let f = $f;
            sweep(stringify!($f), step, |x, y, exact| {
                vectorize(#[inline(always)] || {
                    for ((&x, y), exact) in x.iter().zip(&mut *y).zip(&mut *exact) {
                        *y = f.apply(x);
                        *exact = f.apply(f64::from(x));
                    }
                });
            });
            sweep(concat!("slope of ", stringify!($f)), step, |x, y, exact| {
                vectorize(#[inline(always)] || {
                    for ((&x, y), exact) in x.iter().zip(&mut *y).zip(&mut *exact) {
                        *y = f.slope(x, f.apply(x));
                        *exact = f.slope(f64::from(x), f.apply(f64::from(x)));
                    }
                });
            });
        )*};
    }
    activations!(
        Abs,
        Celu::default(),
        Elu::default(),
        Erf,
        Exp,
        Gelu,
        GeluTanh,
        HardShrink::default(),
        HardSigmoid,
        HardSwish,
        HardTanh::default(),
        Identity,
        LeakyRelu::default(),
        Log,
        LogSigmoid,
        Mish,
        Power::new(2.0),
        Power::new(0.5),
        Power::new(-0.5),
        Power::new(1.5),
        Relu,
        Relu6,
        Selu,
        Sigmoid,
        Sign,
        Silu,
        SoftShrink::default(),
        Softplus::default(),
        Softsign,
        Step::default(),
        Tanh,
        TanhShrink,
        Threshold::default()
    );
}
