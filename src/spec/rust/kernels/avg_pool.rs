/// The mean of each window, per channel, with or without counting the padding.
pub fn avg_pool(x: &[Number], y: &mut [Number], [rows, columns]: [Axis; 2], with_padding: bool) {
    let (image, plane) = (rows.input * columns.input, rows.output * columns.output);
    let count = |axis: Axis, position: usize| {
        let (from, to) = if with_padding { (0, axis.padded()) } else { (axis.before, axis.before + axis.input) };
        let cells = (0..axis.kernel).map(|tap| position * axis.stride + tap * axis.dilation);
        cells.filter(|&cell| cell >= from && cell < to).count()
    };
    for (x, y) in x.chunks_exact(image).zip(y.chunks_exact_mut(plane)) {
        for (position, y) in y.iter_mut().enumerate() {
            let (p, q) = (position / columns.output, position % columns.output);
            let mut sum = 0.0;
            for row in (0..rows.kernel).filter_map(|i| rows.cell(p, i)) {
                for column in (0..columns.kernel).filter_map(|j| columns.cell(q, j)) {
                    sum += x[row * columns.input + column];
                }
            }
            *y = sum / (count(rows, p) * count(columns, q)) as Number;
        }
    }
}
