//! The functions for `f64`. See `f32` for the purpose of each step.

use core::f64::consts::LOG2_E;

use super::TimesPlus;

/// Adding this rounds a number below 2⁵¹ to an integer, stored in the lowest bits of the sum.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// The leading 32 bits of ln 2 (exact when multiplied by an exponent) and the rest.
const LN_2_HIGH: f64 = 6.93147180369123816490e-01;
const LN_2_LOW: f64 = 1.90821492927058770002e-10;
/// 2⁻¹²⁸.
const SMALL: f64 = f64::from_bits((1023 - 128) << 52);
/// 2⁻⁵¹².
const TINY: f64 = f64::from_bits((1023 - 512) << 52);
/// √(π/2).
const ROOT_HALF_PI: f64 = 1.2533141373155002512;
/// The bits of √½, the smallest mantissa of logarithms.
const SQRT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;
const MANTISSA: u64 = 0x000f_ffff_ffff_ffff;

/// 2ⁿ, from a rounded number whose lowest bits are n + 1023.
#[inline(always)]
fn power_of_two(biased: f64) -> f64 {
    f64::from_bits(biased.to_bits() << 52)
}

/// eʳ - 1 for |r| <= ½ ln 2 as r + r²p(r), where p has degree 9 (2^-57).
#[inline(always)]
fn exp_m1_reduced(r: f64) -> f64 {
    (r * r).times_plus(
        polynomial!(r; 0.50000000000000111022, 0.16666666666666241081, 0.041666666666523424767,
            0.0083333333336134927938, 0.0013888888945906708704, 0.00019841269232052788905, 0.00002480149034978732314,
            2.7557834595153019944e-6, 2.7631340207743037517e-7, 2.4923942445016926075e-8),
        r,
    )
}

/// x = n ln 2 + r: the rounded number whose lowest bits are n + `bias`, and r.
#[inline(always)]
fn reduce(x: f64, bias: f64) -> (f64, f64) {
    let biased = x.times_plus(LOG2_E, ROUND + bias);
    let n = biased - (ROUND + bias);
    (biased, (-n).times_plus(LN_2_LOW, (-n).times_plus(LN_2_HIGH, x)))
}

/// 2ⁿ(1 + q), where n ranges from the smallest subnormal to overflow, beyond one exponent, so 2ⁿ is a product.
#[inline(always)]
pub(crate) fn exp(x: f64) -> f64 {
    let x = if x > 711.0 { 711.0 } else { x };
    let x = if x < -747.0 { -747.0 } else { x };
    let (biased, r) = reduce(x, 2046.0);
    let q = exp_m1_reduced(r);
    let n = biased.to_bits() << 52;
    let half = (n >> 1) & !MANTISSA;
    let rest = f64::from_bits(n.wrapping_sub(half));
    let half = f64::from_bits(half);
    half.times_plus(q, half) * rest
}

/// 2ⁿq + (2ⁿ - 1), all halved so that 2¹⁰²⁴ is in range.
#[inline(always)]
pub(crate) fn exp_m1(x: f64) -> f64 {
    let y = if x > 710.0 { 710.0 } else { x };
    let y = if y < -40.0 { -40.0 } else { y };
    let (biased, r) = reduce(y, 1022.0);
    let (half, q) = (power_of_two(biased), exp_m1_reduced(r));
    let y = half.times_plus(q, half - 0.5) * 2.0;
    if x.abs() < 1e-16 { x } else { y }
}

/// c/(c + c e⁻ˣ), with c = 2⁻¹²⁸ so that e⁻ˣ is in range wherever the quotient is not zero.
#[inline(always)]
pub(crate) fn sigmoid(x: f64) -> f64 {
    let y = if x < -747.0 { 747.0 } else { -x };
    let y = if y < -60.0 { -60.0 } else { y };
    let (biased, r) = reduce(y, 1023.0 - 128.0);
    let (s, q) = (power_of_two(biased), exp_m1_reduced(r));
    // c + s is exact, or its rounding error is added to the small term.
    let sum = s + SMALL;
    SMALL / (sum + s.times_plus(q, SMALL - (sum - s)))
}

