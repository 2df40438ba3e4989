/// Rotates pairs of features of each head by the angles of its step; `codes` has, for each step, their cosines and then
/// their sines.
pub fn rotate(x: &mut [Number], codes: &[Number], features: usize, width: usize) {
    for (x, codes) in x.chunks_exact_mut(features).zip(codes.chunks_exact(width)) {
        let (cos, sin) = codes.split_at(width / 2);
        for x in x.chunks_exact_mut(width) {
            let (x, y) = x.split_at_mut(width / 2);
            for ((x, y), (cos, sin)) in x.iter_mut().zip(y).zip(cos.iter().zip(sin)) {
                (*x, *y) = (*x * cos - *y * sin, *x * sin + *y * cos);
            }
        }
    }
}
