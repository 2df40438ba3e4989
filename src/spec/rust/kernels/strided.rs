/// The elements of x from `offset` on, by axes of a size and a stride, outermost first.
pub fn strided(x: &[Number], y: &mut [Number], axes: &[(usize, isize)], offset: isize) {
    let Some((&(width, step), outer)) = axes.split_last() else { return };
    for (row, y) in y.chunks_exact_mut(width).enumerate() {
        let (mut rest, mut start) = (row, offset);
        for &(size, stride) in outer.iter().rev() {
            start += (rest % size) as isize * stride;
            rest /= size;
        }
        for (i, y) in y.iter_mut().enumerate() {
            *y = x[(start + i as isize * step) as usize];
        }
    }
}
