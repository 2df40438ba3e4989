/// y = x·W + b for each row of x; W is (inputs, outputs).
pub fn dense<W: Weight>(x: &[Number], y: &mut [Number], w: &[W], scale: &[Number], b: &[Number], outputs: usize) {
    for (x, y) in x.chunks_exact(w.len() / outputs).zip(y.chunks_exact_mut(outputs)) {
        y.fill(0.0);
        product(x, y, w, outputs);
        finish(y, scale, b);
    }
}
