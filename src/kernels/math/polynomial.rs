//! The macro to evaluate polynomials.

/// c₀ + c₁x + c₂x² + ..., evaluated in pairs, then pairs of pairs: half the latency of Horner's scheme.
macro_rules! polynomial {
    ($x:expr; $a:expr) => { $a };
    ($x:expr; $($a:expr, $b:expr),+) => {{
        let x = $x;
        polynomial!(x * x; $(x.times_plus($b, $a)),+)
    }};
    ($x:expr; $a:expr, $($rest:expr),+) => {{
        let x = $x;
        x.times_plus(polynomial!(x; $($rest),+), $a)
    }};
}
