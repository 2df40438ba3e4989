/// The number of steps before trailing all-zero ones.
pub fn steps_before_padding(x: &[Number], features: usize) -> usize {
    x.iter().rposition(|&x| x != 0.0).map_or(0, |last| last / features + 1)
}
