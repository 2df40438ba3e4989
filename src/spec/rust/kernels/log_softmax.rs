/// The logarithm of the softmax over `size` channels of `stride` contiguous elements each.
pub fn log_softmax(y: &mut [Number], size: usize, stride: usize) {
    for y in y.chunks_exact_mut((size * stride).max(1)) {
        for position in 0..stride {
            let group = || (position..size * stride).step_by(stride);
            let max = group().fold(Number::NEG_INFINITY, |max, i| maximum(max, y[i]));
            let log = math::ln(group().fold(0.0, |sum, i| sum + math::exp(y[i] - max)));
            for i in group() {
                y[i] = (y[i] - max) - log;
            }
        }
    }
}
