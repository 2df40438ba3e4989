/// The mean of a region of x for each output pixel; regions may overlap.
pub fn adaptive_avg_pool(x: &[Number], y: &mut [Number], [height, width]: [usize; 2], [rows, columns]: [usize; 2]) {
    let region = |i: usize, n: usize, outputs: usize| i * n / outputs..((i + 1) * n).div_ceil(outputs);
    for (x, y) in x.chunks_exact(height * width).zip(y.chunks_exact_mut(rows * columns)) {
        for (i, y) in y.iter_mut().enumerate() {
            let (down, across) = (region(i / columns, height, rows), region(i % columns, width, columns));
            let count = (down.len() * across.len()) as Number;
            let row = |row: usize| x[row * width..][across.clone()].iter().sum::<Number>();
            *y = down.map(row).sum::<Number>() / count;
        }
    }
}
