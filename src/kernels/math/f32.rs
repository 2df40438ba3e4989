//! The functions for `f32`.

use core::f32::consts::LOG2_E;

use super::TimesPlus;

/// Adding this rounds a number below 2²² to an integer, stored in the lowest bits of the sum.
const ROUND: f32 = 12_582_912.0;
/// The leading 15 bits of ln 2 (exact when multiplied by an exponent) and the rest.
const LN_2_HIGH: f32 = 0.693_145_75;
const LN_2_LOW: f32 = 1.428_606_8e-6;
/// 2⁻⁶⁴.
const TINY: f32 = 1.0 / 18_446_744_073_709_551_616.0;
/// √(π/2).
const ROOT_HALF_PI: f32 = 1.253_314_1;
/// The bits of √½, the smallest mantissa of logarithms.
const SQRT_HALF: u32 = 0x3f35_04f3;

/// 2ⁿ, from a rounded number whose lowest bits are n + 127.
#[inline(always)]
fn power_of_two(biased: f32) -> f32 {
    f32::from_bits(biased.to_bits() << 23)
}

/// eʳ - 1 for |r| <= ½ ln 2 as r + r²p(r), where p has degree 4 (2^-28.2).
#[inline(always)]
fn exp_m1_reduced(r: f32) -> f32 {
    (r * r).times_plus(polynomial!(r; 0.499_999_94, 0.166_665_17, 0.041_668_102, 0.008_369_192, 0.001_383_890_4), r)
}

/// x = n ln 2 + r: the rounded number whose lowest bits are n + `bias`, and r.
#[inline(always)]
fn reduce(x: f32, bias: f32) -> (f32, f32) {
    let biased = x.times_plus(LOG2_E, ROUND + bias);
    let n = biased - (ROUND + bias);
    (biased, (-n).times_plus(LN_2_LOW, (-n).times_plus(LN_2_HIGH, x)))
}

/// 2ⁿ(1 + q), where n ranges from the smallest subnormal to overflow, beyond one exponent, so 2ⁿ is a product.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    let x = if x > 90.0 { 90.0 } else { x };
    let x = if x < -105.0 { -105.0 } else { x };
    let (biased, r) = reduce(x, 254.0);
    let q = exp_m1_reduced(r);
    let n = biased.to_bits() << 23;
    let half = (n >> 1) & 0x7f80_0000;
    let rest = f32::from_bits(n.wrapping_sub(half));
    let half = f32::from_bits(half);
    half.times_plus(q, half) * rest
}

/// 2ⁿq + (2ⁿ - 1), all halved so that 2¹²⁸ is in range.
#[inline(always)]
pub(crate) fn exp_m1(x: f32) -> f32 {
    let y = if x > 89.0 { 89.0 } else { x };
    let y = if y < -20.0 { -20.0 } else { y };
    let (biased, r) = reduce(y, 126.0);
    let (half, q) = (power_of_two(biased), exp_m1_reduced(r));
    let y = half.times_plus(q, half - 0.5) * 2.0;
    if x.abs() < 3e-8 { x } else { y }
}

/// c/(c + c e⁻ˣ), with c = 2⁻³² so that e⁻ˣ is in range wherever the quotient is not zero.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    const C: f32 = 1.0 / 4_294_967_296.0;
    let y = if x < -105.0 { 105.0 } else { -x };
    let y = if y < -60.0 { -60.0 } else { y };
    let (biased, r) = reduce(y, 127.0 - 32.0);
    let (s, q) = (power_of_two(biased), exp_m1_reduced(r));
    // c + s is exact, or its rounding error is added to the small term.
    let sum = s + C;
    C / (sum + s.times_plus(q, C - (sum - s)))
}

/// (1 - z)/(1 + z) with z = e^(-2|x|) = 2ⁿ(1 + q), where 1 ± 2ⁿ is exact.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let a = x.abs();
    let a = if a > 10.0 { 10.0 } else { a };
    let (biased, r) = reduce(-2.0 * a, 127.0);
    let s = power_of_two(biased);
    let q = exp_m1_reduced(r);
    ((-s).times_plus(q, 1.0 - s) / s.times_plus(q, 1.0 + s)).copysign(x)
}

/// x = 2ᵉm with √½ <= m < √2.
#[inline(always)]
fn split_exponent(x: f32) -> (f32, f32) {
    let offset = x.to_bits().wrapping_sub(SQRT_HALF).cast_signed();
    ((offset >> 23) as f32, f32::from_bits((offset.cast_unsigned() & 0x007f_ffff) + SQRT_HALF))
}

/// e ln 2 + ln(1 + f), with ln(1 + f) = f - f²/2 + f³p(f), where p has degree 8 (2^-28.8).
#[inline(always)]
fn ln_reduced(e: f32, f: f32) -> f32 {
    let p = polynomial!(f; 0.333_333_13, -0.250_000_12, 0.200_020_55, -0.166_678, 0.142_208_8, -0.124_125_08,
        0.118_866_995, -0.116_241_92, 0.066_790_02);
    e.times_plus(LN_2_HIGH, f + (f * f).times_plus(f.times_plus(p, -0.5), e * LN_2_LOW))
}

