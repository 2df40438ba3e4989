/// Repeats each pixel as `down` x `across` pixels.
pub fn upsample_nearest(x: &[Number], y: &mut [Number], width: usize, [down, across]: [usize; 2]) {
    let wide = width * across;
    for (position, y) in y.iter_mut().enumerate() {
        *y = x[position / wide / down * width + position % wide / across];
    }
}
