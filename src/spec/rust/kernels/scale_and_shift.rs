/// y = y·scale + shift for each of `channels` channels of `stride` contiguous elements.
pub fn scale_and_shift(y: &mut [Number], scale: &[Number], shift: &[Number], channels: usize, stride: usize) {
    for y in y.chunks_exact_mut((channels * stride).max(1)) {
        if stride == 1 {
            finish(y, scale, shift);
            continue;
        }
        for (channel, y) in y.chunks_exact_mut(stride).enumerate() {
            finish_channel(y, channel, scale, shift);
        }
    }
}
