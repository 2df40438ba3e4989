/// The dot product of a and b.
pub fn dot(a: &[Number], b: &[Number], y: &mut [Number]) {
    y[0] = a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b);
}
