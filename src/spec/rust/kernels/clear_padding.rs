/// Sets the steps of y to 0 that are trailing all-zero steps of x.
pub fn clear_padding(y: &mut [Number], x: &[Number], features: usize) {
    y[steps_before_padding(x, features) * features..].fill(0.0);
}
