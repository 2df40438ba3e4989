/// Where the value of a padded position comes from, given the position, the padding before, and the size; `None` for 0.
pub type Source = fn(usize, usize, usize) -> Option<usize>;

/// Padding with zeros.
pub fn zero(position: usize, before: usize, n: usize) -> Option<usize> {
    position.checked_sub(before).filter(|&pixel| pixel < n)
}

/// Padding with another constant.
pub fn constant(position: usize, before: usize, n: usize) -> Option<usize> {
    zero(position, before, n)
}

/// Reflection padding: mirrored at the border.
pub fn reflect(position: usize, before: usize, n: usize) -> Option<usize> {
    let pixel = position.abs_diff(before);
    Some(if position > before && pixel >= n { 2 * (n - 1) - pixel } else { pixel })
}

/// Replication padding: the border is repeated.
pub fn replicate(position: usize, before: usize, n: usize) -> Option<usize> {
    Some(position.saturating_sub(before).min(n - 1))
}

/// Images with padding above, below, left and right; `value` where it has no source.
pub fn pad2d(
    x: &[Number],
    y: &mut [Number],
    [height, width]: [usize; 2],
    [[above, below], [left, right]]: [[usize; 2]; 2],
    source: Source,
    value: Number,
) {
    let (tall, wide) = (above + height + below, left + width + right);
    for (position, y) in y.iter_mut().enumerate() {
        let (channel, row, column) = (position / (tall * wide), position / wide % tall, position % wide);
        let row = source(row, above, height);
        let pixel = row.zip(source(column, left, width));
        *y = pixel.map_or(value, |(row, column)| x[(channel * height + row) * width + column]);
    }
}
