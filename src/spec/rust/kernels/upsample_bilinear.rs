/// Interpolates linearly between the pixels of x.
pub fn upsample_bilinear(x: &[Number], y: &mut [Number], [height, width]: [usize; 2], [down, across]: [usize; 2]) {
    // Two neighbors, and the weight of the second.
    let source = |position: usize, scale: usize, n: usize| {
        let halves = (2 * position + 1).saturating_sub(scale);
        let (first, rest) = (halves / (2 * scale), halves % (2 * scale));
        let weight = if first + 1 < n { rest as Number / (2 * scale) as Number } else { 0.0 };
        (first, if weight > 0.0 { first + 1 } else { first }, weight)
    };
    let mix = |a: Number, b: Number, weight: Number| if weight > 0.0 { a * (1.0 - weight) + b * weight } else { a };
    let wide = width * across;
    for (x, y) in x.chunks_exact(height * width).zip(y.chunks_exact_mut(height * down * wide)) {
        for (position, y) in y.iter_mut().enumerate() {
            let (above, below, of_below) = source(position / wide, down, height);
            let (left, right, of_right) = source(position % wide, across, width);
            let row = |row: usize| mix(x[row * width + left], x[row * width + right], of_right);
            *y = mix(row(above), row(below), of_below);
        }
    }
}
