/// √x, by two steps of Newton's method.
pub fn sqrt(x: Number) -> Number {
    if !(x > 0.0 && x < Number::INFINITY) {
        return if x < 0.0 { Number::NAN } else { x };
    }
    let y = exp(0.5 * ln(x));
    let y = 0.5 * (y + x / y);
    0.5 * (y + x / y)
}
