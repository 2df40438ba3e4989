/// Adds a code to each step; if `masked`, trailing all-zero steps are padding and stay 0.
pub fn add_codes(y: &mut [Number], codes: &[Number], features: usize, masked: bool) {
    let steps = if masked { steps_before_padding(y, features) } else { y.len() / features };
    for (y, code) in y[..steps * features].iter_mut().zip(codes) {
        *y += code;
    }
}
