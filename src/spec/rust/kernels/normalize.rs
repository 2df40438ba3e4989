/// (y - μ)/√(σ² + eps) for each of `groups` groups, which are parts of equal length in each of `blocks` blocks; without
/// `centered`, μ is 0.
pub fn normalize(y: &mut [Number], blocks: usize, groups: usize, centered: bool, eps: Number) {
    let (size, count) = (y.len() / (blocks * groups), (y.len() / groups) as Number);
    for group in 0..groups {
        let mean = |y: &[Number], f: &dyn Fn(Number) -> Number| {
            let parts = y.chunks_exact(size).skip(group).step_by(groups);
            parts.flatten().fold(0.0, |sum, &y| sum + f(y)) / count
        };
        // The mean and its rounding error.
        let high = if centered { mean(y, &|y| y) } else { 0.0 };
        let low = if centered { mean(y, &|y| y - high) } else { 0.0 };
        let variance = mean(y, &|y| ((y - high) - low) * ((y - high) - low));
        let scale = 1.0 / math::sqrt(variance + eps);
        for y in y.chunks_exact_mut(size).skip(group).step_by(groups).flatten() {
            *y = ((*y - high) - low) * scale;
        }
    }
}
