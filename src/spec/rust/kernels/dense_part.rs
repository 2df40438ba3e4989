/// y = x·W + b for each row of x, with the columns of W from `from` on; W has `columns` columns.
pub fn dense_part<W: Weight>(
    x: &[Number],
    y: &mut [Number],
    w: &[W],
    scale: &[Number],
    b: &[Number],
    [from, outputs, columns]: [usize; 3],
) {
    for (x, y) in x.chunks_exact(w.len() / columns).zip(y.chunks_exact_mut(outputs)) {
        y.fill(0.0);
        product(x, y, &w[from..], columns);
        finish(y, scale.get(from..from + outputs).unwrap_or(&[]), b.get(from..from + outputs).unwrap_or(&[]));
    }
}
