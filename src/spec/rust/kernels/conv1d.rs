/// y(t) = Σ x(t + tap)·w(tap) + b, over the features of each group; w is (taps, features in of a group, features out).
pub fn conv1d<W: Weight>(
    x: &[Number],
    y: &mut [Number],
    w: &[W],
    scale: &[Number],
    b: &[Number],
    steps: Axis,
    groups: usize,
) {
    let (inputs, outputs) = (x.len() / steps.input, y.len() / steps.output);
    for (position, y) in y.chunks_exact_mut(outputs).enumerate() {
        y.fill(0.0);
        for (tap, w) in w.chunks_exact(inputs / groups * outputs).enumerate() {
            let Some(step) = steps.cell(position, tap) else { continue };
            let x = x[step * inputs..][..inputs].chunks_exact(inputs / groups);
            for (group, (x, y)) in x.zip(y.chunks_exact_mut(outputs / groups)).enumerate() {
                product(x, y, &w[group * (outputs / groups)..], outputs);
            }
        }
        finish(y, scale, b);
    }
}
