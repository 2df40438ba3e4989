//! [`TimesPlus`] for targets without a fused multiply-add, where `mul_add` is a slow function call. Exported Rust source
//! has it, too.

/// The operation of which polynomials are made.
pub(super) trait TimesPlus {
    /// x·a + b, rounded twice.
    fn times_plus(self, a: Self, b: Self) -> Self;
    /// x² - `square`, the rounding error of a square.
    fn square_error(self, square: Self) -> Self;
}

impl TimesPlus for f32 {
    #[inline(always)]
    fn times_plus(self, a: Self, b: Self) -> Self {
        self * a + b
    }
    #[inline(always)]
    fn square_error(self, square: Self) -> Self {
        // The products of halves of the digits are exact (Dekker, 1971).
        let high = Self::from_bits(self.to_bits() & !0x0fff);
        let low = self - high;
        ((high * high - square) + 2.0 * high * low) + low * low
    }
}

impl TimesPlus for f64 {
    #[inline(always)]
    fn times_plus(self, a: Self, b: Self) -> Self {
        self * a + b
    }
    #[inline(always)]
    fn square_error(self, square: Self) -> Self {
        // As above.
        let high = Self::from_bits(self.to_bits() & !0x07ff_ffff);
        let low = self - high;
        ((high * high - square) + 2.0 * high * low) + low * low
    }
}
