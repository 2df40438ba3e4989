/// Sets the steps of y to 0 where x has trailing all-zero steps.
pub fn clear_padding(y: &mut [Number], x: &[Number], features: usize) {
    y[steps_before_padding(x, features) * features..].fill(0.0);
}
