/// y where it is positive, slope·y elsewhere, for channels of `stride` contiguous elements.
pub fn p_relu(y: &mut [Number], slopes: &[Number], stride: usize) {
    for (y, slope) in y.chunks_mut(stride).zip(slopes.iter().cycle()) {
        for y in y {
            *y = if *y > 0.0 { *y } else { slope * *y };
        }
    }
}