/// Splits exponent and mantissa; subnormal numbers are scaled first.
#[inline(always)]
pub(crate) fn ln(x: f32) -> f32 {
    let (scaled, scale) = if x < f32::MIN_POSITIVE { (x * 8_388_608.0, 23.0) } else { (x, 0.0) };
    let (e, m) = split_exponent(scaled);
    let y = ln_reduced(e - scale, m - 1.0);
    let y = if x == 0.0 { f32::NEG_INFINITY } else { y };
    let y = if x < 0.0 { f32::NAN } else { y };
    if x < f32::INFINITY { y } else { x }
}

/// As `ln` of 1 + x, with the rounding error of the sum added to the reduced argument.
#[inline(always)]
pub(crate) fn ln_1p(x: f32) -> f32 {
    let u = 1.0 + x;
    let v = u - 1.0;
    let lost = (1.0 - (u - v)) + (x - v);
    let (e, m) = split_exponent(u);
    let down = if e > 64.0 { 64.0 } else { e };
    let y = ln_reduced(e, (m - 1.0) + lost * power_of_two((ROUND + 127.0) - down));
    let y = if x == -1.0 { f32::NEG_INFINITY } else { y };
    let y = if x < -1.0 { f32::NAN } else { y };
    let y = if x.abs() < 3e-8 { x } else { y };
    if x < f32::INFINITY { y } else { x }
}

/// erfc(|x|) as e^(-x²) times a rational function of |x| (2^-27.3), in `f64`, because the square needs its digits.
#[inline(always)]
fn erfc_abs(x: f32) -> f64 {
    const ROUND: f64 = 6_755_399_441_055_744.0 + 1023.0;
    let a = x.abs();
    let a = f64::from(if a > 10.2 { 10.2 } else { a });
    let square = a * a;
    let biased = ROUND - square * core::f64::consts::LOG2_E;
    let n = biased - ROUND;
    let r = -square - n * core::f64::consts::LN_2;
    let q = r + r
        * r
        * polynomial!(r; 0.49999993448072733, 0.16666520635497437, 0.041668387963148396, 0.0083687162989157377,
            0.0013814601854898424);
    let p = polynomial!(a; 1.0, 1.2392728116065301, 0.73250859525999666, 0.22965041071092257, 0.032887317896291966);
    let d = polynomial!(a; 1.0, 2.3676525688843844, 2.4041089165955441, 1.3270571787915448, 0.40707074499902871,
        0.058290568816891188);
    f64::from_bits(biased.to_bits() << 52) * ((1.0 + q) * p / d)
}

/// x + xp(x²) with p of degree 5 (2^-27.1) near 0, 1 - erfc(|x|) elsewhere.
#[inline(always)]
pub(crate) fn erf(x: f32) -> f32 {
    let near = x.times_plus(
        polynomial!(x * x; 0.128_379_17, -0.376_125_9, 0.112_828_65, -0.026_807_288, 0.005_057_703_7,
        -0.000_634_851_87),
        x,
    );
    let far = ((1.0 - erfc_abs(x)) as f32).copysign(x);
    if x.abs() < 0.85 { near } else { far }
}

/// erfc(|x|), or 2 - erfc(|x|).
#[inline(always)]
pub(crate) fn erfc(x: f32) -> f32 {
    let y = erfc_abs(x);
    (if x < 0.0 { 2.0 - y } else { y }) as f32
}