/// (1 - z)/(1 + z) with z = e^(-2|x|) = 2ⁿ(1 + q), where 1 ± 2ⁿ is exact.
#[inline(always)]
pub(crate) fn tanh(x: f64) -> f64 {
    let a = x.abs();
    let a = if a > 20.0 { 20.0 } else { a };
    let (biased, r) = reduce(-2.0 * a, 1023.0);
    let s = power_of_two(biased);
    let q = exp_m1_reduced(r);
    ((-s).times_plus(q, 1.0 - s) / s.times_plus(q, 1.0 + s)).copysign(x)
}

/// x = 2ᵉm with √½ <= m < √2; the exponent is converted to a float with `ROUND`, because AVX2 cannot convert 64-bit
/// integers.
#[inline(always)]
fn split_exponent(x: f64) -> (f64, f64) {
    // Exponents are biased by 2048 here, to be positive.
    let offset = x.to_bits().wrapping_sub(SQRT_HALF).wrapping_add(2048 << 52);
    let e = f64::from_bits((offset >> 52) | ROUND.to_bits()) - (ROUND + 2048.0);
    (e, f64::from_bits((offset & MANTISSA) + SQRT_HALF))
}

/// e ln 2 + ln(1 + f), using ln(1 + f) = 2 atanh(s) with s = f/(2 + f), as f - (f²/2 - s(f²/2 + s²p(s²))), where p has
/// degree 6 (2^-59).
#[inline(always)]
fn ln_reduced(e: f64, f: f64) -> f64 {
    let s = f / (2.0 + f);
    let s2 = s * s;
    let p = polynomial!(s2; 0.66666666666667351304, 0.3999999999940910822, 0.28571428743791205118, 0.22222198413333968392,
        0.18183573410927603153, 0.15313799193603941373, 0.14798645872254739819);
    let square = 0.5 * f * f;
    e.times_plus(LN_2_HIGH, f - (square - s.times_plus(s2.times_plus(p, square), e * LN_2_LOW)))
}

/// Splits exponent and mantissa; subnormal numbers are scaled first.
#[inline(always)]
pub(crate) fn ln(x: f64) -> f64 {
    let (scaled, scale) = if x < f64::MIN_POSITIVE { (x * 4_503_599_627_370_496.0, 52.0) } else { (x, 0.0) };
    let (e, m) = split_exponent(scaled);
    let y = ln_reduced(e - scale, m - 1.0);
    let y = if x == 0.0 { f64::NEG_INFINITY } else { y };
    let y = if x < 0.0 { f64::NAN } else { y };
    if x < f64::INFINITY { y } else { x }
}

/// As `ln` of 1 + x, with the rounding error of the sum added to the reduced argument.
#[inline(always)]
pub(crate) fn ln_1p(x: f64) -> f64 {
    let u = 1.0 + x;
    let v = u - 1.0;
    let lost = (1.0 - (u - v)) + (x - v);
    let (e, m) = split_exponent(u);
    let down = if e > 512.0 { 512.0 } else { e };
    let y = ln_reduced(e, (m - 1.0) + lost * power_of_two((ROUND + 1023.0) - down));
    let y = if x == -1.0 { f64::NEG_INFINITY } else { y };
    let y = if x < -1.0 { f64::NAN } else { y };
    let y = if x.abs() < 1e-16 { x } else { y };
    if x < f64::INFINITY { y } else { x }
}

/// e^(-a²) for a >= 0, times 2⁵¹², where a² is a rounded square plus its rounding error.
#[inline(always)]
fn exp_square(a: f64) -> f64 {
    let square = a * a;
    let lost = a.square_error(square);
    let (biased, r) = reduce(-square, 1023.0 + 512.0);
    let q = exp_m1_reduced(r - lost);
    let s = power_of_two(biased);
    s.times_plus(q, s)
}

/// erf(x) for |x| < 1 as x + xp(x²), where p has degree 11 (2^-56).
#[inline(always)]
fn erf_near(x: f64) -> f64 {
    x.times_plus(
        polynomial!(x * x; 0.12837916709551255856, -0.3761263890318334302, 0.11283791670936949014,
            -0.026866170641958616455, 0.0052239775967287032168, -0.00085483254845008800182, 0.00012055280476717905147,
            -0.000014924465157753752308, 1.6444143340311919792e-6, -1.6183925802975360095e-7, 1.3616373170024063979e-8,
            -7.6071235611721401855e-10),
        x,
    )
}

