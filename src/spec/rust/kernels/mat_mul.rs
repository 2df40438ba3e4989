/// The products of matrices (n, k) and (k, m), pair by pair.
pub fn mat_mul(a: &[Number], b: &[Number], y: &mut [Number], [n, k, m]: [usize; 3]) {
    for ((a, b), y) in a.chunks_exact(n * k).zip(b.chunks_exact(k * m)).zip(y.chunks_exact_mut(n * m)) {
        for (a, y) in a.chunks_exact(k).zip(y.chunks_exact_mut(m)) {
            y.fill(0.0);
            product(a, y, b, m);
        }
    }
}
