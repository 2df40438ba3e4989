/// The features of all x side by side, in each of `steps` steps.
pub fn concat(x: &[&[Number]], y: &mut [Number], steps: usize) {
    let mut from = 0;
    let total = y.len() / steps;
    for x in x {
        let width = x.len() / steps;
        for (x, y) in x.chunks_exact(width.max(1)).zip(y.chunks_exact_mut(total.max(1))) {
            y[from..][..width].copy_from_slice(x);
        }
        from += width;
    }
}
