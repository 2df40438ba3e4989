/// Interpolates each pixel of y from four rows and four columns of x, with a weight for each. Those with weight 0 are
/// skipped, because 0·∞ is NaN.
pub fn resize2d(
    x: &[Number],
    y: &mut [Number],
    [height, width]: [usize; 2],
    [rows, columns]: [&[[usize; 4]]; 2],
    [down, across]: [&[Number]; 2],
) {
    let used = |(_, weight): &(&usize, &Number)| **weight != 0.0;
    for (x, y) in x.chunks_exact(height * width).zip(y.chunks_exact_mut(rows.len() * columns.len())) {
        let lines = y.chunks_exact_mut(columns.len()).zip(rows).zip(down.chunks_exact(4));
        for ((y, rows), down) in lines {
            for ((y, columns), across) in y.iter_mut().zip(columns).zip(across.chunks_exact(4)) {
                *y = 0.0;
                for (row, down) in rows.iter().zip(down).filter(used) {
                    for (column, across) in columns.iter().zip(across).filter(used) {
                        *y += x[row * width + column] * (down * across);
                    }
                }
            }
        }
    }
}
