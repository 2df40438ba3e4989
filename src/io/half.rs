//! The two 16-bit floating-point types, as `f32`.

/// `bfloat16`: the upper half of an `f32`.
#[cfg(feature = "files")] // NumPy has no bfloat16.
pub(super) fn bf16(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// IEEE 754 `binary16`: a sign, 5 bits of exponent, 10 of fraction.
pub(super) fn f16(bits: u16) -> f32 {
    let (sign, exponent, fraction) = (u32::from(bits >> 15) << 31, u32::from(bits >> 10) & 31, u32::from(bits) & 1023);
    let magnitude = match exponent {
        // Zero and subnormal numbers, in units of 2⁻²⁴.
        0 => (fraction as f32 / 16_777_216.0).to_bits(),
        31 => 0x7f80_0000 | fraction << 13,
        _ => (exponent + 112) << 23 | fraction << 13,
    };
    f32::from_bits(sign | magnitude)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_number_has_its_value() {
        for bits in 0..=u16::MAX {
            let (sign, exponent, fraction) = (bits >> 15, i32::from(bits >> 10) & 31, f64::from(bits & 1023));
            let magnitude = match exponent {
                0 => fraction * 2_f64.powi(-24),
                31 if fraction > 0.0 => f64::NAN,
                31 => f64::INFINITY,
                _ => (1.0 + fraction / 1024.0) * 2_f64.powi(exponent - 15),
            };
            let want = if sign == 1 { -magnitude } else { magnitude };
            let got = f64::from(f16(bits));
            assert!(got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(), "{bits:#x}: {got}, not {want}");
        }
    }

    #[cfg(feature = "files")]
    #[test]
    fn a_bfloat16_is_half_an_f32() {
        for (bits, want) in [(0x3f80, 1.0), (0xc000, -2.0), (0x7f80, f32::INFINITY), (0x0001, f32::from_bits(1 << 16))]
        {
            assert_eq!(bf16(bits), want);
        }
    }
}
