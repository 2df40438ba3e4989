/// The rows of w with the indices x; NaN for an invalid index.
pub fn embedding<W: Weight>(x: &[Number], y: &mut [Number], w: &[W], scale: &[Number], features: usize) {
    for (&x, y) in x.iter().zip(y.chunks_exact_mut(features)) {
        let index = x as usize;
        match w.chunks_exact(features).nth(index).filter(|_| index as Number == x) {
            Some(row) => y.iter_mut().zip(row).for_each(|(y, w)| *y = w.number()),
            None => y.fill(Number::NAN),
        }
        finish(y, scale, &[]);
    }
}