/// e^(a²) erfc(a) for 0 <= a <= 27.5 as a rational function (2^-59.9) of 1/(1.5 + a), whose leading terms dominate for
/// large a.
#[inline(always)]
fn erfc_scaled(a: f64) -> f64 {
    let s = 1.5 + a;
    let t = 1.0 / s;
    let p = polynomial!(t; 0.564189583547886739, 3.9524889419350277, 23.6467171678506644, 92.9544013916796602, 296.902023881617961, 740.313477721834338, 1494.64618060272941, 2400.29709121858064, 3001.3006436739947, 2719.59177104575156, 1468.4460488256345);
    let d = polynomial!(t; 1.0, 5.50560424583562599, 31.9043085332991535, 106.141116641937485, 305.944610303300541, 640.433147292213082, 1086.90815293980349, 1386.33279210013175, 1337.48993367202599, 903.365207187579062, 386.956306611983331, 78.6922443476039711);
    p / (s * d)
}

/// erfc(|x|): e^(-x²) times a rational function, or 1 - erf(|x|) near 0, where that is more accurate.
#[inline(always)]
fn erfc_abs(x: f64) -> f64 {
    let a = x.abs();
    let a = if a > 27.5 { 27.5 } else { a };
    let far = exp_square(a) * erfc_scaled(a) * TINY;
    if a < 0.75 { 1.0 - erf_near(a) } else { far }
}

/// A polynomial near 0, 1 - erfc(|x|) elsewhere.
#[inline(always)]
pub(crate) fn erf(x: f64) -> f64 {
    let far = (1.0 - erfc_abs(x)).copysign(x);
    if x.abs() < 1.0 { erf_near(x) } else { far }
}

/// erfc(|x|), or 2 - erfc(|x|).
#[inline(always)]
pub(crate) fn erfc(x: f64) -> f64 {
    let y = erfc_abs(x);
    if x < 0.0 { 2.0 - y } else { y }
}

/// See `f32`; for 0 <= a <= 38.8, with p of degree 22 (2^-56.5).
#[inline(always)]
fn normal_tail(a: f64) -> (f64, f64, f64, f64) {
    let square = a * a;
    let lost = a.square_error(square);
    let (biased, r) = reduce(-0.5 * square, 1023.0 + 512.0);
    let q = exp_m1_reduced(lost.times_plus(-0.5, r));
    let w = a / 0.5_f64.times_plus(a, 2.5);
    let p = polynomial!(w - 1.0; 0.058939566763295707628, -0.13734350903625817354, 0.14683243751848823673,
        -0.11380731827579727284, 0.068596080606482999803, -0.031912485682403771797,
        0.010621548314919632602, -0.0018448377794664295504, -0.0003114226920836549536,
        0.00028717387815793339109, -0.000043344743110112096128, -0.00002408634393353805681,
        0.000010000012343648100418, 1.6778370787725847775e-6, -1.5938486019426598484e-6,
        -1.0888571808357214605e-7, 2.4691968267203909162e-7, 1.1603201921732943733e-8,
        -3.7987298813917030169e-8, -3.4204504630947699066e-9, 4.6110534245098923089e-9,
        7.9226194783696600033e-10, -1.4770533847243912760e-10);
    let (top, bottom) = (w.times_plus(p, 0.5), ROOT_HALF_PI.times_plus(a, 1.0));
    let inverse = 1.0 / bottom;
    let tail = top * inverse;
    // What the rounding of top, of bottom, and of the quotient lost.
    let (top_lost, bottom_lost) = (w.times_plus(p, 0.5 - top), ROOT_HALF_PI.times_plus(a, 1.0 - bottom));
    let lost = (-tail).times_plus(bottom, top) + (-tail).times_plus(bottom_lost, top_lost);
    (tail, lost * inverse, power_of_two(biased), q)
}

