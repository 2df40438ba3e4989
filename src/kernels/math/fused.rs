//! [`TimesPlus`] for machines with a fused multiply-add.

/// The operation of which polynomials are made.
pub(super) trait TimesPlus {
    /// x·a + b, rounded once.
    fn times_plus(self, a: Self, b: Self) -> Self;
    /// x² - `square`, the rounding error of a square.
    fn square_error(self, square: Self) -> Self;
}

macro_rules! times_plus {
    ($($float:ident)*) => {$(
        impl TimesPlus for $float {
            #[inline(always)]
            fn times_plus(self, a: Self, b: Self) -> Self {
                self.mul_add(a, b)
            }
            #[inline(always)]
            fn square_error(self, square: Self) -> Self {
                self.mul_add(self, -square)
            }
        }
    )*};
}

times_plus!(f32 f64);
