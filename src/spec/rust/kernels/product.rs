/// y += x·W, where row i of W starts at w[i·stride] and has the length of y.
pub fn product<W: Weight>(x: &[Number], y: &mut [Number], w: &[W], stride: usize) {
    const WIDTH: usize = 16;
    let (blocks, rest) = y.as_chunks_mut::<WIDTH>();
    let done = blocks.len() * WIDTH;
    for (i, y) in blocks.iter_mut().enumerate() {
        let mut sums = [0.0; WIDTH];
        for (x, w) in x.iter().zip(w[i * WIDTH..].chunks(stride)) {
            if let Some(w) = w.first_chunk::<WIDTH>() {
                for (sum, w) in sums.iter_mut().zip(w) {
                    *sum += x * w.number();
                }
            }
        }
        for (y, sum) in y.iter_mut().zip(sums) {
            *y += sum;
        }
    }
    if rest.is_empty() {
        return;
    }
    for (x, w) in x.iter().zip(w[done..].chunks(stride)) {
        for (y, w) in rest.iter_mut().zip(w) {
            *y += x * w.number();
        }
    }
}
