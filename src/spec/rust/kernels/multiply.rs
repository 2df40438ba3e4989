/// y *= x, elementwise.
pub fn multiply(y: &mut [Number], x: &[Number]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y *= x;
    }
}