/// Φ(x): the tail, or 1 minus the tail.
#[inline(always)]
pub(crate) fn normal_cdf(x: f64) -> f64 {
    let a = x.abs();
    let (tail, lost, s, q) = normal_tail(if a > 38.8 { 38.8 } else { a });
    let tail = s * (tail + tail.times_plus(q, lost)) * TINY;
    if x > 0.0 { 1.0 - tail } else { tail }
}

/// x - xΦ(-x), and -|x|Φ(-|x|) for x < 0, in which x is a factor before the tail becomes subnormal.
#[inline(always)]
pub(crate) fn gelu(x: f64) -> f64 {
    let a = x.abs();
    let a = if a > 38.8 { 38.8 } else { a };
    let (tail, lost, s, q) = normal_tail(a);
    let far = a * tail;
    let lost = a.times_plus(lost, a.times_plus(tail, -far));
    let far = s * (far + far.times_plus(q, lost.times_plus(q, lost))) * TINY;
    if x < 0.0 { -far } else { x - far }
}

/// See `f32`.
#[inline(always)]
pub(crate) fn gelu_slope(x: f64) -> f64 {
    let a = x.abs();
    let a = if a > 38.8 { 38.8 } else { a };
    let (tail, lost, s, q) = normal_tail(a);
    let part = a.times_plus(-0.39894228040143267794, tail) + lost;
    let below = s * part.times_plus(q, part) * TINY;
    if x > 0.0 { 1.0 - below } else { below }
}

/// See `f32`.
#[inline(always)]
pub(crate) fn silu(x: f64) -> f64 {
    let low = if x < -770.0 { -770.0 } else { x };
    let a = low.abs();
    let (biased, r) = reduce(if a > 770.0 { -770.0 } else { -a }, 1023.0 + 128.0);
    let (s, q) = (power_of_two(biased), exp_m1_reduced(r));
    let below = low * s;
    let (top, scale) = if x < 0.0 { (below.times_plus(q, below), SMALL) } else { (x, 1.0) };
    top / s.times_plus(q, s).times_plus(SMALL, 1.0) * scale
}

/// See `f32`.
#[inline(always)]
pub(crate) fn silu_slope(x: f64) -> f64 {
    let a = x.abs();
    let a = if a > 770.0 { 770.0 } else { a };
    let (biased, r) = reduce(-a, 1023.0 + 128.0);
    let (s, q) = (power_of_two(biased), exp_m1_reduced(r));
    let d = s.times_plus(q, s).times_plus(SMALL, 1.0);
    let part = s * ((d - a) / (d * d));
    let below = part.times_plus(q, part) * SMALL;
    if x > 0.0 { 1.0 - below } else { below }
}

/// See `f32`.
#[inline(always)]
pub(crate) fn mish(x: f64) -> f64 {
    let low = if x < -770.0 { -770.0 } else { x };
    let (biased, r) = reduce(if low > 40.0 { 40.0 } else { low }, 1023.0 + 128.0);
    let (s, q) = (power_of_two(biased), exp_m1_reduced(r));
    let e = s.times_plus(q, s) * SMALL;
    let below = low * s;
    let below = below.times_plus(q, below);
    let (x, part, scale) = if x < 0.0 { (below, e.times_plus(e, e), SMALL) } else { (x, 2.0, 1.0) };
    x * (1.0 - part / e.times_plus(e + 2.0, 2.0)) * scale
}

/// See `f32`.
#[inline(always)]
pub(crate) fn mish_slope(x: f64) -> f64 {
    let x = if x < -770.0 { -770.0 } else { x };
    // From here on, the slope is 1.
    let x = if x > 40.0 { 40.0 } else { x };
    let (biased, r) = reduce(x, 1023.0 + 128.0);
    let (s, q) = (power_of_two(biased), exp_m1_reduced(r));
    let e = s.times_plus(q, s) * SMALL;
    let inverse = 1.0 / e.times_plus(e + 2.0, 2.0);
    let part = 4.0 * x * (e + 1.0) * inverse;
    let below = s * ((part + (e + 2.0)) * inverse);
    let below = below.times_plus(q, below) * SMALL;
    if x > 0.0 { e.times_plus(part, -2.0).times_plus(inverse, 1.0) } else { below }
}
