/// |a - b|.
pub fn distance(a: &[Number], b: &[Number], y: &mut [Number]) {
    y[0] = math::sqrt(a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + (a - b) * (a - b)));
}
