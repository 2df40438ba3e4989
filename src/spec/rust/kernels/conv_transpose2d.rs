/// Transposed convolution: y(o) = Σ x(c) spread by w(c, o) + b(o), over the channels c of the group of o. The axes are
/// those of the convolution from y to x.
pub fn conv_transpose2d<W: Weight>(
    x: &[Number],
    y: &mut [Number],
    w: &[W],
    scale: &[Number],
    b: &[Number],
    [rows, columns]: [Axis; 2],
    groups: usize,
) {
    let (image, plane) = (rows.input * columns.input, rows.output * columns.output);
    let (inputs, taps) = (x.len() / plane, rows.kernel * columns.kernel);
    let outputs = y.len() / image / groups;
    y.fill(0.0);
    for (c, (x, w)) in x.chunks_exact(plane).zip(w.chunks_exact(outputs * taps)).enumerate() {
        let y = &mut y[c / (inputs / groups) * outputs * image..];
        for (y, w) in y.chunks_exact_mut(image).zip(w.chunks_exact(taps)) {
            for (tap, w) in w.iter().enumerate() {
                add_spread(x, y, w.number(), [rows, columns], [tap / columns.kernel, tap % columns.kernel]);
            }
        }
    }
    for (o, y) in y.chunks_exact_mut(image).enumerate() {
        finish_channel(y, o, scale, b);
    }
}

/// y += w·x, where y is shifted by kernel position (i, j).
#[inline]
fn add_spread(x: &[Number], y: &mut [Number], w: Number, [rows, columns]: [Axis; 2], [i, j]: [usize; 2]) {
    let (from, to) = columns.positions(j);
    let Some(first) = columns.cell(from, j).filter(|_| from < to) else { return };
    for (position, x) in x.chunks_exact(columns.output).enumerate() {
        let Some(row) = rows.cell(position, i) else { continue };
        let y = y[row * columns.input + first..].iter_mut().step_by(columns.stride);
        for (y, x) in y.zip(&x[from..to]) {
            *y += w * x;
        }
    }
}
