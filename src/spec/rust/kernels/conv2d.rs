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
    // The columns where no tap is in the padding: several of them at a time are vector instructions.
    let (from, to) = (columns.positions(0).0, columns.positions(columns.kernel - 1).1);
    let inner = if columns.stride == 1 && from < to { from..to } else { 0..0 };
    for (o, (y, w)) in y.chunks_exact_mut(plane).zip(w.chunks_exact(inputs * taps)).enumerate() {
        let x = &x[o / (outputs / groups) * inputs * image..];
        for (row, y) in y.chunks_exact_mut(columns.output).enumerate() {
            let mut at = 0;
            while at < columns.output {
                let left = if at < inner.start { 0 } else { inner.end.saturating_sub(at) };
                at = if left >= 16 {
                    windows::<W, 16>(x, y, w, [rows, columns], [row, at])
                } else if left > 0 && inner.len() >= 8 {
                    windows::<W, 8>(x, y, w, [rows, columns], [row, at.min(inner.end - 8)])
                } else {
                    windows::<W, 1>(x, y, w, [rows, columns], [row, at])
                };
            }
        }
        finish_channel(y, o, scale, b);
    }
}

/// Computes N positions of a row of y, and returns the next.
#[inline(always)]
fn windows<W: Weight, const N: usize>(
    x: &[Number],
    y: &mut [Number],
    w: &[W],
    [rows, columns]: [Axis; 2],
    [row, column]: [usize; 2],
) -> usize {
    let mut sums = [0.0; N];
    let (down, across) = (rows.taps(row), columns.taps(column));
    let (image, taps) = (rows.input * columns.input, rows.kernel * columns.kernel);
    for (x, w) in x.chunks_exact(image).zip(w.chunks_exact(taps)) {
        for i in down.clone() {
            let line = (row * rows.stride + i * rows.dilation - rows.before) * columns.input;
            let (line, w) = (&x[line..][..columns.input], &w[i * columns.kernel..][..columns.kernel]);
            for j in across.clone() {
                let first = column * columns.stride + j * columns.dilation - columns.before;
                if let Some(x) = line[first..].first_chunk::<N>() {
                    for (sum, x) in sums.iter_mut().zip(x) {
                        *sum += w[j].number() * x;
                    }
                }
            }
        }
    }
    y[column..column + N].copy_from_slice(&sums);
    column + N
}
