/// The softmax over `size` channels of `stride` contiguous elements each.
pub fn softmax(y: &mut [Number], size: usize, stride: usize) {
    for y in y.chunks_exact_mut((size * stride).max(1)) {
        for position in 0..stride {
            let group = || (position..size * stride).step_by(stride);
            let max = group().fold(Number::NEG_INFINITY, |max, i| maximum(max, y[i]));
            let mut sum = 0.0;
            for i in group() {
                y[i] = math::exp(y[i] - max);
                sum += y[i];
            }
            let scale = 1.0 / sum;
            for i in group() {
                y[i] *= scale;
            }
        }
    }
}
