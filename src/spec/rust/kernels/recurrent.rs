/// The weights of one direction: W and b of the input, and of the hidden state.
pub struct Direction<'a, W> {
    pub of_x: (&'a [W], &'a [Number], &'a [Number]),
    pub of_h: (&'a [W], &'a [Number], &'a [Number]),
}

/// One step: computes the next h and c from x·Wₓ + bₓ (which it may overwrite) and h·Wₕ + bₕ.
pub type Cell = fn(&mut [Number], &[Number], &mut [Number], &mut [Number]);

/// A recurrent layer: all hidden states of each direction, or the last one. Unless `features` is 0, trailing all-zero
/// steps of `original`, of `features` numbers each, are padding. If it `resets`, the product of the last gate is with
/// r ∘ h, for the first gate r.
pub fn recurrent<W: Weight>(
    x: &[Number],
    original: &[Number],
    y: &mut [Number],
    memory: &mut [Number],
    cell: Cell,
    directions: &[Direction<'_, W>],
    [steps, units, features]: [usize; 3],
    [last, resets]: [bool; 2],
) {
    let width = directions.len() * units;
    let (state, sums) = memory.split_at_mut(2 * units);
    let (h, c) = state.split_at_mut(units);
    let (from_x, from_h) = sums.split_at_mut(sums.len() / 2);
    let seen = if features > 0 { steps_before_padding(original, features) } else { steps };
    if !last {
        y[seen * width..].fill(0.0);
    }
    for (d, Direction { of_x, of_h }) in directions.iter().enumerate() {
        h.fill(0.0);
        c.fill(0.0);
        for i in 0..seen {
            let t = if d == 1 { seen - 1 - i } else { i };
            let x = &x[t * (x.len() / steps)..][..x.len() / steps];
            for (x, sums, (w, scale, b)) in [(x, &mut *from_x, of_x), (&*h, &mut *from_h, of_h)] {
                sums.fill(0.0);
                product(x, sums, w, sums.len());
                finish(sums, scale, b);
            }
            if resets {
                // There is no c.
                for (k, reset) in c.iter_mut().enumerate() {
                    *reset = math::sigmoid(from_x[k] + from_h[k]) * h[k];
                }
                let (w, scale, b) = of_h;
                let (late, width) = (from_h.len() - units, from_h.len());
                let sums = &mut from_h[late..];
                sums.fill(0.0);
                product(c, sums, &w[late..], width);
                finish(sums, scale.get(late..).unwrap_or(&[]), b.get(late..).unwrap_or(&[]));
            }
            cell(from_x, from_h, h, c);
            if !last {
                y[t * width + d * units..][..units].copy_from_slice(h);
            }
        }
        if last {
            y[d * units..][..units].copy_from_slice(h);
        }
    }
}
