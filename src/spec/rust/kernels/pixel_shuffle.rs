/// (channels·r², height, width) becomes (channels, height·r, width·r).
pub fn pixel_shuffle(x: &[Number], y: &mut [Number], [height, width]: [usize; 2], r: usize) {
    let (tall, wide) = (height * r, width * r);
    for (position, y) in y.iter_mut().enumerate() {
        let (channel, row, column) = (position / (tall * wide), position / wide % tall, position % wide);
        let channel = (channel * r + row % r) * r + column % r;
        *y = x[(channel * height + row / r) * width + column / r];
    }
}
