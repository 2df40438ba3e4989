/// y(o) = Σ w(o, c) ⋆ x(c) + b(o), over the channels c of the group of o.
pub fn conv2d<W: Weight>(
    x: &[Number],
    y: &mut [Number],
    w: &[W],
    scale: &[Number],
    b: &[Number],
    [rows, columns]: [Axis; 2],
    groups: usize,
) {
    let (image, plane) = (rows.input * columns.input, rows.output * columns.output);
    let (outputs, taps) = (y.len() / plane, rows.kernel * columns.kernel);
    let inputs = x.len() / image / groups;
    for (o, (y, w)) in y.chunks_exact_mut(plane).zip(w.chunks_exact(inputs * taps)).enumerate() {
        y.fill(0.0);
        let x = &x[o / (outputs / groups) * inputs * image..];
        for (x, w) in x.chunks_exact(image).zip(w.chunks_exact(taps)) {
            for (tap, w) in w.iter().enumerate() {
                add_shifted(x, y, w.number(), [rows, columns], [tap / columns.kernel, tap % columns.kernel]);
            }
        }
        finish_channel(y, o, scale, b);
    }
}

/// y += w·x, where x is shifted by a tap.
#[inline]
fn add_shifted(x: &[Number], y: &mut [Number], w: Number, [rows, columns]: [Axis; 2], [i, j]: [usize; 2]) {
    let (from, to) = columns.positions(j);
    let Some(first) = columns.cell(from, j).filter(|_| from < to) else { return };
    for (position, y) in y.chunks_exact_mut(columns.output).enumerate() {
        let Some(row) = rows.cell(position, i) else { continue };
        let (x, y) = (&x[row * columns.input + first..], &mut y[from..to]);
        if columns.stride == 1 {
            for (y, x) in y.iter_mut().zip(x) {
                *y += w * x;
            }
        } else {
            for (y, x) in y.iter_mut().zip(x.iter().step_by(columns.stride)) {
                *y += w * x;
            }
        }
    }
}
