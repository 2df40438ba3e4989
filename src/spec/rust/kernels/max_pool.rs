/// The maximum of each window, per channel.
pub fn max_pool(x: &[Number], y: &mut [Number], [rows, columns]: [Axis; 2]) {
    let (image, plane) = (rows.input * columns.input, rows.output * columns.output);
    for (x, y) in x.chunks_exact(image).zip(y.chunks_exact_mut(plane)) {
        for (position, y) in y.iter_mut().enumerate() {
            *y = Number::NEG_INFINITY;
            let (p, q) = (position / columns.output, position % columns.output);
            for row in (0..rows.kernel).filter_map(|i| rows.cell(p, i)) {
                for column in (0..columns.kernel).filter_map(|j| columns.cell(q, j)) {
                    *y = maximum(*y, x[row * columns.input + column]);
                }
            }
        }
    }
}