/// e^(a²/2)·Φ(-a) as a number and what its rounding lost, and the parts of e^(-a²/2) for 0 <= a <= 14.4: 2ⁿ, times 2⁶⁴,
/// and q, where a² is a rounded square plus its rounding error.
///
/// The first is (½ + wp(w - 1))/(1 + a√(π/2)) with w = 2a/(4 + a) and p of degree 10 (2^-28.7). The denominator makes the
/// numerator almost constant, so that rounding errors of w and p hardly count.
#[inline(always)]
fn normal_tail(a: f32) -> (f32, f32, f32, f32) {
    let square = a * a;
    let lost = a.square_error(square);
    let (biased, r) = reduce(-0.5 * square, 127.0 + 64.0);
    let q = exp_m1_reduced(lost.times_plus(-0.5, r));
    let w = a / 0.5_f32.times_plus(a, 2.0);
    let p = polynomial!(w - 1.0; 0.06771540725, -0.1457510999, 0.13178999, -0.0777799383, 0.02960826139, -0.0049800906,
        -0.00142626315, 0.0009108175181, 0.00003860659601, -0.0001272969755, -0.000024033305);
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
pub(crate) fn normal_cdf(x: f32) -> f32 {
    let a = x.abs();
    let (tail, lost, s, q) = normal_tail(if a > 14.4 { 14.4 } else { a });
    let tail = s * (tail + tail.times_plus(q, lost)) * TINY;
    if x > 0.0 { 1.0 - tail } else { tail }
}

/// x - xΦ(-x), and -|x|Φ(-|x|) for x < 0, in which x is a factor before the tail becomes subnormal.
#[inline(always)]
pub(crate) fn gelu(x: f32) -> f32 {
    let a = x.abs();
    let a = if a > 14.4 { 14.4 } else { a };
    let (tail, lost, s, q) = normal_tail(a);
    let far = a * tail;
    let lost = a.times_plus(lost, a.times_plus(tail, -far));
    let far = s * (far + far.times_plus(q, lost.times_plus(q, lost))) * TINY;
    if x < 0.0 { -far } else { x - far }
}

/// Φ(x) + xφ(x), the slope of `gelu`: e^(-a²/2)·(tail - a/√(2π)) for x = -a, and 1 minus that for x = a.
#[inline(always)]
pub(crate) fn gelu_slope(x: f32) -> f32 {
    let a = x.abs();
    let a = if a > 15.0 { 15.0 } else { a };
    let (tail, lost, s, q) = normal_tail(a);
    let part = a.times_plus(-0.398_942_28, tail) + lost;
    let below = s * part.times_plus(q, part) * TINY;
    if x > 0.0 { 1.0 - below } else { below }
}

/// x/(1 + e⁻ˣ) = x(1 + q)2ⁿ/(1 + eˣ) for x < 0, in which x is a factor before eˣ becomes subnormal.
#[inline(always)]
pub(crate) fn silu(x: f32) -> f32 {
    let low = if x < -125.0 { -125.0 } else { x };
    let a = low.abs();
    let (biased, r) = reduce(if a > 125.0 { -125.0 } else { -a }, 127.0 + 64.0);
    let (s, q) = (power_of_two(biased), exp_m1_reduced(r));
    let below = low * s;
    let (top, scale) = if x < 0.0 { (below.times_plus(q, below), TINY) } else { (x, 1.0) };
    top / s.times_plus(q, s).times_plus(TINY, 1.0) * scale
}

/// The slope of `silu`: e(1 + e - a)/(1 + e)² with e = e⁻ᵃ for x = -a, and 1 minus that for x = a.
#[inline(always)]
pub(crate) fn silu_slope(x: f32) -> f32 {
    let a = x.abs();
    let a = if a > 125.0 { 125.0 } else { a };
    let (biased, r) = reduce(-a, 127.0 + 64.0);
    let (s, q) = (power_of_two(biased), exp_m1_reduced(r));
    let d = s.times_plus(q, s).times_plus(TINY, 1.0);
    let part = s * ((d - a) / (d * d));
    let below = part.times_plus(q, part) * TINY;
    if x > 0.0 { 1.0 - below } else { below }
}

/// x·n/(n + 2) with e = eˣ and n = e(e + 2): x(1 - 2/(n + 2)), and xe(1 - e(1 + e)/(n + 2)) for x < 0, in which x is a
/// factor before e becomes subnormal.
#[inline(always)]
pub(crate) fn mish(x: f32) -> f32 {
    let low = if x < -125.0 { -125.0 } else { x };
    // From here on, the quotient is 1.
    let (biased, r) = reduce(if low > 40.0 { 40.0 } else { low }, 127.0 + 64.0);
    let (s, q) = (power_of_two(biased), exp_m1_reduced(r));
    let e = s.times_plus(q, s) * TINY;
    let below = low * s;
    let below = below.times_plus(q, below);
    let (x, part, scale) = if x < 0.0 { (below, e.times_plus(e, e), TINY) } else { (x, 2.0, 1.0) };
    x * (1.0 - part / e.times_plus(e + 2.0, 2.0)) * scale
}

/// The slope of `mish`: e(e + 2 + p)/d with e = eˣ, d = e² + 2e + 2 and p = 4x(e + 1)/d; 1 + (ep - 2)/d for x > 0.
#[inline(always)]
pub(crate) fn mish_slope(x: f32) -> f32 {
    let x = if x < -125.0 { -125.0 } else { x };
    // From here on, the slope is 1.
    let x = if x > 40.0 { 40.0 } else { x };
    let (biased, r) = reduce(x, 127.0 + 64.0);
    let (s, q) = (power_of_two(biased), exp_m1_reduced(r));
    let e = s.times_plus(q, s) * TINY;
    let inverse = 1.0 / e.times_plus(e + 2.0, 2.0);
    let part = 4.0 * x * (e + 1.0) * inverse;
    let below = s * ((part + (e + 2.0)) * inverse);
    let below = below.times_plus(q, below) * TINY;
    if x > 0.0 { e.times_plus(part, -2.0).times_plus(inverse, 1.0) } else { below }
}
