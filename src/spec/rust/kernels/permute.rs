/// Permutes the axes.
pub fn permute(x: &[Number], y: &mut [Number], sizes: [usize; 3], axes: [usize; 3]) {
    let strides = [sizes[1] * sizes[2], sizes[2], 1];
    let [a, b, c] = axes;
    for (position, y) in y.iter_mut().enumerate() {
        let (i, j, k) = (position / (sizes[b] * sizes[c]), position / sizes[c] % sizes[b], position % sizes[c]);
        *y = x[i * strides[a] + j * strides[b] + k * strides[c]];
    }
}
