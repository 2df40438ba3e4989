//! exp, ln, tanh, erf ...: branch-free polynomials in plain `*`, `+` and `/`, so that a loop over them vectorises and
//! gives the same bits with every instruction set.
//!
//! The coefficients minimise the largest relative error over the reduced range (Remez exchange in 45 digits), each
//! rounded to the number type before the next ones are fitted. A clamp is written `if x > top { top } else { x }`: NaN
//! compares false and passes.

// Coefficients are written with the digits that pin them down.
#![allow(clippy::excessive_precision, clippy::unreadable_literal)]

/// c₀ + c₁x + c₂x² + ..., evaluated in pairs, then pairs of pairs: half the latency of Horner's scheme.
macro_rules! polynomial {
    ($x:expr; $a:expr) => { $a };
    ($x:expr; $($a:expr, $b:expr),+) => {{
        let x = $x;
        polynomial!(x * x; $($a + $b * x),+)
    }};
    ($x:expr; $a:expr, $($rest:expr),+) => {{
        let x = $x;
        $a + x * polynomial!(x; $($rest),+)
    }};
}

pub(crate) mod f32;
pub(crate) mod f64;
